// SPDX-License-Identifier: Apache-2.0
// What the rest of this room may see of a loop: the libuv loop below it, and one buffer that every read shares.
#ifndef NET_LOOP_UV_H
#define NET_LOOP_UV_H

#include <uv.h>

#include "net/loop.h"

enum { LOOP_SCRATCH_BYTES = 65536 };

uv_loop_t *loop_uv(struct loop *loop);

// LOOP_SCRATCH_BYTES bytes to read into. What is in it lasts until control goes back to the loop, or until the same
// thread reads again.
char *loop_scratch(struct loop *loop);

#endif
