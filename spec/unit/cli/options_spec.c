// SPDX-License-Identifier: Apache-2.0
// Command lines to values: each form of a flag, each mistake.
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "../check.h"
#include "cli/options.h"

enum { WORDS_MAX = 8, LIST_MAX = 2 };

struct reading {
	const char *policy;
	bool quick;
	const char *list[LIST_MAX];
	size_t list_count;
	const char *arguments[2];
	size_t argument_count;
	enum options_result result;
	char said[1024]; // on stderr
};

static int said_file;

// Parses the words, separated by single spaces, behind the command's name.
static void parse(const char *words, struct reading *reading) {
	*reading = (struct reading){0};
	const struct cli_option options[] = {
	    {.name = "policy", .value_name = "FILE", .value = &reading->policy, .meaning = "a file"},
	    {.name = "quick", .given = &reading->quick, .meaning = "a switch"},
	    {.name = "listen",
	     .value_name = "ADDRESS",
	     .list = reading->list,
	     .list_count = &reading->list_count,
	     .list_limit = LIST_MAX,
	     .meaning = "a list"},
	    {0},
	};
	struct command_line line = {
	    .usage = "run",
	    .summary = "Runs.",
	    .options = options,
	    .arguments = reading->arguments,
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
	if (ftruncate(said_file, 0) != 0 || lseek(said_file, 0, SEEK_SET) != 0)
		CHECK(!"the file can be emptied");
	reading->result = options_parse(&line, argc, argv);
	reading->argument_count = line.argument_count;
	ssize_t length = pread(said_file, reading->said, sizeof reading->said - 1, 0);
	reading->said[length > 0 ? length : 0] = '\0';
	// What points into the words outlives them.
	const char **kept[] = {&reading->policy, &reading->list[0], &reading->list[1], &reading->arguments[0],
	                       &reading->arguments[1]};
	static char copies[5][64];
	for (size_t i = 0; i < 5; i++) {
		if (!*kept[i])
			continue;
		snprintf(copies[i], sizeof copies[i], "%s", *kept[i]);
		*kept[i] = copies[i];
	}
	free(text);
}

TEST(values_are_taken_in_both_forms) {
	struct reading reading;
	parse("--policy a.lua --quick --listen=one --listen two", &reading);
	CHECK_INT(reading.result, OPTIONS_READY);
	CHECK_STRING(reading.policy, "a.lua");
	CHECK(reading.quick);
	CHECK_INT(reading.list_count, 2);
	CHECK_STRING(reading.list[0], "one");
	CHECK_STRING(reading.list[1], "two");
	parse("--policy=a --policy b", &reading);
	CHECK_STRING(reading.policy, "b");
	parse("--policy=", &reading);
	CHECK_STRING(reading.policy, "");
	parse("--policy --quick", &reading);
	CHECK_STRING(reading.policy, "--quick");
}

TEST(arguments_stand_anywhere) {
	struct reading reading;
	parse("one --quick two", &reading);
	CHECK_INT(reading.result, OPTIONS_READY);
	CHECK_INT(reading.argument_count, 2);
	CHECK_STRING(reading.arguments[0], "one");
	CHECK_STRING(reading.arguments[1], "two");
	parse("-- --quick -x", &reading);
	CHECK_INT(reading.argument_count, 2);
	CHECK_STRING(reading.arguments[0], "--quick");
	CHECK(!reading.quick);
	parse("-", &reading);
	CHECK_STRING(reading.arguments[0], "-");
}

TEST(mistakes_are_told_with_a_hint) {
	static const struct {
		const char *words, *said;
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
		struct reading reading;
		parse(rows[i].words, &reading);
		CHECK_INT(reading.result, OPTIONS_MISUSE);
		CHECK_STRING(reading.said, rows[i].said);
	}
}

TEST(help_wins_over_what_follows) {
	struct reading reading;
	parse("--help --nothing", &reading);
	CHECK_INT(reading.result, OPTIONS_HELP);
	parse("-h", &reading);
	CHECK_INT(reading.result, OPTIONS_HELP);
	parse("-- --help", &reading);
	CHECK_INT(reading.result, OPTIONS_READY);
}

int main(void) {
	said_file = memfd_create("said", 0);
	if (said_file < 0 || dup2(said_file, STDERR_FILENO) < 0)
		return 1;
	RUN(values_are_taken_in_both_forms);
	RUN(arguments_stand_anywhere);
	RUN(mistakes_are_told_with_a_hint);
	RUN(help_wins_over_what_follows);
	return check_summary();
}
