// SPDX-License-Identifier: Apache-2.0
#include "cli/terminal.h"

#include <stdbool.h>
#include <unistd.h>

// The length of the character at the front, if it may be shown; else 0.
static size_t plain_length(struct slice text) {
	unsigned char first = (unsigned char)text.ptr[0];
	if (first < 0x80)
		return (first >= 0x20 && first != 0x7f) || first == '\n' || first == '\t';
	bool is_c1 = first == 0xc2 && text.len > 1 && (unsigned char)text.ptr[1] < 0xa0;
	return is_c1 ? 0 : slice_utf8_length(text);
}

size_t terminal_plain_prefix(struct slice text) {
	size_t end = 0;
	for (size_t length; end < text.len && (length = plain_length(slice_from_offset(text, end))) > 0;)
		end += length;
	return end;
}

void terminal_print(FILE *out, struct slice text) {
	if (text.len == 0)
		return;
	if (!isatty(fileno(out))) {
		fwrite(text.ptr, 1, text.len, out);
		return;
	}
	while (text.len) {
		size_t plain = terminal_plain_prefix(text);
		fwrite(text.ptr, 1, plain, out);
		text = slice_from_offset(text, plain < text.len ? plain + 1 : plain);
	}
}
