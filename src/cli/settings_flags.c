// SPDX-License-Identifier: Apache-2.0
#include "cli/settings_flags.h"

#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/options.h"
#include "gateway/settings.h"

enum { FLAG_BYTES = 64 };

// Writes the flag of a settings key: "log-level" for "log.level", "listen" for "listen[2]".
static void write_flag(const char *field, char flag[FLAG_BYTES]) {
	snprintf(flag, FLAG_BYTES, "%.*s", (int)strcspn(field, "["), field);
	for (char *dot = flag; (dot = strchr(dot, '.')) != NULL;)
		*dot = '-';
}

int settings_flags_report(const char *command, struct problems *problems) {
	struct problems others = {.dropped = problems->dropped};
	int status = CLI_FAILED;
	for (size_t i = 0; i < problems->count; i++) {
		const struct problem *problem = &problems->list[i];
		char flag[FLAG_BYTES];
		if (strcmp(problem->file, SETTINGS_COMMAND_LINE) != 0) {
			problems_add(&others, problem->file, problem->line, problem->field, problem->expected, problem->found);
			continue;
		}
		write_flag(problem->field, flag);
		status = options_misuse(command, "--%s: expected %s, found %s", flag, problem->expected, problem->found);
	}
	problems_free(problems);
	cli_print_problems(&others);
	return status;
}
