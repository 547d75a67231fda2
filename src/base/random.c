// SPDX-License-Identifier: Apache-2.0
#include "base/random.h"

#include <assert.h>
#include <stdlib.h>
#include <sys/random.h>

static uint64_t rotate_left(uint64_t value, int bits) {
	return value << bits | value >> (64 - bits);
}

// Expands the seed by SplitMix64 (Steele, Lea and Flood 2014).
void random_init(struct random_source *source, uint64_t seed) {
	for (int i = 0; i < 4; i++) {
		seed += 0x9e3779b97f4a7c15;
		uint64_t z = seed;
		z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
		z = (z ^ z >> 27) * 0x94d049bb133111eb;
		source->state[i] = z ^ z >> 31;
	}
}

void random_init_from_system(struct random_source *source) {
	uint64_t seed;
	if (getrandom(&seed, sizeof seed, 0) != (ssize_t)sizeof seed)
		abort();
	random_init(source, seed);
}

uint64_t random_next(struct random_source *source) {
	uint64_t *s = source->state;
	uint64_t result = rotate_left(s[1] * 5, 7) * 9;
	uint64_t t = s[1] << 17;
	s[2] ^= s[0];
	s[3] ^= s[1];
	s[1] ^= s[2];
	s[0] ^= s[3];
	s[2] ^= t;
	s[3] = rotate_left(s[3], 45);
	return result;
}

double random_unit(struct random_source *source) {
	return (double)((random_next(source) >> 11) + 1) * 0x1.0p-53;
}

uint64_t random_below(struct random_source *source, uint64_t bound) {
	assert(bound > 0);
	// Values below the remainder would make low results more likely: draw again, as OpenBSD's arc4random_uniform does.
	uint64_t remainder = (0 - bound) % bound;
	uint64_t value;
	do {
		value = random_next(source);
	} while (value < remainder);
	return value % bound;
}
