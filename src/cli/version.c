// SPDX-License-Identifier: Apache-2.0
// `signalbox version`.
#include <stdio.h>

#include "cli/cli.h"
#include "cli/options.h"

#define VERSION "0.1.0"

int cli_version(int argc, char **argv) {
	static const struct cli_option none[] = {{0}};
	struct command_line line = {
	    .usage = "version",
	    .summary = "Prints the version.",
	    .options = none,
	};
	enum options_result parsed = options_parse(&line, argc, argv);
	if (parsed == OPTIONS_MISUSE)
		return CLI_MISUSED;
	if (parsed == OPTIONS_READY)
		puts("signalbox " VERSION);
	return CLI_DONE;
}
