// SPDX-License-Identifier: Apache-2.0
#include "base/uuid.h"

// Writes the lowest `digits` hex digits of `bits`. Faster than printf; every request gets a UUID.
static char *put_hex(char *text, uint64_t bits, int digits) {
	for (int i = digits - 1; i >= 0; i--)
		*text++ = "0123456789abcdef"[bits >> (4 * i) & 15];
	return text;
}

void uuid_make(struct random_source *random, char text[UUID_BYTES]) {
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
