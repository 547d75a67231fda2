// SPDX-License-Identifier: Apache-2.0
// Invariant: bytes leave in the order in which they were added. Each is copied once when it is added, and again when
// the buffer doubles or when half of it was sent.
#include "net/write_queue.h"

// Memory that an empty queue keeps.
#define KEPT_BYTES 4096

void write_queue_init(struct write_queue *queue, struct memory_meter *meter) {
	*queue = (struct write_queue){.meter = meter};
	buffer_init(&queue->bytes, WRITE_QUEUE_LIMIT_BYTES);
}

void write_queue_free(struct write_queue *queue) {
	buffer_free(&queue->bytes);
	write_queue_init(queue, queue->meter);
}

static void write_queue_update(struct write_queue *queue) {
	size_t waiting = write_queue_waiting(queue);
	if (waiting == 0) {
		buffer_clear(&queue->bytes);
		queue->sent = 0;
		if (queue->bytes.capacity > KEPT_BYTES)
			buffer_free(&queue->bytes);
	} else if (queue->sent >= waiting) {
		buffer_consume(&queue->bytes, queue->sent);
		queue->sent = 0;
	}
	buffer_set_meter(&queue->bytes, waiting > 0 ? queue->meter : NULL);
	if (waiting >= WRITE_QUEUE_FULL_BYTES)
		queue->is_full = true;
	else if (waiting < WRITE_QUEUE_ROOM_BYTES)
		queue->is_full = false;
}

int write_queue_add(struct write_queue *queue, struct slice bytes) {
	int rc = buffer_append(&queue->bytes, bytes);
	write_queue_update(queue);
	return rc;
}

void write_queue_drop(struct write_queue *queue, size_t count) {
	queue->sent += count;
	write_queue_update(queue);
}

// Removes `taken` bytes from the front of the queue and the parts, and queues the rest of the parts.
static int write_queue_keep_rest(struct write_queue *queue, const struct slice *parts, int count, size_t taken) {
	size_t waiting = write_queue_waiting(queue);
	size_t own = taken < waiting ? taken : waiting;
	int rc = 0;
	queue->sent += own;
	taken -= own;
	for (int i = 0; i < count && !rc; i++) {
		size_t gone = taken < parts[i].len ? taken : parts[i].len;
		taken -= gone;
		rc = buffer_append(&queue->bytes, slice_from_offset(parts[i], gone));
	}
	write_queue_update(queue);
	return rc;
}

static int add_part(struct iovec *vector, int used, struct slice part) {
	if (part.len == 0)
		return used;
	// writev's type has no const, but it only reads.
	vector[used] = (struct iovec){(void *)(uintptr_t)part.ptr, part.len};
	return used + 1;
}

enum write_queue_result write_queue_send(struct write_queue *queue, struct socket *socket, const struct slice *parts,
                                         int count, bool *progress) {
	struct iovec vector[WRITE_QUEUE_PARTS + 1];
	int used = add_part(vector, 0, write_queue_bytes(queue));
	for (int i = 0; i < count; i++)
		used = add_part(vector, used, parts[i]);
	ssize_t taken = used ? socket_writev(socket, vector, used) : 0;
	*progress = taken > 0;
	if (taken == SOCKET_BROKEN || write_queue_keep_rest(queue, parts, count, taken > 0 ? (size_t)taken : 0))
		return WRITE_QUEUE_BROKEN;
	return write_queue_waiting(queue) ? WRITE_QUEUE_WAITS : WRITE_QUEUE_EMPTY;
}
