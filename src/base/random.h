// SPDX-License-Identifier: Apache-2.0
// A seeded random number generator (xoshiro256**, Blackman and Vigna 2018), repeatable in tests and scenarios. Not for
// secrets.
#ifndef BASE_RANDOM_H
#define BASE_RANDOM_H

#include <stdint.h>

struct random_source {
	uint64_t state[4];
};

// The same seed gives the same numbers on every machine.
void random_init(struct random_source *source, uint64_t seed);

// Seeds from the operating system.
void random_init_from_system(struct random_source *source);

uint64_t random_next(struct random_source *source);

// Uniform in (0, 1]. Never 0, so that a weighted draw always selects an entry of positive weight.
double random_unit(struct random_source *source);

// Uniform in [0, bound); bound must not be 0.
uint64_t random_below(struct random_source *source, uint64_t bound);

enum { UUID_BYTES = 37 }; // with its NUL

// Writes a random UUID (RFC 9562, section 5.4: version 4): 36 characters, in lower case, and a NUL.
void random_uuid(struct random_source *random, char text[UUID_BYTES]);

#endif
