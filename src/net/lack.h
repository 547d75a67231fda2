// SPDX-License-Identifier: Apache-2.0
// What the process itself lacks: descriptors, memory, threads, ports. Such a failure says nothing of any peer.
#ifndef NET_LACK_H
#define NET_LACK_H

#include <stdbool.h>

// Whether that errno is a lack.
bool lack_is(int failure);

// The errno of opening a descriptor now if that is a lack, else 0.
int lack_of_descriptors(void);

// What can't be done for want of it.
enum lack { LACK_ACCEPTING, LACK_KEEPING_BACK, LACK_CONNECTING, LACK_USING, LACK_RELOADING };

// Logs a warning with the errno's text as its cause: of each kind at most one a second. From any thread.
void lack_log(enum lack kind, int failure);

#endif
