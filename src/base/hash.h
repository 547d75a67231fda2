// SPDX-License-Identifier: Apache-2.0
// Numbers out of bytes, the same everywhere and for ever. Not for secrets, nor against those who look for collisions.
#ifndef BASE_HASH_H
#define BASE_HASH_H

#include <stdint.h>

#include "base/slice.h"

// Every bit of the result depends on every bit of the bytes and of the seed.
uint64_t hash_bytes(struct slice bytes, uint64_t seed);

// Two numbers as one, in this order.
uint64_t hash_pair(uint64_t first, uint64_t second);

#endif
