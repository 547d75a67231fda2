// SPDX-License-Identifier: Apache-2.0
// A hash of bytes, equal on every machine and in every version. Not for secrets, and not safe against deliberate
// collisions.
#ifndef BASE_HASH_H
#define BASE_HASH_H

#include <stdint.h>

#include "base/slice.h"

// Every bit of the result depends on every bit of the bytes and of the seed.
uint64_t hash_bytes(struct slice bytes, uint64_t seed);

// A hash of two numbers; their order matters.
uint64_t hash_pair(uint64_t first, uint64_t second);

#endif
