// SPDX-License-Identifier: Apache-2.0
// Secrets in settings: no problem shows one, and none has bytes that a header can't carry.
#include "settings_reading.h"

TEST(problems_never_hold_secrets) {
	static const struct {
		const char *keys[3];
		const char *problem;
	} rows[] = {
	    {{"credentials"}, "credentials: expected { access_key_id, secret_access_key"},
	    {{"credentials.access_key_id"}, "another combination"},
	    {{"credentials.secret_access_key"}, "another combination"},
	    {{"credentials.session_token"}, "another combination"},
	    {{"credentials.bearer_token", "credentials.access_key_id"}, "another combination"},
	    {{"credentials.profile"}, "credentials.profile: expected nothing (profiles are not available"},
	    {{"credentials.acess_key_id"}, "(did you mean access_key_id?)"},
	    {{"credential_sets"}, "credential_sets: expected a table of NAME = credentials"},
	    {{"credential_sets.a"}, "credential_sets.a: expected {"},
	    {{"credential_sets.a.session_token"}, "credential_sets.a: expected {"},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct document table = {0};
		struct reading reading;
		for (const char *const *key = rows[i].keys; *key; key++)
			set_string(&table, *key, "SECRET");
		read_all(&reading, &table, NULL, NULL);
		bool good = reading.problems.count == 1 && strstr(reading.text, rows[i].problem);
		CHECK(good);
		if (!good)
			printf("  row %zu got:\n%s", i, reading.text);
		CHECK(strstr(reading.text, "SECRET") == NULL);
		reading_free(&reading, &table);
	}
}

TEST(problems_never_hold_passwords_of_urls_or_odd_keys) {
	static const struct {
		const char *key, *text, *problem;
	} rows[] = {
	    {"endpoint", "https://user:SECRET@example.com", "endpoint: expected"},
	    {"endpoint", "https://user:SECRET/with@sl@sh@example.com", "found string \"...@example.com\""},
	    {"endpoint", "https://a-user-whose-name-is-very-long-indeed:SECRET@example.com", "\"...@example.com\""},
	    {"endpoint", "user:SECRET@example.com", "found string \"...@example.com\""},
	    {"listen", "user:SECRET@example.com:80", "listen: expected"},
	    {"SECRETwJalrXUtnFEMI", "x", "s.lua: ?: expected a known key, found an unknown one"},
	    {"credentials.SECRETwJalrXUtnFEMI", "x", "credentials.?: expected a known key"},
	    {"limits.SECRETwJalrXUtnFEMI", "x", "limits.?: expected a known key"},
	};
	static const struct variable variables[] = {{"AWS_ENDPOINT_URL", "https://user:SECRET@example.com"}, {0}};
	static const struct settings_flags flags = {.endpoint = "https://user:SECRET@example.com"};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct document table = {0};
		struct reading reading;
		set_string(&table, rows[i].key, rows[i].text);
		read_all(&reading, &table, NULL, NULL);
		CHECK_MENTIONS(reading.text, rows[i].problem);
		CHECK(strstr(reading.text, "SECRET") == NULL);
		reading_free(&reading, &table);
	}
	for (int by_flag = 0; by_flag < 2; by_flag++) {
		struct reading reading;
		read_all(&reading, NULL, by_flag ? &flags : NULL, by_flag ? NULL : variables);
		CHECK_MENTIONS(reading.text, "\"...@example.com\"");
		CHECK(strstr(reading.text, "SECRET") == NULL);
		reading_free(&reading, NULL);
	}
}

TEST(credentials_that_no_header_can_carry_are_refused) {
	struct document table = {0};
	struct reading reading;
	set_string(&table, "credentials.bearer_token", "SECRET\r\nx: y");
	read_all(&reading, &table, NULL, NULL);
	CHECK_STRING(reading.text, "s.lua: credentials: expected texts that an HTTP header can carry, found other bytes\n");
	CHECK(reading.settings.engine.credentials.bearer_token == NULL);
	reading_free(&reading, &table);
	set_number(&table, "credentials.bearer_token", 4711);
	read_all(&reading, &table, NULL, NULL);
	CHECK_STRING(reading.text, "s.lua: credentials.bearer_token: expected a non-empty string, found something else\n");
	reading_free(&reading, &table);
}

int main(void) {
	RUN(problems_never_hold_secrets);
	RUN(problems_never_hold_passwords_of_urls_or_odd_keys);
	RUN(credentials_that_no_header_can_carry_are_refused);
	return check_summary();
}
