// SPDX-License-Identifier: Apache-2.0
// Small allocations, which abort when memory is out, wiping of secrets, and the count of what buffers and arenas hold.
// Memory whose size depends on input belongs in those two: they have limits and return errors.
#ifndef BASE_MEMORY_H
#define BASE_MEMORY_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/slice.h"

// From now on memory beyond a mebibyte grows by moving its pages, not by a copy: a body of 25 MiB that doubles would
// hold up its thread for milliseconds. For the whole process, so it is a program's to call, before its threads start.
void memory_grow_in_place(void);

// Zeroed memory for `count` objects of `size` bytes, never NULL. The caller owns it and releases it with free().
void *memory_new(size_t count, size_t size);

// Resizes an allocation; never NULL. New bytes are not zeroed. An overflow of `count` times `size` aborts.
void *memory_resize(void *ptr, size_t count, size_t size);

// A NUL-terminated copy of the slice, never NULL; release with free().
char *memory_string(struct slice text);

// Replaces the string in *place (or NULL) by such a copy; wipes and frees the previous string.
void memory_replace_string(char **place, struct slice text);

// Overwrites with zeros; the compiler cannot remove the call.
void memory_wipe(void *ptr, size_t len);

// Wipes a NUL-terminated secret and frees it; NULL is allowed.
void memory_free_secret(char *secret);

// As free and realloc, for memory from malloc that may hold secrets: what is given up is wiped first.
void memory_free_wiped(void *ptr);
void *memory_resize_wiped(void *ptr, size_t size);
// The same as functions for a library. `owner` isn't used.
void *memory_wiped_malloc(size_t size, void *owner);
void *memory_wiped_calloc(size_t count, size_t size, void *owner);
void *memory_wiped_realloc(void *ptr, size_t size, void *owner);
void memory_wiped_free(void *ptr, void *owner);

// Counts the memory that many objects hold together, and compares it with a limit. A meter refuses nothing itself:
// owners check it before they accept new work, and work in progress completes. Thread-safe. Each charged byte is
// released once, so that the count is 0 when no memory is held.
struct memory_meter {
	atomic_size_t held_bytes;
	size_t limit_bytes;
};

void memory_meter_init(struct memory_meter *meter, size_t limit_bytes);

// Both functions do nothing for a NULL meter.
void memory_meter_charge(struct memory_meter *meter, size_t bytes);
void memory_meter_release(struct memory_meter *meter, size_t bytes);

size_t memory_meter_held(const struct memory_meter *meter);

// Whether the limit is reached. A NULL meter is never full.
bool memory_meter_is_full(const struct memory_meter *meter);

#endif
