// SPDX-License-Identifier: Apache-2.0
// Mistakes in settings name a key; on the command line they name the flag.
#include "cli/settings_flags.h"

#include <stdio.h>
#include <string.h>

#include "base/problem.h"
#include "cli/cli.h"
#include "cli/options.h"

enum { FLAG_BYTES = 64 };

// Writes the flag of a settings key: "log-level" for "log.level", "listen" for "listen[2]".
static void write_flag(const char *field, char flag[FLAG_BYTES]) {
	snprintf(flag, FLAG_BYTES, "%.*s", (int)strcspn(field, "["), field);
	for (char *dot = flag; (dot = strchr(dot, '.')) != NULL;)
		*dot = '-';
}

int settings_flags_check(const char *command, const struct settings_flags *flags) {
	struct problems problems = {0};
	int rc = settings_check_flags(flags, &problems);
	for (size_t i = 0; i < problems.count; i++) {
		char flag[FLAG_BYTES];
		write_flag(problems.list[i].field, flag);
		options_misuse(command, "--%s: expected %s, found %s", flag, problems.list[i].expected, problems.list[i].found);
	}
	problems_free(&problems);
	return rc ? CLI_MISUSED : CLI_DONE;
}
