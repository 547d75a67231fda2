// SPDX-License-Identifier: Apache-2.0
// Bytes on their way to a client who may read slowly: what the kernel didn't take waits here, and the writer is told
// when too much does.
#ifndef HTTP_WRITE_QUEUE_H
#define HTTP_WRITE_QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/uio.h>

#include "base/buffer.h"
#include "base/slice.h"
#include "net/socket.h"

enum {
	WRITE_QUEUE_FULL_BYTES = 256 * 1024,          // from here on the writer should stop
	WRITE_QUEUE_ROOM_BYTES = 128 * 1024,          // below this it may go on
	WRITE_QUEUE_LIMIT_BYTES = 1024 * 1024 * 1024, // a writer that doesn't stop
	WRITE_QUEUE_PARTS = 3,
};

struct write_queue {
	struct buffer bytes;
	size_t sent; // of `bytes`
	bool is_full;
	struct memory_meter *meter; // is charged while bytes wait; NULL for none
};

enum write_queue_result { WRITE_QUEUE_EMPTY, WRITE_QUEUE_WAITS, WRITE_QUEUE_BROKEN };

// `meter` is charged with the memory of what waits; borrowed, NULL for none.
void write_queue_init(struct write_queue *queue, struct memory_meter *meter);
void write_queue_free(struct write_queue *queue);

static inline size_t write_queue_waiting(const struct write_queue *queue) {
	return queue->bytes.len - queue->sent;
}

// Adds without sending. 0, or ERROR_LIMIT or ERROR_MEMORY: then bytes are lost and the stream can't go on.
int write_queue_add(struct write_queue *queue, struct slice bytes);

// What waits, in one piece; lasts until the next change.
static inline struct slice write_queue_bytes(const struct write_queue *queue) {
	return slice_from_offset(buffer_slice(&queue->bytes), queue->sent);
}

// Drops the first `count` bytes of what waits: they have gone another way.
void write_queue_drop(struct write_queue *queue, size_t count);

// Sends what waits and then up to WRITE_QUEUE_PARTS parts in one go, and keeps what wasn't taken. *progress tells
// whether any byte was. WRITE_QUEUE_BROKEN when the socket is, or memory is out.
enum write_queue_result write_queue_send(struct write_queue *queue, struct socket *socket, const struct slice *parts,
                                         int count, bool *progress);

#endif
