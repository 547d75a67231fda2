// SPDX-License-Identifier: Apache-2.0
#include "base/problem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

enum { PROBLEMS_KEPT = 100 };

static char *visible_copy(const char *text) {
	char *copy = memory_string(slice_from(text));
	for (char *p = copy; *p; p++)
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			*p = '?';
	return copy;
}

// "https://USER:PASSWORD@HOST" -> "https://...@HOST". A password may have any characters, so the last `@` counts.
static char *copy_without_password(const char *text) {
	char *copy = visible_copy(text);
	char *scheme = strstr(copy, "://"), *at = strrchr(copy, '@');
	if (!scheme || !at || at < scheme + 3)
		return copy;
	size_t before = (size_t)(scheme - copy) + 3;
	char *result = memory_new(strlen(copy) + 4, 1);
	snprintf(result, strlen(copy) + 4, "%.*s...%s", (int)before, copy, at);
	memory_free_secret(copy);
	return result;
}

void problems_add(struct problems *problems, const char *file, int line, const char *field, const char *expected,
                  const char *found) {
	if (problems->count == PROBLEMS_KEPT) {
		problems->dropped++;
		return;
	}
	problems->list = memory_resize(problems->list, problems->count + 1, sizeof *problems->list);
	problems->list[problems->count++] = (struct problem){
	    .file = visible_copy(file),
	    .line = line,
	    .field = visible_copy(field),
	    .expected = visible_copy(expected),
	    .found = copy_without_password(found),
	};
}

static void problem_format(const struct problem *problem, struct buffer *out) {
	if (*problem->file)
		buffer_append(out, slice_from(problem->file));
	if (problem->line > 0)
		buffer_printf(out, ":%d", problem->line);
	if (*problem->file || problem->line > 0)
		buffer_append(out, SLICE(": "));
	if (*problem->field)
		buffer_printf(out, "%s: ", problem->field);
	if (*problem->expected)
		buffer_printf(out, "expected %s", problem->expected);
	if (*problem->expected && *problem->found)
		buffer_append(out, SLICE(", found "));
	buffer_append(out, slice_from(problem->found));
	buffer_append_byte(out, '\n');
}

void problems_format(const struct problems *problems, struct buffer *out) {
	for (size_t i = 0; i < problems->count; i++)
		problem_format(&problems->list[i], out);
	if (problems->dropped)
		buffer_printf(out, "and %zu more\n", problems->dropped);
}

void problems_free(struct problems *problems) {
	for (size_t i = 0; i < problems->count; i++) {
		free(problems->list[i].file);
		free(problems->list[i].field);
		free(problems->list[i].expected);
		free(problems->list[i].found);
	}
	free(problems->list);
	*problems = (struct problems){0};
}
