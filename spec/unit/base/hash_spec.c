// SPDX-License-Identifier: Apache-2.0
// Hashes are equal in every build, since gateways that share prompt caches must compute the same ones. Every bit of the
// text changes the hash.
#include "../check.h"
#include "base/hash.h"

TEST(hashes_are_equal_in_every_build) {
	CHECK(hash_pair(1, 2) == 0x81a5c1377856b73);
	CHECK(hash_bytes(SLICE("us.amazon.nova-pro-v1:0"), 7) == 0x17d4db6f33ba575a);
	CHECK(hash_bytes((struct slice){0}, 7) == hash_bytes(SLICE(""), 7)); // empty, whatever its pointer
}

TEST(every_bit_changes_the_hash) {
	char text[64] = "You are a signaller. Say which line the train takes. One word!";
	for (size_t length = 0; length < sizeof text; length++) {
		uint64_t hash = hash_bytes(slice_of(text, length), 1);
		CHECK(hash != hash_bytes(slice_of(text, length), 2));
		CHECK(length == 0 || hash != hash_bytes(slice_of(text, length - 1), 1));
		for (size_t i = 0; i < length; i++) {
			text[i] ^= 1;
			CHECK(hash != hash_bytes(slice_of(text, length), 1));
			text[i] ^= 1;
		}
	}
	CHECK(hash_pair(1, 2) != hash_pair(2, 1));
}

// Counts 64 buckets by the lowest and by the highest six bits.
TEST(similar_texts_have_evenly_spread_hashes) {
	int low[64] = {0}, high[64] = {0}, count = 6400;
	for (int i = 0; i < count; i++) {
		char text[32];
		int length = snprintf(text, sizeof text, "prompt %d", i);
		uint64_t hash = hash_bytes(slice_of(text, (size_t)length), 0);
		low[hash & 63]++;
		high[hash >> 58]++;
	}
	for (int i = 0; i < 64; i++) {
		CHECK(low[i] > 60 && low[i] < 140);
		CHECK(high[i] > 60 && high[i] < 140);
	}
}

int main(void) {
	RUN(hashes_are_equal_in_every_build);
	RUN(every_bit_changes_the_hash);
	RUN(similar_texts_have_evenly_spread_hashes);
	return check_summary();
}
