// SPDX-License-Identifier: Apache-2.0
#include "base/json_writer.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>

#include "../check.h"
#include "base/json.h"

TEST(escapes_strings_and_keeps_utf8) {
	static const struct {
		struct slice text;
		struct slice json;
	} rows[] = {
	    {{"plain", 5}, {"\"plain\"", 7}},
	    {{"a\"b\\c", 5}, {"\"a\\\"b\\\\c\"", 9}},
	    {{"\n\t\r\x01\x7f", 5}, {"\"\\n\\t\\r\\u0001\\u007f\"", 20}},
	    {{"\0", 1}, {"\"\\u0000\"", 8}},
	    {{"gr\xc3\xbc\xc3\x9f", 6}, {"\"gr\xc3\xbc\xc3\x9f\"", 8}},
	    {{"\xf0\x9f\x9a\x82", 4}, {"\"\xf0\x9f\x9a\x82\"", 6}},
	    {{"\xff", 1}, {"\"\xef\xbf\xbd\"", 5}},
	    {{"\xc0\xaf", 2}, {"\"\xef\xbf\xbd\xef\xbf\xbd\"", 8}},
	    {{"\xed\xa0\x80", 3}, {"\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"", 11}},
	    {{"\xe2\x82", 2}, {"\"\xef\xbf\xbd\xef\xbf\xbd\"", 8}},
	};
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct buffer buffer;
		char *exact = malloc(rows[i].text.len); // so that a sanitizer sees a read beyond
		memcpy(exact, rows[i].text.ptr, rows[i].text.len);
		buffer_init(&buffer, 100);
		CHECK_INT(json_append_string(&buffer, slice_of(exact, rows[i].text.len)), 0);
		CHECK_SLICE(buffer_slice(&buffer), rows[i].json);
		buffer_free(&buffer);
		free(exact);
	}
}

TEST(separates_values_by_commas) {
	struct buffer out;
	struct json_writer json;
	buffer_init(&out, 1024);
	json_writer_init(&json, &out);
	json_begin_object(&json, NULL);
	json_begin_array(&json, "empty");
	json_end_array(&json);
	json_begin_object(&json, "none");
	json_end_object(&json);
	json_begin_array(&json, "list");
	json_write_unsigned(&json, NULL, UINT64_MAX);
	json_write_integer(&json, NULL, INT64_MIN);
	json_begin_object(&json, NULL);
	json_write_boolean(&json, "yes", true);
	json_write_boolean(&json, "no", false);
	json_end_object(&json);
	json_write_null(&json, NULL);
	json_end_array(&json);
	json_write_key(&json, SLICE("a \"key\""));
	json_write_string(&json, NULL, SLICE("text"));
	json_write_key(&json, SLICE("k"));
	json_begin_array(&json, NULL);
	json_end_array(&json);
	json_write_optional(&json, "some", SLICE("x"));
	json_write_optional(&json, "nothing", SLICE(""));
	json_write_raw(&json, "raw", SLICE("[1]"));
	json_write_members(&json, SLICE("\"m\":1,\"n\":2"));
	json_write_members(&json, SLICE(""));
	json_write_integer(&json, "last", 0);
	json_end_object(&json);
	CHECK_SLICE(buffer_slice(&out),
	            SLICE("{\"empty\":[],\"none\":{},\"list\":[18446744073709551615,-9223372036854775808,"
	                  "{\"yes\":true,\"no\":false},null],\"a \\\"key\\\"\":\"text\",\"k\":[],\"some\":\"x\","
	                  "\"nothing\":null,\"raw\":[1],\"m\":1,\"n\":2,\"last\":0}"));
	buffer_free(&out);
}

static void check_number(double number, const char *text) {
	struct buffer out;
	struct json_writer json;
	buffer_init(&out, 64);
	json_writer_init(&json, &out);
	json_write_number(&json, NULL, number);
	CHECK_SLICE(buffer_slice(&out), slice_from(text));
	CHECK(json_number(buffer_slice(&out)) == number);
	buffer_free(&out);
}

TEST(numbers_read_back_unchanged) {
	check_number(0, "0");
	check_number(0.1, "0.1");
	check_number(-1.5, "-1.5");
	check_number(1.0 / 3, "0.3333333333333333");
	check_number(1e300, "1e+300");
	check_number(DBL_MIN, "2.2250738585072014e-308");
	check_number(9007199254740993.0, "9007199254740992");
}

TEST(measures_have_ten_digits) {
	static const struct {
		double number;
		const char *text;
	} rows[] = {{1.0 / 3, "0.3333333333"}, {12.5, "12.5"}, {NAN, "0"}, {-INFINITY, "0"}, {0, "0"}};
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct buffer out;
		struct json_writer json;
		buffer_init(&out, 64);
		json_writer_init(&json, &out);
		json_write_measure(&json, NULL, rows[i].number);
		CHECK_SLICE(buffer_slice(&out), slice_from(rows[i].text));
		buffer_free(&out);
	}
}

TEST(a_full_buffer_has_failed) {
	struct buffer out;
	struct json_writer json;
	buffer_init(&out, 8);
	json_writer_init(&json, &out);
	json_write_string(&json, NULL, SLICE("longer than eight bytes"));
	CHECK(out.failed);
	buffer_free(&out);
}

int main(void) {
	RUN(escapes_strings_and_keeps_utf8);
	RUN(separates_values_by_commas);
	RUN(numbers_read_back_unchanged);
	RUN(measures_have_ten_digits);
	RUN(a_full_buffer_has_failed);
	return check_summary();
}
