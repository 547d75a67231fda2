// SPDX-License-Identifier: Apache-2.0
// Which headers cross the gateway: a few of the client's go up, all but hop-by-hop come down.
#ifndef MUX_HEADERS_H
#define MUX_HEADERS_H

#include <stdbool.h>

#include "base/arena.h"
#include "base/header.h"

// content-type, content-encoding, accept, x-amzn-bedrock-*, the trace headers and x-signalbox-hop.
bool header_goes_up(struct slice name);

// Whether the body is compressed or coded in another way, so that nobody can look into it.
bool headers_tell_coding(struct headers headers);

// A copy, in the arena, of the headers that come down: all but hop-by-hop ones (RFC 9110, section 7.6.1), those that
// `connection` names, content-length and date. Empty when the arena has no room.
struct headers headers_copy_down(struct arena *arena, struct headers all);

#endif
