// SPDX-License-Identifier: Apache-2.0
// Parsing of command lines: each form of a flag, each mistake.
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "../check.h"
#include "cli/options.h"

enum { WORDS_MAX = 8, LIST_MAX = 2 };

struct parsed {
	const char *policy;
	bool quick;
	const char *list[LIST_MAX];
	size_t list_count;
	const char *arguments[2];
	size_t argument_count;
	enum options_result result;
	char printed[1024]; // on stderr
};

static int stderr_file;

// Parses a command line: the command's name, then the words, which single spaces separate.
static void parse_words(const char *words, struct parsed *parsed) {
	*parsed = (struct parsed){0};
	const struct cli_option options[] = {
	    {.name = "policy", .value_name = "FILE", .value = &parsed->policy, .meaning = "a file"},
	    {.name = "quick", .given = &parsed->quick, .meaning = "a switch"},
	    {.name = "listen",
	     .value_name = "ADDRESS",
	     .list = parsed->list,
	     .list_count = &parsed->list_count,
	     .list_limit = LIST_MAX,
	     .meaning = "a list"},
	    {0},
	};
	struct command_line line = {
	    .usage = "run",
	    .summary = "Runs.",
	    .options = options,
	    .arguments = parsed->arguments,
	    .argument_limit = 2,
	};
	char *text = strdup(words);
	char *argv[WORDS_MAX] = {(char *)(uintptr_t) "run"};
	int argc = 1;
	for (char *rest = text; *words && rest && argc < WORDS_MAX;) {
		argv[argc++] = rest;
		rest = strchr(rest, ' ');
		if (rest)
			*rest++ = '\0';
	}
	if (ftruncate(stderr_file, 0) != 0 || lseek(stderr_file, 0, SEEK_SET) != 0)
		CHECK(!"the file can be emptied");
	parsed->result = options_parse(&line, argc, argv);
	parsed->argument_count = line.argument_count;
	ssize_t length = pread(stderr_file, parsed->printed, sizeof parsed->printed - 1, 0);
	parsed->printed[length > 0 ? length : 0] = '\0';
	// The results point into `text`, which is freed.
	const char **kept[] = {&parsed->policy, &parsed->list[0], &parsed->list[1], &parsed->arguments[0],
	                       &parsed->arguments[1]};
	static char copies[5][64];
	for (size_t i = 0; i < 5; i++) {
		if (!*kept[i])
			continue;
		snprintf(copies[i], sizeof copies[i], "%s", *kept[i]);
		*kept[i] = copies[i];
	}
	free(text);
}

TEST(values_come_in_both_forms) {
	struct parsed parsed;
	parse_words("--policy a.lua --quick --listen=one --listen two", &parsed);
	CHECK_INT(parsed.result, OPTIONS_READY);
	CHECK_STRING(parsed.policy, "a.lua");
	CHECK(parsed.quick);
	CHECK_INT(parsed.list_count, 2);
	CHECK_STRING(parsed.list[0], "one");
	CHECK_STRING(parsed.list[1], "two");
	parse_words("--policy=a --policy b", &parsed);
	CHECK_STRING(parsed.policy, "b");
	parse_words("--policy=", &parsed);
	CHECK_STRING(parsed.policy, "");
	parse_words("--policy --quick", &parsed);
	CHECK_STRING(parsed.policy, "--quick");
}

TEST(arguments_may_stand_anywhere) {
	struct parsed parsed;
	parse_words("one --quick two", &parsed);
	CHECK_INT(parsed.result, OPTIONS_READY);
	CHECK_INT(parsed.argument_count, 2);
	CHECK_STRING(parsed.arguments[0], "one");
	CHECK_STRING(parsed.arguments[1], "two");
	parse_words("-- --quick -x", &parsed);
	CHECK_INT(parsed.argument_count, 2);
	CHECK_STRING(parsed.arguments[0], "--quick");
	CHECK(!parsed.quick);
	parse_words("-", &parsed);
	CHECK_STRING(parsed.arguments[0], "-");
}

TEST(mistakes_are_printed_with_a_hint) {
	static const struct {
		const char *words, *printed;
	} rows[] = {
	    {"--nothing", "signalbox run: unknown option --nothing; see signalbox run --help\n"},
	    {"--polic x", "signalbox run: unknown option --polic (did you mean --policy?); see signalbox run --help\n"},
	    {"--policyx=1", "signalbox run: unknown option --policyx (did you mean --policy?); see signalbox run --help\n"},
	    {"-quick", "signalbox run: unknown option -quick (did you mean --quick?); see signalbox run --help\n"},
	    {"--hlp", "signalbox run: unknown option --hlp (did you mean --help?); see signalbox run --help\n"},
	    {"-p", "signalbox run: unknown option -p; see signalbox run --help\n"},
	    {"--policy", "signalbox run: --policy needs a value; see signalbox run --help\n"},
	    {"--quick=yes", "signalbox run: --quick takes no value; see signalbox run --help\n"},
	    {"one two three", "signalbox run: unexpected argument \"three\"; see signalbox run --help\n"},
	    {"--listen 1 --listen 2 --listen 3",
	     "signalbox run: --listen is given more than 2 times; see signalbox run --help\n"},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct parsed parsed;
		parse_words(rows[i].words, &parsed);
		CHECK_INT(parsed.result, OPTIONS_MISUSE);
		CHECK_STRING(parsed.printed, rows[i].printed);
	}
}

TEST(help_ignores_what_follows) {
	struct parsed parsed;
	parse_words("--help --nothing", &parsed);
	CHECK_INT(parsed.result, OPTIONS_HELP);
	parse_words("-h", &parsed);
	CHECK_INT(parsed.result, OPTIONS_HELP);
	parse_words("-- --help", &parsed);
	CHECK_INT(parsed.result, OPTIONS_READY);
}

int main(void) {
	stderr_file = memfd_create("stderr", 0);
	if (stderr_file < 0 || dup2(stderr_file, STDERR_FILENO) < 0)
		return 1;
	RUN(values_come_in_both_forms);
	RUN(arguments_may_stand_anywhere);
	RUN(mistakes_are_printed_with_a_hint);
	RUN(help_ignores_what_follows);
	return check_summary();
}
