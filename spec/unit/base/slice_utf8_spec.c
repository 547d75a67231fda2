// SPDX-License-Identifier: Apache-2.0
#include "base/slice.h"

#include <stdlib.h>

#include "../check.h"

static const struct {
	const char *text;
	size_t length;
} SEQUENCES[] = {
    {"a", 1},
    {"\x7f", 1},
    {"\xc2\x80", 2},
    {"\xdf\xbf", 2},
    {"\xe0\xa0\x80", 3},
    {"\xed\x9f\xbf", 3},
    {"\xee\x80\x80", 3},
    {"\xf0\x90\x80\x80", 4},
    {"\xf4\x8f\xbf\xbf", 4},
    // A continuation byte, overlong forms, surrogates, above U+10FFFF.
    {"\x80", 0},
    {"\xc1\xbf", 0},
    {"\xe0\x9f\xbf", 0},
    {"\xf0\x8f\xbf\xbf", 0},
    {"\xed\xa0\x80", 0},
    {"\xf4\x90\x80\x80", 0},
    {"\xf5\x80\x80\x80", 0},
    // Cut short, or with another byte in it.
    {"\xc3", 0},
    {"\xe2\x82", 0},
    {"\xf0\x9f\x98", 0},
    {"\xc3(", 0},
    {"\xe2\x82(", 0},
};

// Each sequence alone, and at each offset in a text, in an allocation of its exact size.
TEST(accepts_valid_sequences_only) {
	for (size_t i = 0; i < sizeof SEQUENCES / sizeof *SEQUENCES; i++) {
		struct slice sequence = slice_from(SEQUENCES[i].text);
		CHECK_INT(slice_utf8_length(sequence), SEQUENCES[i].length);
		for (size_t before = 0; before < 20; before++) {
			char *text = malloc(before + sequence.len);
			memset(text, 'a', before);
			memcpy(text + before, sequence.ptr, sequence.len);
			CHECK_INT(slice_is_utf8(slice_of(text, before + sequence.len)), SEQUENCES[i].length > 0);
			free(text);
		}
	}
	CHECK(slice_is_utf8((struct slice){0}));
}

int main(void) {
	RUN(accepts_valid_sequences_only);
	return check_summary();
}
