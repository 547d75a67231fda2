// SPDX-License-Identifier: Apache-2.0
// A queue of bytes for a client that may read slowly: bytes that the kernel didn't take wait here. While `is_full` is
// set, the writer should stop.
#ifndef NET_WRITE_QUEUE_H
#define NET_WRITE_QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/uio.h>

#include "base/buffer.h"
#include "base/slice.h"
#include "net/socket.h"

enum {
	WRITE_QUEUE_FULL_BYTES = 256 * 1024,          // from here on the writer should stop
	WRITE_QUEUE_ROOM_BYTES = 128 * 1024,          // below this it may continue
	WRITE_QUEUE_LIMIT_BYTES = 1024 * 1024 * 1024, // for a writer that doesn't stop
	WRITE_QUEUE_PARTS = 3,
};

struct write_queue {
	struct buffer bytes;
	size_t sent; // of `bytes`
	bool is_full;
	struct memory_meter *meter; // charged while bytes wait; NULL for none
};

enum write_queue_result { WRITE_QUEUE_EMPTY, WRITE_QUEUE_WAITS, WRITE_QUEUE_BROKEN };

// `meter` is charged with the memory of the bytes that wait; borrowed, NULL for none.
void write_queue_init(struct write_queue *queue, struct memory_meter *meter);
void write_queue_free(struct write_queue *queue);

static inline size_t write_queue_waiting(const struct write_queue *queue) {
	return queue->bytes.len - queue->sent;
}

// Adds without sending. Returns 0, or ERROR_LIMIT or ERROR_MEMORY: then bytes are lost and the stream can't continue.
int write_queue_add(struct write_queue *queue, struct slice bytes);

// The bytes that wait, in one piece; valid until the next change.
static inline struct slice write_queue_bytes(const struct write_queue *queue) {
	return slice_from_offset(buffer_slice(&queue->bytes), queue->sent);
}

// Removes the first `count` bytes, which the caller has sent itself.
void write_queue_drop(struct write_queue *queue, size_t count);

// Sends the queued bytes and then up to WRITE_QUEUE_PARTS parts in one call, and queues what the kernel didn't take.
// *progress: whether it took any byte. WRITE_QUEUE_BROKEN when the socket is broken or memory is out.
enum write_queue_result write_queue_send(struct write_queue *queue, struct socket *socket, const struct slice *parts,
                                         int count, bool *progress);

#endif
