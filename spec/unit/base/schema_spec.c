// SPDX-License-Identifier: Apache-2.0
// Documents read by a schema: defaults, and every kind of mistake with its field, reported together.
#include "base/schema.h"

#include <math.h>

#include "../check.h"
#include "base/problem.h"

struct inner {
	uint64_t depth, breadth;
	char *label;
};

struct sample {
	bool flag;
	uint64_t count;
	double share;
	char *name;
	struct inner inner, more;
	double parsed;
};

static void parse_pair(const struct document *value, void *target, const struct schema_place *place) {
	if (value->kind != DOCUMENT_TABLE || value->item_count != 2)
		schema_complain(place, "a list of two", value);
	else
		*(double *)target = value->items[0].number + value->items[1].number;
}

static const struct schema_key inner_keys[] = {
    {.name = "depth",
     .type = SCHEMA_INTEGER,
     .offset = offsetof(struct inner, depth),
     .minimum = 1,
     .maximum = 9,
     .default_number = 4},
    {0},
};

static const struct schema_key more_keys[] = {
    {.name = "breadth",
     .type = SCHEMA_INTEGER,
     .offset = offsetof(struct inner, breadth),
     .default_number = 2,
     .maximum = 9},
    {.name = "label", .type = SCHEMA_STRING, .offset = offsetof(struct inner, label)},
    {0},
};

static const struct schema_key keys[] = {
    {.name = "", .type = SCHEMA_KEYS, .offset = offsetof(struct sample, more), .keys = more_keys},
    {.name = "flag", .type = SCHEMA_BOOLEAN, .offset = offsetof(struct sample, flag), .default_number = 1},
    {.name = "count", .type = SCHEMA_INTEGER, .offset = offsetof(struct sample, count), .maximum = 100},
    {.name = "share",
     .type = SCHEMA_NUMBER,
     .offset = offsetof(struct sample, share),
     .maximum = 1,
     .default_number = 0.5},
    {.name = "name", .type = SCHEMA_STRING, .offset = offsetof(struct sample, name), .default_string = "unnamed"},
    {.name = "inner", .type = SCHEMA_TABLE, .offset = offsetof(struct sample, inner), .keys = inner_keys},
    {.name = "pair", .type = SCHEMA_CUSTOM, .offset = offsetof(struct sample, parsed), .parse = parse_pair},
    {.name = "hook", .type = SCHEMA_FUNCTION},
    {.name = "later",
     .type = SCHEMA_INTEGER,
     .offset = offsetof(struct sample, count),
     .unavailable = "nothing: not available in this version"},
    {0},
};

static void set_number(struct document *table, struct slice key, double number) {
	struct document *value = document_add_entry(table, key);
	value->kind = DOCUMENT_NUMBER;
	value->number = number;
}

static struct slice read_all(const struct document *document, struct sample *sample, struct buffer *report) {
	struct problems problems = {0};
	struct schema_place place = {"file.lua", "", &problems};
	*sample = (struct sample){0};
	buffer_init(report, 100000);
	schema_defaults(keys, sample);
	schema_read(keys, document, sample, &place);
	problems_format(&problems, report);
	problems_free(&problems);
	return buffer_slice(report);
}

TEST(absent_keys_have_their_defaults) {
	struct document document = {.kind = DOCUMENT_TABLE};
	struct sample sample;
	struct buffer report;
	CHECK_SLICE(read_all(&document, &sample, &report), SLICE(""));
	CHECK(sample.flag);
	CHECK_INT(sample.count, 0);
	CHECK_NEAR(sample.share, 0.5, 0);
	CHECK_STRING(sample.name, "unnamed");
	CHECK_INT(sample.inner.depth, 4);
	schema_free(keys, &sample);
	buffer_free(&report);
}

TEST(values_are_read_at_every_depth) {
	struct document document = {.kind = DOCUMENT_TABLE};
	document_add_entry(&document, SLICE("flag"))->kind = DOCUMENT_BOOLEAN;
	set_number(&document, SLICE("count"), 100);
	document_set_string(document_add_entry(&document, SLICE("name")), SLICE("named"));
	set_number(document_add_entry(&document, SLICE("inner")), SLICE("depth"), 9);
	struct document *pair = document_add_entry(&document, SLICE("pair"));
	for (int i = 1; i <= 2; i++) {
		struct document *item = document_add_item(pair);
		item->kind = DOCUMENT_NUMBER;
		item->number = i;
	}
	document_add_entry(&document, SLICE("hook"))->kind = DOCUMENT_FUNCTION;
	struct sample sample;
	struct buffer report;
	CHECK_SLICE(read_all(&document, &sample, &report), SLICE(""));
	CHECK(!sample.flag);
	CHECK_INT(sample.count, 100);
	CHECK_STRING(sample.name, "named");
	CHECK_INT(sample.inner.depth, 9);
	CHECK_NEAR(sample.parsed, 3, 0);
	schema_free(keys, &sample);
	buffer_free(&report);
	document_free(&document);
}

TEST(reports_all_mistakes_at_once) {
	struct document document = {.kind = DOCUMENT_TABLE};
	set_number(&document, SLICE("flag"), 1);
	set_number(&document, SLICE("count"), 1.5);
	set_number(&document, SLICE("share"), NAN);
	set_number(&document, SLICE("name"), 7);
	set_number(document_add_entry(&document, SLICE("inner")), SLICE("dpeth"), 3);
	set_number(&document, SLICE("pair"), 3);
	set_number(&document, SLICE("hook"), 3);
	set_number(&document, SLICE("later"), 3);
	document_add_item(&document);
	struct sample sample;
	struct buffer report;
	struct slice text = read_all(&document, &sample, &report);
	static const char *const expected[] = {
	    "file.lua: flag: expected true or false, found number 1\n",
	    "file.lua: count: expected a whole number from 0 to 100, found number 1.5\n",
	    "file.lua: share: expected a number from 0 to 1, found number",
	    "file.lua: name: expected a non-empty string, found number 7\n",
	    "file.lua: inner.dpeth: expected a known key (did you mean depth?), found an unknown one\n",
	    "file.lua: pair: expected a list of two, found number 3\n",
	    "file.lua: hook: expected a function, found number 3\n",
	    "file.lua: later: expected nothing: not available in this version, found a value\n",
	    "file.lua: [1]: expected a known key",
	};
	for (size_t i = 0; i < sizeof expected / sizeof expected[0]; i++) {
		bool found = memmem(text.ptr, text.len, expected[i], strlen(expected[i])) != NULL;
		CHECK(found);
		if (!found)
			printf("  missing: %s\n", expected[i]);
	}
	CHECK_INT(sample.count, 0);
	CHECK_STRING(sample.name, "unnamed");
	schema_free(keys, &sample);
	buffer_free(&report);
	document_free(&document);
}

TEST(suggests_only_similar_names) {
	const char *const names[] = {"max_retries", "timeout_ms", "models", NULL};
	CHECK_STRING(schema_nearest(names, SLICE("max_retrys")), "max_retries");
	CHECK_STRING(schema_nearest(names, SLICE("model")), "models");
	CHECK(schema_nearest(names, SLICE("credentials")) == NULL);
	CHECK(schema_nearest(names, slice_of("a", 100000)) == NULL);
}

TEST(problems_beyond_a_hundred_are_counted) {
	struct problems problems = {0};
	struct buffer report;
	buffer_init(&report, 100000);
	for (int i = 0; i < 103; i++)
		problems_add(&problems, "f", i, "x\n", NULL, NULL);
	problems_format(&problems, &report);
	CHECK(slice_starts(buffer_slice(&report), SLICE("f: x?: \n")));
	CHECK(slice_ends(buffer_slice(&report), SLICE("and 3 more\n")));
	buffer_free(&report);
	problems_free(&problems);
}

TEST(inserted_keys_are_keys_of_the_table) {
	struct document document = {.kind = DOCUMENT_TABLE};
	struct sample sample;
	struct buffer report;
	CHECK_SLICE(read_all(&document, &sample, &report), SLICE(""));
	CHECK_INT(sample.more.breadth, 2);
	CHECK_INT(sample.inner.breadth, 0);
	schema_free(keys, &sample);
	buffer_free(&report);
	set_number(&document, SLICE("breadth"), 9);
	document_set_string(document_add_entry(&document, SLICE("label")), SLICE("up"));
	set_number(&document, SLICE("bredth"), 1);
	set_number(&document, SLICE(""), 1);
	CHECK_SLICE(read_all(&document, &sample, &report),
	            SLICE("file.lua: bredth: expected a known key (did you mean breadth?), found an unknown one\n"
	                  "file.lua: expected a known key, found an unknown one\n"));
	CHECK_INT(sample.more.breadth, 9);
	CHECK_STRING(sample.more.label, "up");
	schema_free(keys, &sample);
	CHECK(!sample.more.label);
	buffer_free(&report);
	document_free(&document);
}

int main(void) {
	RUN(absent_keys_have_their_defaults);
	RUN(values_are_read_at_every_depth);
	RUN(reports_all_mistakes_at_once);
	RUN(suggests_only_similar_names);
	RUN(problems_beyond_a_hundred_are_counted);
	RUN(inserted_keys_are_keys_of_the_table);
	return check_summary();
}
