// SPDX-License-Identifier: Apache-2.0
// Small allocations, which abort when memory is out, and wiping of secrets. Memory whose size depends on input belongs
// in a buffer or an arena instead: those have limits and return errors.
#ifndef BASE_MEMORY_H
#define BASE_MEMORY_H

#include <stddef.h>

#include "base/slice.h"

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

#endif
