// SPDX-License-Identifier: Apache-2.0
#include "base/memory.h"

#include <assert.h>
#include <malloc.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	LARGE_BYTES = 1 << 20,
	// Free memory at the heap's end up to this much isn't given back to the system.
	KEPT_BYTES = 4 << 20,
};

// Says why only where that doesn't wait: a log that nothing reads must not keep the process from its end.
static void abort_out_of_memory(void) {
	static const char message[] = "signalbox: out of memory\n";
	struct pollfd log = {.fd = STDERR_FILENO, .events = POLLOUT};
	if (poll(&log, 1, 0) == 1) {
		ssize_t written = write(STDERR_FILENO, message, sizeof message - 1);
		(void)written;
	}
	abort();
}

void memory_grow_in_place(void) {
	mallopt(M_MMAP_THRESHOLD, LARGE_BYTES);
	mallopt(M_TRIM_THRESHOLD, KEPT_BYTES);
}

void *memory_new(size_t count, size_t size) {
	void *ptr = calloc(count ? count : 1, size);
	if (!ptr)
		abort_out_of_memory();
	return ptr;
}

void *memory_resize(void *ptr, size_t count, size_t size) {
	void *grown = reallocarray(ptr, count ? count : 1, size);
	if (!grown)
		abort_out_of_memory();
	return grown;
}

char *memory_string(struct slice text) {
	char *copy = memory_new(text.len + 1, 1);
	if (text.len)
		memcpy(copy, text.ptr, text.len);
	return copy;
}

void memory_wipe(void *ptr, size_t len) {
	explicit_bzero(ptr, len);
}

void memory_free_secret(char *secret) {
	if (!secret)
		return;
	memory_wipe(secret, strlen(secret));
	free(secret);
}

void memory_free_wiped(void *ptr) {
	if (ptr)
		memory_wipe(ptr, malloc_usable_size(ptr));
	free(ptr);
}

void *memory_resize_wiped(void *ptr, size_t size) {
	size_t old = ptr ? malloc_usable_size(ptr) : 0;
	void *resized = malloc(size);
	if (!resized)
		return NULL;
	if (ptr)
		memcpy(resized, ptr, old < size ? old : size);
	memory_free_wiped(ptr);
	return resized;
}

void *memory_wiped_malloc(size_t size, void *owner) {
	(void)owner;
	return malloc(size);
}

void *memory_wiped_calloc(size_t count, size_t size, void *owner) {
	(void)owner;
	return calloc(count, size);
}

void *memory_wiped_realloc(void *ptr, size_t size, void *owner) {
	(void)owner;
	return memory_resize_wiped(ptr, size);
}

void memory_wiped_free(void *ptr, void *owner) {
	(void)owner;
	memory_free_wiped(ptr);
}

void memory_replace_string(char **place, struct slice text) {
	memory_free_secret(*place);
	*place = memory_string(text);
}

void memory_meter_init(struct memory_meter *meter, size_t limit_bytes) {
	atomic_init(&meter->held_bytes, 0);
	meter->limit_bytes = limit_bytes;
}

void memory_meter_charge(struct memory_meter *meter, size_t bytes) {
	if (meter && bytes)
		atomic_fetch_add_explicit(&meter->held_bytes, bytes, memory_order_relaxed);
}

void memory_meter_release(struct memory_meter *meter, size_t bytes) {
	if (!meter || !bytes)
		return;
	size_t before = atomic_fetch_sub_explicit(&meter->held_bytes, bytes, memory_order_relaxed);
	assert(before >= bytes);
	(void)before;
}

size_t memory_meter_held(const struct memory_meter *meter) {
	return atomic_load_explicit(&meter->held_bytes, memory_order_relaxed);
}

bool memory_meter_is_full(const struct memory_meter *meter) {
	return meter && memory_meter_held(meter) >= meter->limit_bytes;
}
