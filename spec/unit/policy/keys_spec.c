// SPDX-License-Identifier: Apache-2.0
// The tables of keys in policies/REFERENCE.md agree with the definitions in policy/keys.c.
#include "../reference.h"
#include "policy/keys.h"

// Finds the key's row in the table that begins with `heading`; "" when there is none.
static void find_line(const char *text, const char *heading, const char *key, char *line, size_t size) {
	char wanted[64];
	const char *table = strstr(text, heading);
	snprintf(wanted, sizeof wanted, "`%s`", key);
	*line = '\0';
	for (const char *row = table ? strchr(table, '\n') : NULL; row && row[1] == '|'; row = strchr(row + 1, '\n')) {
		const char *end = strchr(row + 3, '|');
		size_t bytes = strcspn(row + 1, "\n");
		if (!end || bytes >= size)
			continue;
		snprintf(line, size, "%.*s", (int)bytes, row + 1);
		const char *found = strstr(line, wanted);
		if (found && found - line < end - row)
			return;
		*line = '\0';
	}
}

static void check_keys(const char *text, const char *heading, const struct schema_key *keys) {
	for (; keys->name; keys++) {
		char line[1024], part[128];
		find_line(text, heading, keys->name, line, sizeof line);
		snprintf(part, sizeof part, "`%s`", keys->name);
		CHECK(keys->unavailable ? !*line && strstr(text, part) : *line != '\0');
		bool ranged = keys->type == SCHEMA_INTEGER || keys->type == SCHEMA_NUMBER;
		bool inherits = strstr(line, "the policy's") != NULL;
		snprintf(part, sizeof part, "%.14g to %.14g", keys->minimum, keys->maximum);
		if (ranged && !inherits)
			CHECK(strstr(line, part));
		snprintf(part, sizeof part, "| %.14g |", keys->default_number);
		if (ranged && !inherits && keys->default_number > 0)
			CHECK(strstr(line, part));
		CHECK(keys->meaning && *keys->meaning);
		if (check_failures_in_test) {
			printf("  key %s: %s\n", keys->name, line);
			return;
		}
	}
}

TEST(the_reference_lists_every_key) {
	char *text = reference_read("policies/REFERENCE.md");
	check_keys(text, "| key | default | range | meaning |", policy_keys);
	check_keys(text, "| `breaker` key | default |", breaker_keys);
	check_keys(text, "| `on_error` key | default |", on_error_keys);
	check_keys(text, "| model key | default |", model_keys);
	free(text);
}

int main(void) {
	RUN(the_reference_lists_every_key);
	return check_summary();
}
