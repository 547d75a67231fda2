// SPDX-License-Identifier: Apache-2.0
// Eight bytes a step. mix_bits is the finalizer of SplitMix64 (Steele, Lea and Flood 2014).
#include "base/hash.h"

#include <endian.h>

static uint64_t mix_bits(uint64_t z) {
	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return z ^ z >> 31;
}

uint64_t hash_pair(uint64_t first, uint64_t second) {
	return mix_bits(mix_bits(first + 0x9e3779b97f4a7c15) + second);
}

// Reads at most eight bytes, little-endian.
static uint64_t read_word(const char *bytes, size_t count) {
	uint64_t word = 0;
	memcpy(&word, bytes, count);
	return le64toh(word);
}

uint64_t hash_bytes(struct slice bytes, uint64_t seed) {
	uint64_t hash = hash_pair(seed, bytes.len);
	size_t at = 0;
	for (; bytes.len - at >= 8; at += 8) {
		hash = (hash ^ read_word(bytes.ptr + at, 8)) * 0x9e3779b97f4a7c15;
		hash ^= hash >> 32;
	}
	return mix_bits(at < bytes.len ? hash ^ read_word(bytes.ptr + at, bytes.len - at) : hash);
}
