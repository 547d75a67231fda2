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

// Writes the lowest `digits` hex digits of `bits`. Faster than printf; every request gets a UUID.
static char *put_hex(char *text, uint64_t bits, int digits) {
	for (int i = digits - 1; i >= 0; i--)
		*text++ = "0123456789abcdef"[bits >> (4 * i) & 15];
	return text;
}

void random_uuid(struct random_source *random, char text[UUID_BYTES]) {
	uint64_t high = random_next(random), low = random_next(random);
	high = (high & ~UINT64_C(0xf000)) | 0x4000;             // version 4
	low = (low & ~(UINT64_C(3) << 62)) | UINT64_C(1) << 63; // variant 10
	text = put_hex(text, high >> 32, 8);
	*text++ = '-';
	text = put_hex(text, high >> 16, 4);
	*text++ = '-';
	text = put_hex(text, high, 4);
	*text++ = '-';
	text = put_hex(text, low >> 48, 4);
	*text++ = '-';
	text = put_hex(text, low, 12);
	*text = '\0';
}
