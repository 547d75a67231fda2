// SPDX-License-Identifier: Apache-2.0
#include "../check.h"

#include "base/base64.h"
#include "base/error.h"

// The examples of RFC 4648, section 10, and bytes outside ASCII.
static const struct {
	const char *plain, *encoded;
} pairs[] = {
    {"", ""},
    {"f", "Zg=="},
    {"fo", "Zm8="},
    {"foo", "Zm9v"},
    {"foob", "Zm9vYg=="},
    {"fooba", "Zm9vYmE="},
    {"foobar", "Zm9vYmFy"},
    {"\xff\xfe\xfb", "//77"},
    {"\xfb\xef", "++8="},
};

TEST(encodes_and_decodes) {
	for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
		struct buffer out;
		buffer_init(&out, 64);
		CHECK_INT(base64_encode(slice_from(pairs[i].plain), &out), 0);
		CHECK_SLICE(buffer_slice(&out), slice_from(pairs[i].encoded));
		buffer_clear(&out);
		CHECK_INT(base64_decode(slice_from(pairs[i].encoded), &out), 0);
		CHECK_SLICE(buffer_slice(&out), slice_from(pairs[i].plain));
		buffer_free(&out);
	}
}

TEST(refuses_what_is_not_base64) {
	static const char *const bad[] = {"Z", "Zg", "Zg=", "Z===", "====", "Zg==Zg==", "Zm9 ", "Zm\nv", "Zm-_", "Z=g="};
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		struct buffer out;
		buffer_init(&out, 64);
		CHECK_INT(base64_decode(slice_from(bad[i]), &out), ERROR_INVALID);
		buffer_free(&out);
	}
}

TEST(respects_buffer_limits) {
	struct buffer out;
	buffer_init(&out, 4);
	CHECK_INT(base64_encode(SLICE("foob"), &out), ERROR_LIMIT);
	CHECK_INT(out.len, 0);
	CHECK_INT(base64_decode(SLICE("Zm9vYmFy"), &out), ERROR_LIMIT);
	buffer_free(&out);
}

int main(void) {
	RUN(encodes_and_decodes);
	RUN(refuses_what_is_not_base64);
	RUN(respects_buffer_limits);
	return check_summary();
}
