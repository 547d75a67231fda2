// SPDX-License-Identifier: Apache-2.0
// The table of functions in policies/REFERENCE.md lists exactly what a policy can reach: each global and each function
// of a library.
#include "../reference.h"
#include "fixture.h"

// Writes the names of everything that a policy can reach, one per line, to the shared store.
static const char lister[] = "local shared, names = require 'signalbox.shared', {}\n"
                             "for name, value in pairs(_G) do\n"
                             "  if type(value) == 'userdata' and name ~= '_G' then\n"
                             "    for inner in pairs(value) do names[#names + 1] = name .. '.' .. inner end\n"
                             "  else names[#names + 1] = name end\n"
                             "end\n"
                             "table.sort(names) shared.set('names', '\\n' .. table.concat(names, '\\n') .. '\\n')\n"
                             "return { models = { { id = 'm' } } }";

static void list_sandbox(struct fixture *fixture, struct shared_value *names) {
	fixture_init(fixture);
	fixture_load(fixture, lister);
	CHECK_STRING(fixture_problems(fixture), "");
	CHECK(shared_get(fixture->host.shared, SLICE("names"), 1000, names));
}

// The rows of the table, each "| `name` `name` | ...".
static char *find_table(char *text) {
	char *table = strstr(text, "| function | why it is safe | what bounds it |\n| --- | --- | --- |\n");
	CHECK(table != NULL);
	if (!table)
		return NULL;
	table = strstr(table, "--- |\n") + 6;
	*strstr(table, "\n\n") = '\0';
	return table;
}

static bool has_line(struct slice lines, const char *name, size_t length) {
	char wanted[80];
	snprintf(wanted, sizeof wanted, "\n%.*s\n", (int)length, name);
	return memmem(lines.ptr, lines.len, wanted, strlen(wanted)) != NULL;
}

// Whether exactly one row has the name in its first column.
static bool is_listed(const char *table, const char *name, size_t length) {
	char wanted[80];
	int count = 0;
	snprintf(wanted, sizeof wanted, "`%.*s`", (int)length, name);
	for (const char *line = table; line; line = strchr(line, '\n') ? strchr(line, '\n') + 1 : NULL) {
		const char *end = strstr(line, " | ");
		const char *found = strstr(line, wanted);
		count += found && found < end;
	}
	return count == 1;
}

TEST(everything_reachable_is_in_the_table) {
	struct fixture fixture;
	struct shared_value names;
	char *text = reference_read("policies/REFERENCE.md");
	const char *table = find_table(text);
	list_sandbox(&fixture, &names);
	size_t count = 0;
	for (size_t start = 1; table && start < names.text_bytes;) {
		size_t length = slice_find(slice_of(names.text + start, names.text_bytes - start), '\n');
		bool listed = is_listed(table, names.text + start, length);
		CHECK(listed);
		if (!listed)
			printf("  not in the table, or twice: %.*s\n", (int)length, names.text + start);
		start += length + 1;
		count++;
	}
	CHECK(count > 70);
	free(text);
	fixture_free(&fixture);
}

TEST(everything_in_the_table_is_reachable) {
	struct fixture fixture;
	struct shared_value names;
	char *text = reference_read("policies/REFERENCE.md");
	const char *table = find_table(text);
	list_sandbox(&fixture, &names);
	for (const char *line = table; line; line = strchr(line, '\n') ? strchr(line, '\n') + 1 : NULL) {
		const char *end = strstr(line, " | ");
		for (const char *open = strchr(line, '`'); open && open < end;) {
			const char *close = strchr(open + 1, '`');
			bool reached = has_line(slice_of(names.text, names.text_bytes), open + 1, (size_t)(close - open - 1));
			CHECK(reached);
			if (!reached)
				printf("  can't be reached: %.*s\n", (int)(close - open - 1), open + 1);
			open = strchr(close + 1, '`');
		}
	}
	free(text);
	fixture_free(&fixture);
}

int main(void) {
	RUN(everything_reachable_is_in_the_table);
	RUN(everything_in_the_table_is_reachable);
	return check_summary();
}
