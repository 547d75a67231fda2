// SPDX-License-Identifier: Apache-2.0
// Random UUIDs (RFC 9562, section 5.4: version 4).
#ifndef BASE_UUID_H
#define BASE_UUID_H

#include "base/random.h"

enum { UUID_BYTES = 37 }; // with its NUL

// Writes 36 characters, in lower case, and a NUL.
void uuid_make(struct random_source *random, char text[UUID_BYTES]);

#endif
