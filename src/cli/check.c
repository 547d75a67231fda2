// SPDX-License-Identifier: Apache-2.0
// `signalbox check FILE...`: reports what can be known about settings and policies without traffic.
#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"
#include "cli/cli.h"
#include "cli/inspection.h"
#include "cli/options.h"

enum { FILES_MAX = 256, JSON_BYTES = 256 << 20, PRINTED_BYTES = 16 << 20 };

static bool check_as_text(const char **paths, size_t count) {
	struct buffer printed;
	bool are_sound = true;
	buffer_init(&printed, PRINTED_BYTES);
	for (size_t i = 0; i < count; i++) {
		struct inspection inspection;
		if (i)
			putchar('\n');
		inspect_file(paths[i], &inspection);
		inspection_print(&inspection, &printed);
		are_sound = inspection_is_sound(&inspection) && are_sound;
		inspection_free(&inspection);
	}
	buffer_free(&printed);
	return are_sound;
}

static bool check_as_json(const char **paths, size_t count) {
	struct buffer files, report;
	struct json_writer json;
	bool are_sound = true;
	buffer_init(&files, JSON_BYTES);
	buffer_init(&report, JSON_BYTES);
	json_writer_init(&json, &files);
	for (size_t i = 0; i < count; i++) {
		struct inspection inspection;
		inspect_file(paths[i], &inspection);
		inspection_write_json(&inspection, &json);
		are_sound = inspection_is_sound(&inspection) && are_sound;
		inspection_free(&inspection);
	}
	json_writer_init(&json, &report);
	json_begin_object(&json, NULL);
	json_write_boolean(&json, "sound", are_sound);
	json_begin_array(&json, "files");
	json_write_members(&json, buffer_slice(&files));
	json_end_array(&json);
	json_end_object(&json);
	buffer_append_byte(&report, '\n');
	fwrite(report.ptr, 1, report.len, stdout);
	if (files.failed || report.failed)
		fprintf(stderr, "signalbox check: the report is too long\n");
	are_sound = are_sound && !files.failed && !report.failed;
	buffer_free(&files);
	buffer_free(&report);
	return are_sound;
}

int cli_check(int argc, char **argv) {
	bool wants_json = false;
	const struct cli_option options[] = {
	    {.name = "json", .meaning = "one JSON object for programs instead of a page for people", .given = &wants_json},
	    {0},
	};
	const char *paths[FILES_MAX];
	struct command_line line = {
	    .usage = "check [--json] FILE...",
	    .summary = "Tells everything that can be known without traffic of policy files (those with `models`)\n"
	               "and settings files, with the policies that they name: all that is wrong with them, what\n"
	               "the policy's hooks do in a table of situations, what they use of their budgets, and what\n"
	               "is doubtful. Exit status: 0 sound, 1 mistakes, 2 misuse.",
	    .options = options,
	    .arguments = paths,
	    .argument_limit = FILES_MAX,
	};
	enum options_result parsed = options_parse(&line, argc, argv);
	if (parsed != OPTIONS_READY)
		return parsed == OPTIONS_HELP ? CLI_DONE : CLI_MISUSED;
	if (line.argument_count == 0)
		return options_misuse(argv[0], "a file is missing");
	log_configure(LOG_OFF, LOG_TEXT);
	bool are_sound = wants_json ? check_as_json(paths, line.argument_count) : check_as_text(paths, line.argument_count);
	return are_sound ? CLI_DONE : CLI_FAILED;
}
