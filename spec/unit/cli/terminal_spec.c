// SPDX-License-Identifier: Apache-2.0
// What a terminal gets of the texts of others.
#include "cli/terminal.h"

#include "../check.h"

TEST(control_characters_end_what_is_plain) {
	static const struct {
		struct slice text;
		size_t plain;
	} rows[] = {
	    {SLICE("plain text\n\tand more"), 20},
	    {SLICE(""), 0},
	    {SLICE("a\x1b[2J"), 1},
	    {SLICE("ab\r"), 2},
	    {SLICE("ab\a"), 2},
	    {SLICE("ab\0c"), 2},
	    {SLICE("ab\x7f"), 2},
	    {SLICE("\xc3\xa9\xe2\x82\xac\xf0\x9f\x9a\x82"), 9},
	    {SLICE("\xc2\xa0x"), 3}, // the first one behind C1
	    {SLICE("a\xc2\x9b"
	           "31m"),
	     1}, // C1: the introducer of sequences
	    {SLICE("a\xc2\x80"), 1},
	    {SLICE("a\x9b"
	           "31m"),
	     1},                 // the same in an encoding of 8 bits
	    {SLICE("a\xc2"), 1}, // whose other half may come with the next text
	    {SLICE("a\xe0\x82\x9b"), 1},
	    {SLICE("a\xed\xa0\x80"), 1},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		CHECK_INT(terminal_plain_prefix(rows[i].text), rows[i].plain);
	}
}

TEST(files_get_the_text_as_it_is) {
	char text[] = "a\x1b[2J\x9b\n", found[32] = "";
	FILE *file = tmpfile();
	terminal_print(file, (struct slice){0});
	terminal_print(file, slice_from(text));
	rewind(file);
	CHECK_INT(fread(found, 1, sizeof found - 1, file), strlen(text));
	CHECK_STRING(found, text);
	fclose(file);
}

int main(void) {
	RUN(control_characters_end_what_is_plain);
	RUN(files_get_the_text_as_it_is);
	return check_summary();
}
