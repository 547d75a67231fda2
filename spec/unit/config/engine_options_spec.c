// SPDX-License-Identifier: Apache-2.0
// An engine's options, read as a door without keys of its own reads them. The values of each key are in
// unit/gateway/settings_spec.
#include "config/engine_options.h"

#include "../check.h"
#include "../reference.h"
#include "../variables.h"
#include "base/problem.h"

static int read_table(struct document *table, const struct variable *variables, struct engine_options *options,
                      char report[1024]) {
	struct environment environment = environment_of(variables);
	struct problems problems = {0};
	struct buffer text;
	int rc = engine_options_read("here", table, &environment, &problems, options);
	buffer_init(&text, 1023);
	problems_format(&problems, &text);
	snprintf(report, 1024, "%.*s", SLICE_ARGS(buffer_slice(&text)));
	buffer_free(&text);
	problems_free(&problems);
	document_free(table);
	return rc;
}

TEST(the_environment_fills_what_the_table_omits) {
	const struct variable variables[] = {{"AWS_REGION", "eu-west-1"},
	                                     {"AWS_ENDPOINT_URL", "https://bedrock.test"},
	                                     {"all_proxy", "http://second.test"},
	                                     {"HTTPS_PROXY", "http://first.test"},
	                                     {NULL, NULL}};
	struct document table = {.kind = DOCUMENT_TABLE};
	struct engine_options options;
	char report[1024];
	document_set_string(document_add_entry(&table, SLICE("region")), SLICE("us-west-2"));
	CHECK_INT(read_table(&table, variables, &options, report), 0);
	CHECK_STRING(report, "");
	CHECK_STRING(options.region, "us-west-2");
	CHECK_STRING(options.endpoint, "https://bedrock.test");
	CHECK_STRING(options.proxy, "http://first.test");
	CHECK_INT(options.timeouts.connect_ms, 3000);
	CHECK_INT(options.limits.hold_bytes, 65536);
	CHECK_INT(options.policy_limits.instructions, 100000);
	engine_options_free(&options);
	CHECK(!options.region && !options.proxy);
}

TEST(every_mistake_is_reported) {
	const struct variable variables[] = {{"AWS_ENDPOINT_URL", "http://elsewhere.test"}, {NULL, NULL}};
	struct document table = {.kind = DOCUMENT_TABLE};
	struct engine_options options;
	char report[1024];
	struct document *timeouts = document_add_entry(&table, SLICE("timeouts"));
	*document_add_entry(timeouts, SLICE("connect_ms")) = (struct document){.kind = DOCUMENT_NUMBER, .number = 1};
	*document_add_entry(timeouts, SLICE("drain_ms")) = (struct document){.kind = DOCUMENT_NUMBER, .number = 1};
	CHECK_INT(read_table(&table, variables, &options, report), ERROR_INVALID);
	CHECK(strstr(report, "here: timeouts.connect_ms: expected a whole number from 10 to 60000"));
	CHECK(strstr(report, "here: timeouts.drain_ms: expected a known key"));
	CHECK(strstr(report, "here: endpoint: expected https://"));
	engine_options_free(&options);
}

TEST(the_page_of_the_module_names_every_key) {
	char *text = reference_read("lua/README.md");
	reference_check(text, engine_options_keys);
	free(text);
}

int main(void) {
	RUN(the_environment_fills_what_the_table_omits);
	RUN(every_mistake_is_reported);
	RUN(the_page_of_the_module_names_every_key);
	return check_summary();
}
