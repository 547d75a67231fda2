// SPDX-License-Identifier: Apache-2.0
// Lines of the log have a bounded length, and always their end.
#include <stdlib.h>

#include "../check.h"
#include "base/json.h"
#include "base/log.h"

// A text of `len` bytes, of characters that JSON escapes or of a character with two bytes.
static char *long_text(const char *unit, size_t len) {
	char *text = calloc(len + 1, 1);
	for (size_t i = 0; i < len; i++)
		text[i] = unit[i % strlen(unit)];
	return text;
}

static bool is_json(struct slice text) {
	struct document document;
	int rc = json_read_document(text, &document);
	document_free(&document);
	return rc == 0;
}

TEST(a_long_line_is_cut_and_keeps_its_end) {
	static const char *const units[] = {"x", "\n", "\1", "\xc3\xa9", "a b", "\xff"};
	for (int format = LOG_TEXT; format <= LOG_JSON; format++) {
		log_configure(LOG_INFO, (enum log_format)format);
		for (size_t u = 0; u < sizeof units / sizeof *units; u++)
			for (size_t len = 2000; len < 200000; len = len * 3 + 1) {
				char *text = long_text(units[u], len);
				const struct log_field fields[] = {LOG_C("id", "short"), LOG_C("a", text), LOG_C("b", text),
				                                   LOG_N("number", 7), LOG_NONE_};
				struct buffer line;
				buffer_init(&line, LOG_LINE_BYTES);
				log_append(&line, LOG_INFO, "message", fields);
				CHECK(!line.failed && line.len > 100 && line.len <= LOG_LINE_BYTES);
				CHECK_INT(line.ptr[line.len - 1], '\n');
				CHECK(memchr(line.ptr, '\n', line.len) == line.ptr + line.len - 1);
				CHECK(memmem(line.ptr, line.len, "short", 5) && memmem(line.ptr, line.len, "number", 6));
				bool is_cut = memmem(line.ptr, line.len, "cut_bytes", 9) != NULL;
				CHECK(is_cut ? 2 * len * 6 > LOG_LINE_BYTES - 200 : 2 * len < LOG_LINE_BYTES);
				CHECK(format != LOG_JSON || is_json(buffer_slice(&line)));
				free(text);
				buffer_free(&line);
			}
	}
	log_configure(LOG_INFO, LOG_TEXT);
}

int main(void) {
	RUN(a_long_line_is_cut_and_keeps_its_end);
	return check_summary();
}
