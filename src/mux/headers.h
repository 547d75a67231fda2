// SPDX-License-Identifier: Apache-2.0
// Which headers are passed on: to upstreams a few of the client's, to the client nearly all of an upstream's.
#ifndef MUX_HEADERS_H
#define MUX_HEADERS_H

#include <stdbool.h>

#include "base/arena.h"
#include "base/header.h"

// Whether a client's header is sent to upstreams: content-type, content-encoding, accept, x-amzn-bedrock-*, the trace
// headers and x-signalbox-hop. In any case.
bool header_goes_up(struct slice name);

// Whether the body is compressed or has another content coding.
bool headers_have_coding(struct headers headers);

// Whether a content-type states a charset other than UTF-8.
bool headers_have_charset(struct headers headers);

// Copies to the arena the headers that are passed on to the client: all but hop-by-hop ones (RFC 9110, section 7.6.1),
// those that `connection` names, content-length, date, set-cookie and server. Headers for which the arena has no room
// are missing.
struct headers headers_copy_down(struct arena *arena, struct headers all);

#endif
