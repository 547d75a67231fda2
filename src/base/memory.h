// SPDX-License-Identifier: Apache-2.0
// Small fixed allocations, which abort when memory is out, and wiping. What input can size goes through a buffer or an
// arena instead: they have limits and return errors.
#ifndef BASE_MEMORY_H
#define BASE_MEMORY_H

#include <stddef.h>

#include "base/slice.h"

// Zeroed memory for `count` objects of `size` bytes, never NULL. Owned by the caller; release with free().
void *memory_new(size_t count, size_t size);

// Grows or shrinks an allocation, never NULL; new bytes are not zeroed. Multiplication is checked.
void *memory_resize(void *ptr, size_t count, size_t size);

// A NUL-terminated copy of the slice, never NULL; release with free().
char *memory_string(struct slice text);

// Puts such a copy into *place, in the place of the string there, which is wiped and freed; NULL is fine.
void memory_replace_string(char **place, struct slice text);

// Overwrites with zeros in a way that the compiler keeps.
void memory_wipe(void *ptr, size_t len);

// Wipes a NUL-terminated secret and frees it; NULL is fine.
void memory_free_secret(char *secret);

#endif
