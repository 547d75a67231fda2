// SPDX-License-Identifier: Apache-2.0
// Bytes on their way to a client who may read slowly: what the kernel didn't take waits here, and the writer is told
// when too much does.
#ifndef NET_OUTBOX_H
#define NET_OUTBOX_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/uio.h>

#include "base/buffer.h"
#include "base/slice.h"
#include "net/socket.h"

enum {
	OUTBOX_FULL_BYTES = 256 * 1024,          // from here on the writer should stop
	OUTBOX_ROOM_BYTES = 128 * 1024,          // below this it may go on
	OUTBOX_LIMIT_BYTES = 1024 * 1024 * 1024, // a writer that doesn't stop
	OUTBOX_PARTS = 3,
};

struct outbox {
	struct buffer bytes;
	size_t sent; // of `bytes`
	bool is_full;
	struct memory_meter *meter; // is charged while bytes wait; NULL for none
};

enum outbox_result { OUTBOX_EMPTY, OUTBOX_WAITS, OUTBOX_BROKEN };

// `meter` is charged with the memory of what waits; borrowed, NULL for none.
void outbox_init(struct outbox *outbox, struct memory_meter *meter);
void outbox_free(struct outbox *outbox);

static inline size_t outbox_waiting(const struct outbox *outbox) {
	return outbox->bytes.len - outbox->sent;
}

// Adds without sending. 0, or ERROR_LIMIT or ERROR_MEMORY: then bytes are lost and the stream can't go on.
int outbox_add(struct outbox *outbox, struct slice bytes);

// What waits, in one piece; lasts until the next change.
static inline struct slice outbox_bytes(const struct outbox *outbox) {
	return slice_from_offset(buffer_slice(&outbox->bytes), outbox->sent);
}

// Drops the first `count` bytes of what waits: they have gone another way.
void outbox_drop(struct outbox *outbox, size_t count);

// Sends what waits and then up to OUTBOX_PARTS parts in one go, and keeps what wasn't taken. *progress tells whether
// any byte was. OUTBOX_BROKEN when the socket is, or memory is out.
enum outbox_result outbox_send(struct outbox *outbox, struct socket *socket, const struct slice *parts, int count,
                               bool *progress);

#endif
