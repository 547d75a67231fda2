// SPDX-License-Identifier: Apache-2.0
// The inside of a loop for what runs on it in `net` and `http`: the libuv loop, and one buffer that every read shares.
#ifndef NET_LOOP_UV_H
#define NET_LOOP_UV_H

#include <uv.h>

#include "net/loop.h"

enum { LOOP_SCRATCH_BYTES = 65536 };

uv_loop_t *loop_uv(struct loop *loop);

// LOOP_SCRATCH_BYTES bytes to read into. Their content is valid until control returns to the loop or the same thread
// reads again.
char *loop_scratch(struct loop *loop);

#endif
