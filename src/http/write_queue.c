// SPDX-License-Identifier: Apache-2.0
// Invariant: bytes leave in the order in which they were added, and each is copied at most once on its way in, plus
// once for each doubling and for each time that half of the box has left.
#include "http/write_queue.h"

// Memory that an empty outbox keeps.
#define KEPT_BYTES 4096

void write_queue_init(struct write_queue *write_queue, struct memory_meter *meter) {
	*write_queue = (struct write_queue){.meter = meter};
	buffer_init(&write_queue->bytes, WRITE_QUEUE_LIMIT_BYTES);
}

void write_queue_free(struct write_queue *write_queue) {
	buffer_free(&write_queue->bytes);
	write_queue_init(write_queue, write_queue->meter);
}

static void update(struct write_queue *write_queue) {
	size_t waiting = write_queue_waiting(write_queue);
	if (waiting == 0) {
		buffer_clear(&write_queue->bytes);
		write_queue->sent = 0;
		if (write_queue->bytes.capacity > KEPT_BYTES)
			buffer_free(&write_queue->bytes);
	} else if (write_queue->sent >= waiting) {
		buffer_consume(&write_queue->bytes, write_queue->sent);
		write_queue->sent = 0;
	}
	buffer_set_meter(&write_queue->bytes, waiting > 0 ? write_queue->meter : NULL);
	if (waiting >= WRITE_QUEUE_FULL_BYTES)
		write_queue->is_full = true;
	else if (waiting < WRITE_QUEUE_ROOM_BYTES)
		write_queue->is_full = false;
}

int write_queue_add(struct write_queue *write_queue, struct slice bytes) {
	int rc = buffer_append(&write_queue->bytes, bytes);
	update(write_queue);
	return rc;
}

void write_queue_drop(struct write_queue *write_queue, size_t count) {
	write_queue->sent += count;
	update(write_queue);
}

// Takes `taken` bytes off the front of what waits and of the parts, and keeps the rest of the parts.
static int keep_rest(struct write_queue *write_queue, const struct slice *parts, int count, size_t taken) {
	size_t waiting = write_queue_waiting(write_queue);
	size_t own = taken < waiting ? taken : waiting;
	int rc = 0;
	write_queue->sent += own;
	taken -= own;
	for (int i = 0; i < count && !rc; i++) {
		size_t gone = taken < parts[i].len ? taken : parts[i].len;
		taken -= gone;
		rc = buffer_append(&write_queue->bytes, slice_from_offset(parts[i], gone));
	}
	update(write_queue);
	return rc;
}

static int add_part(struct iovec *vector, int used, struct slice part) {
	if (part.len == 0)
		return used;
	// writev's type has no const, but it only reads.
	vector[used] = (struct iovec){(void *)(uintptr_t)part.ptr, part.len};
	return used + 1;
}

enum write_queue_result write_queue_send(struct write_queue *write_queue, struct socket *socket,
                                         const struct slice *parts, int count, bool *progress) {
	struct iovec vector[WRITE_QUEUE_PARTS + 1];
	int used = add_part(vector, 0, write_queue_bytes(write_queue));
	for (int i = 0; i < count; i++)
		used = add_part(vector, used, parts[i]);
	ssize_t taken = used ? socket_writev(socket, vector, used) : 0;
	*progress = taken > 0;
	if (taken == SOCKET_BROKEN || keep_rest(write_queue, parts, count, taken > 0 ? (size_t)taken : 0))
		return WRITE_QUEUE_BROKEN;
	return write_queue_waiting(write_queue) ? WRITE_QUEUE_WAITS : WRITE_QUEUE_EMPTY;
}
