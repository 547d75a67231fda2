// SPDX-License-Identifier: Apache-2.0
// Invariant: bytes leave in the order in which they were added, and each is copied at most once on its way in, plus
// once for each doubling and for each time that half of the box has left.
#include "net/outbox.h"

// Memory that an empty outbox keeps.
#define KEPT_BYTES 4096

void outbox_init(struct outbox *outbox, struct memory_meter *meter) {
	*outbox = (struct outbox){.meter = meter};
	buffer_init(&outbox->bytes, OUTBOX_LIMIT_BYTES);
}

void outbox_free(struct outbox *outbox) {
	buffer_free(&outbox->bytes);
	outbox_init(outbox, outbox->meter);
}

static void update(struct outbox *outbox) {
	size_t waiting = outbox_waiting(outbox);
	if (waiting == 0) {
		buffer_clear(&outbox->bytes);
		outbox->sent = 0;
		if (outbox->bytes.capacity > KEPT_BYTES)
			buffer_free(&outbox->bytes);
	} else if (outbox->sent >= waiting) {
		buffer_consume(&outbox->bytes, outbox->sent);
		outbox->sent = 0;
	}
	buffer_set_meter(&outbox->bytes, waiting > 0 ? outbox->meter : NULL);
	if (waiting >= OUTBOX_FULL_BYTES)
		outbox->is_full = true;
	else if (waiting < OUTBOX_ROOM_BYTES)
		outbox->is_full = false;
}

int outbox_add(struct outbox *outbox, struct slice bytes) {
	int rc = buffer_append(&outbox->bytes, bytes);
	update(outbox);
	return rc;
}

void outbox_drop(struct outbox *outbox, size_t count) {
	outbox->sent += count;
	update(outbox);
}

// Takes `taken` bytes off the front of what waits and of the parts, and keeps the rest of the parts.
static int keep_rest(struct outbox *outbox, const struct slice *parts, int count, size_t taken) {
	size_t waiting = outbox_waiting(outbox);
	size_t own = taken < waiting ? taken : waiting;
	int rc = 0;
	outbox->sent += own;
	taken -= own;
	for (int i = 0; i < count && !rc; i++) {
		size_t gone = taken < parts[i].len ? taken : parts[i].len;
		taken -= gone;
		rc = buffer_append(&outbox->bytes, slice_from_offset(parts[i], gone));
	}
	update(outbox);
	return rc;
}

static int add_part(struct iovec *vector, int used, struct slice part) {
	if (part.len == 0)
		return used;
	// writev's type has no const, but it only reads.
	vector[used] = (struct iovec){(void *)(uintptr_t)part.ptr, part.len};
	return used + 1;
}

enum outbox_result outbox_send(struct outbox *outbox, struct socket *socket, const struct slice *parts, int count,
                               bool *progress) {
	struct iovec vector[OUTBOX_PARTS + 1];
	int used = add_part(vector, 0, outbox_bytes(outbox));
	for (int i = 0; i < count; i++)
		used = add_part(vector, used, parts[i]);
	ssize_t taken = used ? socket_writev(socket, vector, used) : 0;
	*progress = taken > 0;
	if (taken == SOCKET_BROKEN || keep_rest(outbox, parts, count, taken > 0 ? (size_t)taken : 0))
		return OUTBOX_BROKEN;
	return outbox_waiting(outbox) ? OUTBOX_WAITS : OUTBOX_EMPTY;
}
