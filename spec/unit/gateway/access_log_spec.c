// SPDX-License-Identifier: Apache-2.0
// The fields of an access line.
#include "../check.h"
#include "gateway/access_log.h"
#include "route/decide.h"

TEST(an_entry_has_all_its_fields_in_order) {
	static const struct {
		const char *name, *text;
		int64_t number;
	} expected[] = {
	    {"request_id", "id-1", 0},     {"client", "127.0.0.1:5000", 0}, {"operation", "Converse", 0},
	    {"model", "chat", 0},          {"attempts", NULL, 2},           {"outcome", "success", 0},
	    {"status", NULL, 200},         {"bytes_in", NULL, 11},          {"bytes_out", NULL, UINT32_MAX + INT64_C(1)},
	    {"milliseconds", NULL, 12345},
	};
	struct access_entry entry = {
	    .request_id = SLICE("id-1"),
	    .upstream_id = SLICE("up-1"),
	    .client = SLICE("127.0.0.1:5000"),
	    .operation = SLICE("Converse"),
	    .model = SLICE("chat"),
	    .attempts = 2,
	    .outcome = "success",
	    .status = 200,
	    .bytes_in = 11,
	    .bytes_out = UINT32_MAX + UINT64_C(1),
	    .milliseconds = 12345,
	};
	struct log_field fields[ACCESS_LOG_FIELDS];
	access_log_fields(&entry, fields);
	CHECK_INT(fields[ACCESS_LOG_FIELDS - 1].kind, LOG_END);
	CHECK_STRING(fields[1].name, "upstream_id");
	CHECK_SLICE(fields[1].text, SLICE("up-1"));
	entry.upstream_id = (struct slice){0};
	access_log_fields(&entry, fields);
	for (size_t i = 0; i < sizeof expected / sizeof *expected; i++) {
		CHECK_STRING(fields[i].name, expected[i].name);
		CHECK_INT(fields[i].kind, expected[i].text ? LOG_STRING : LOG_NUMBER);
		if (expected[i].text)
			CHECK_SLICE(fields[i].text, slice_from(expected[i].text));
		else
			CHECK_INT(fields[i].number, expected[i].number);
	}
}

TEST(outcomes_are_named_as_in_the_statistics) {
	CHECK_STRING(outcome_names[OUTCOME_SUCCESS], "success");
	CHECK_STRING(outcome_names[OUTCOME_RATE_LIMIT], "rate_limit");
	CHECK_STRING(outcome_names[OUTCOME_FAIL_FAST], "fail_fast");
	CHECK_STRING(outcome_names[OUTCOME_REFUSAL], "refusal");
	CHECK_STRING(outcome_names[OUTCOME_CANCELLED], "cancelled");
}

int main(void) {
	RUN(an_entry_has_all_its_fields_in_order);
	RUN(outcomes_are_named_as_in_the_statistics);
	return check_summary();
}
