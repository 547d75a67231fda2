// SPDX-License-Identifier: Apache-2.0
// The report for people. Cases with the same text are grouped: the text comes once, with a list of the cases.
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/problem.h"
#include "cli/inspection.h"

enum { WIDTH = 110, INDENT = 6, TEXT_BYTES = 1 << 20 };

// Text from a policy may hold any bytes; a terminal must not interpret them.
static void put_visible(FILE *out, struct slice text) {
	for (size_t i = 0; i < text.len; i++) {
		unsigned char byte = (unsigned char)text.ptr[i];
		if (byte < ' ' || byte == 0x7f)
			fprintf(out, "\\x%02x", byte);
		else
			putc(byte, out);
	}
}

// Errors in the same line are the same mistake, even if their messages name the request. The line where a budget ran
// out is chance.
static bool is_same_mistake(const struct observation *a, const struct observation *b) {
	if (strcmp(a->hook, b->hook) != 0 || a->mistake.ending != b->mistake.ending ||
	    strcmp(a->mistake.file, b->mistake.file) != 0)
		return false;
	switch (a->mistake.ending) {
	case ENDING_OVER_BUDGET:
	case ENDING_OVER_MEMORY:
		return true;
	case ENDING_ERROR:
		return a->mistake.line == b->mistake.line;
	default:
		return a->mistake.line == b->mistake.line && strcmp(a->mistake.message, b->mistake.message) == 0;
	}
}

// Whether an earlier case has the same mistake.
static bool is_repeated(const struct dry_run *dry_run, size_t index) {
	for (size_t i = 0; i < index; i++)
		if (dry_run->observations[i].mistakes &&
		    is_same_mistake(&dry_run->observations[i], &dry_run->observations[index]))
			return true;
	return false;
}

static void print_mistake(FILE *out, const struct dry_run *dry_run, size_t index) {
	const struct observation *observation = &dry_run->observations[index];
	size_t more = 0;
	for (size_t i = index + 1; i < dry_run->count; i++)
		more += dry_run->observations[i].mistakes && is_same_mistake(observation, &dry_run->observations[i]);
	fputs(observation->mistake.file, out);
	if (observation->mistake.line)
		fprintf(out, ":%d", observation->mistake.line);
	fprintf(out, ": %s: %s in \"", observation->hook, call_ending_name(observation->mistake.ending));
	put_visible(out, slice_from(observation->case_name));
	fputs("\"", out);
	if (more)
		fprintf(out, " and %zu more situation%s", more, more == 1 ? "" : "s");
	fputs(": ", out);
	put_visible(out, slice_from(observation->mistake.message));
	fputs("\n", out);
}

static void print_problems(FILE *out, const struct problems *problems, const char *prefix) {
	struct buffer text;
	buffer_init(&text, TEXT_BYTES);
	problems_format(problems, &text);
	for (struct slice rest = buffer_slice(&text); rest.len;) {
		size_t end = slice_find(rest, '\n');
		fprintf(out, "%s%.*s\n", prefix, (int)end, rest.ptr);
		rest = slice_from_offset(rest, end + 1);
	}
	buffer_free(&text);
}

static bool has_same_text(const struct observation *a, const struct observation *b) {
	return strcmp(a->hook, b->hook) == 0 && !a->mistakes == !b->mistakes &&
	       slice_equal(buffer_slice(&a->words), buffer_slice(&b->words));
}

// Whether the case is listed in the group of an earlier one.
static bool is_grouped(const struct dry_run *dry_run, size_t index) {
	for (size_t i = 0; i < index; i++)
		if (has_same_text(&dry_run->observations[i], &dry_run->observations[index]))
			return true;
	return false;
}

// The names of all cases with the same text, in lines that begin with INDENT spaces.
static void print_cases(const struct dry_run *dry_run, size_t index) {
	size_t column = 0;
	for (size_t i = index; i < dry_run->count; i++) {
		const struct observation *observation = &dry_run->observations[i];
		if (!has_same_text(&dry_run->observations[index], observation))
			continue;
		size_t bytes = strlen(observation->case_name);
		if (column && column + bytes + 2 > WIDTH) {
			fputs(";\n", stdout);
			column = 0;
		}
		column += column ? (size_t)printf("; ") : (size_t)printf("%*s", INDENT, "");
		put_visible(stdout, slice_from(observation->case_name));
		column += bytes;
	}
	putchar('\n');
}

static void print_use(const struct inspection *inspection, const char *hook) {
	struct inspection_use use = inspection_use(inspection, hook);
	printf("\n%-10s %zu situations", hook, use.cases);
	if (use.calls == 0) {
		printf(", decided by what is built in\n");
		return;
	}
	printf("; at most %" PRIu64 " of %" PRIu64 " instructions, %zu of %" PRIu64 " KiB", use.instructions,
	       inspection->limits.instructions, (use.peak_bytes + 1023) / 1024, inspection->limits.memory_bytes / 1024);
	if (use.cpu_ns > 0) // a policy with a mistake isn't timed
		printf(", %.1f us", (double)use.cpu_ns / 1000);
	if (use.refuses)
		printf("; requests are refused when it fails");
	putchar('\n');
}

static void print_hook(const struct inspection *inspection, const char *hook) {
	const struct dry_run *dry_run = &inspection->dry_run;
	struct inspection_use use = inspection_use(inspection, hook);
	bool is_built_in = use.calls == 0;
	if (use.cases == 0)
		return;
	// The reference describes the built-in decisions; the choice of `select` depends on the models.
	if (is_built_in && strcmp(hook, "select") != 0) {
		printf("\n%-10s built in\n", hook);
		return;
	}
	print_use(inspection, hook);
	for (size_t i = 0; i < dry_run->count; i++) {
		const struct observation *observation = &dry_run->observations[i];
		if (strcmp(observation->hook, hook) != 0 || is_grouped(dry_run, i))
			continue;
		const char *decider = observation->decided_by == DECIDED_BY_ON_ERROR ? "" : "by default, ";
		printf("   %s%s", observation->mistakes ? decider : "", observation->mistakes ? "since it went wrong: " : "");
		put_visible(stdout, buffer_slice(&observation->words));
		putchar('\n');
		print_cases(dry_run, i);
	}
}

static void print_head(const struct inspection *inspection) {
	size_t wrong = inspection->problems.count + inspection->dry_run.mistakes;
	if (inspection->kind == INSPECTION_SETTINGS)
		printf("%s: %s settings\n", inspection->path, inspection->problems.count ? "wrong" : "sound");
	if (!inspection->policy)
		return;
	printf("%s: a %s policy with %zu model%s", inspection->policy, wrong ? "mistaken" : "sound",
	       inspection->model_count, inspection->model_count == 1 ? "" : "s");
	if (inspection->warnings.count)
		printf(", %zu warning%s", inspection->warnings.count, inspection->warnings.count == 1 ? "" : "s");
	putchar('\n');
}

static void print_mistakes(FILE *out, const struct inspection *inspection) {
	const struct dry_run *dry_run = &inspection->dry_run;
	print_problems(out, &inspection->problems, "");
	for (size_t i = 0; i < dry_run->count; i++)
		if (dry_run->observations[i].mistakes && !is_repeated(dry_run, i))
			print_mistake(out, dry_run, i);
	print_problems(out, &inspection->warnings, "warning: ");
}

static bool has_line(struct slice text, struct slice line) {
	while (text.len) {
		size_t end = slice_find(text, '\n');
		if (slice_equal(slice_of(text.ptr, end), line))
			return true;
		text = slice_from_offset(text, end + 1);
	}
	return false;
}

// Prints each line that no earlier file has printed.
static void print_new_mistakes(const struct inspection *inspection, struct buffer *printed) {
	char *text = NULL;
	size_t bytes = 0;
	FILE *out = open_memstream(&text, &bytes);
	if (!out)
		abort();
	print_mistakes(out, inspection);
	fclose(out);
	for (struct slice rest = slice_of(text, bytes); rest.len;) {
		struct slice line = slice_of(rest.ptr, slice_find(rest, '\n'));
		rest = slice_from_offset(rest, line.len + 1);
		if (has_line(buffer_slice(printed), line))
			continue;
		fprintf(stderr, "%.*s\n", SLICE_ARGS(line));
		buffer_append(printed, line);
		buffer_append_byte(printed, '\n');
	}
	free(text);
}

void inspection_print(const struct inspection *inspection, struct buffer *printed) {
	print_new_mistakes(inspection, printed);
	fflush(stderr);
	print_head(inspection);
	for (size_t i = 0; policy_hook_names[i]; i++)
		print_hook(inspection, policy_hook_names[i]);
}
