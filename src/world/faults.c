// SPDX-License-Identifier: Apache-2.0
// Reads faults: each key is defined once, with base/schema.h. A fault's exception points to one of the caller's names,
// never into the document, so that plans may outlive the document.
#include "world/faults.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/problem.h"
#include "world/tier.h"

enum { TEXT_BYTES = 256, FAULTS_MAX = 1000 };

// Larger than any duration, and exact as a double.
#define FOREVER_MS 1e15

static const char *const trouble_names[] = {
#define X(constant, name, meaning) [constant] = name,
    SCENARIO_TROUBLE_LIST(X)
#undef X
};

enum { TROUBLE_COUNT = sizeof trouble_names / sizeof *trouble_names, FAULT_NAMES_MAX = 64 };

static void fault_complain(const struct document *value, const struct scenario_fault *fault,
                           const struct schema_place *place) {
	const char *names[FAULT_NAMES_MAX + 1] = {0};
	size_t count = 0;
	for (size_t i = SCENARIO_EXCEPTION + 1; i < TROUBLE_COUNT; i++)
		names[count++] = trouble_names[i];
	for (size_t i = 0; fault->exception_names[i] && count < FAULT_NAMES_MAX; i++)
		names[count++] = fault->exception_names[i];
	const char *nearest = value->kind == DOCUMENT_STRING ? schema_nearest(names, value->string) : NULL;
	char expected[TEXT_BYTES];
	if (nearest)
		snprintf(expected, sizeof expected, "a fault (did you mean %s?)", nearest);
	else
		snprintf(expected, sizeof expected, "an exception's name, or hang, reset, truncate, corrupt, stall, ...");
	schema_complain(place, expected, value);
}

static bool fault_read_exception(struct slice name, struct scenario_fault *fault) {
	for (size_t i = 0; fault->exception_names[i]; i++) {
		if (!slice_equal(slice_from(fault->exception_names[i]), name))
			continue;
		fault->trouble = SCENARIO_EXCEPTION;
		fault->exception = fault->exception_names[i];
		return true;
	}
	return false;
}

static bool fault_read_trouble(struct slice name, struct scenario_fault *fault) {
	for (size_t i = SCENARIO_EXCEPTION + 1; i < TROUBLE_COUNT; i++) {
		if (!slice_equal(slice_from(trouble_names[i]), name))
			continue;
		fault->trouble = (enum scenario_trouble)i;
		return true;
	}
	return false;
}

static void fault_parse_exception(const struct document *value, void *target, const struct schema_place *place) {
	struct scenario_fault *fault = target;
	if (value->kind != DOCUMENT_STRING || !fault_read_exception(value->string, fault))
		fault_complain(value, fault, place);
}

void scenario_fault_parse_after(const struct document *value, void *target, const struct schema_place *place) {
	struct scenario_fault *fault = target;
	if (value->kind == DOCUMENT_STRING && slice_equal(value->string, SLICE("messageStop")))
		fault->after = SCENARIO_AFTER_STOP;
	else if (value->kind == DOCUMENT_NUMBER && value->number >= 0 && value->number <= 1e6 &&
	         value->number == (double)(uint64_t)value->number)
		fault->after = (uint64_t)value->number;
	else
		schema_complain(place, "a whole number of events from 0 to 1000000, or \"messageStop\"", value);
}

#define AFTER_KEY                                                                                                      \
	{                                                                                                                  \
		.name = "after", .type = SCHEMA_CUSTOM, .offset = 0, .parse = scenario_fault_parse_after,                      \
		.expected = "a number of events, or \"messageStop\"",                                                          \
		.meaning = "events of a stream that come before the fault; an exception with it comes within the stream"       \
	}

static const struct schema_key stream_exception_keys[] = {
    {.name = "exception",
     .type = SCHEMA_CUSTOM,
     .required = true,
     .parse = fault_parse_exception,
     .expected = "an exception's name",
     .meaning = "the exception"},
    AFTER_KEY,
    {0},
};

void scenario_fault_parse(const struct document *value, void *target, const struct schema_place *place) {
	struct scenario_fault *fault = target;
	if (value->kind == DOCUMENT_NIL) {
		fault->trouble = SCENARIO_NONE;
	} else if (value->kind == DOCUMENT_TABLE) {
		schema_read(stream_exception_keys, value, fault, place);
		if (fault->after == SCENARIO_AFTER_UNSET)
			fault->after = 0;
	} else if (value->kind != DOCUMENT_STRING ||
	           (!fault_read_trouble(value->string, fault) && !fault_read_exception(value->string, fault))) {
		fault_complain(value, fault, place);
	}
}

#define FIELD(name) offsetof(struct scenario_fault, name)
static const struct schema_key fault_keys[] = {
    {.name = "from_ms",
     .type = SCHEMA_INTEGER,
     .offset = FIELD(from_ms),
     .maximum = FOREVER_MS,
     .meaning = "when it begins"},
    {.name = "to_ms",
     .type = SCHEMA_INTEGER,
     .offset = FIELD(to_ms),
     .maximum = FOREVER_MS,
     .default_number = FOREVER_MS,
     .meaning = "when it is over; without it, never"},
    {.name = "fault",
     .type = SCHEMA_CUSTOM,
     .required = true,
     .parse = scenario_fault_parse,
     .expected = "a fault",
     .meaning = "an exception's name, one of the troubles, or { exception = NAME, after = EVENTS } in a stream"},
    {.name = "share",
     .type = SCHEMA_NUMBER,
     .offset = FIELD(share),
     .maximum = 1,
     .default_number = 1,
     .meaning = "share of the requests that meet it"},
    AFTER_KEY,
    {.name = "retry_after_ms",
     .type = SCHEMA_INTEGER,
     .offset = FIELD(retry_after_ms),
     .maximum = 3600000,
     .meaning = "sent along with an exception as x-amz-retry-after"},
    {.name = "tier",
     .type = SCHEMA_CUSTOM,
     .offset = FIELD(tiers),
     .parse = tier_bits_parse,
     .expected = "a service tier or a list of them",
     .meaning = "only requests at that service tier meet it; those that name none are at the default one"},
    {0},
};

#undef FIELD

const struct schema_key *scenario_fault_keys(void) {
	return fault_keys;
}

void scenario_fault_init(struct scenario_fault *fault, const char *const *exception_names) {
	*fault = (struct scenario_fault){.after = SCENARIO_AFTER_UNSET, .exception_names = exception_names};
	schema_defaults(fault_keys, fault);
}

void scenario_faults_parse(const struct document *value, void *target, const struct schema_place *place) {
	struct scenario_faults *faults = target;
	if (value->kind != DOCUMENT_TABLE || value->entry_count > 0 || value->item_count > FAULTS_MAX) {
		schema_complain(place, "a list of at most 1000 faults", value);
		return;
	}
	faults->list = memory_new(value->item_count + 1, sizeof *faults->list);
	for (size_t i = 0; i < value->item_count; i++) {
		struct scenario_fault *fault = &faults->list[faults->count++];
		char name[TEXT_BYTES];
		snprintf(name, sizeof name, "%s[%zu]", place->field, i + 1);
		struct schema_place inner = {place->file, name, place->problems};
		scenario_fault_init(fault, faults->exception_names);
		schema_read(fault_keys, &value->items[i], fault, &inner);
		if (value->items[i].kind == DOCUMENT_TABLE && fault->to_ms <= fault->from_ms)
			problems_add(place->problems, place->file, value->items[i].line, name, "to_ms after from_ms",
			             "an empty time");
	}
}

void scenario_faults_free(struct scenario_faults *faults) {
	free(faults->list);
	faults->list = NULL;
	faults->count = 0;
}
