// SPDX-License-Identifier: Apache-2.0
#include "base/memory.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void abort_out_of_memory(void) {
	fputs("signalbox: out of memory\n", stderr);
	abort();
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

void memory_replace_string(char **place, struct slice text) {
	memory_free_secret(*place);
	*place = memory_string(text);
}
