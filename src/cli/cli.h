// SPDX-License-Identifier: Apache-2.0
// The subcommands of `signalbox`, a file each. A command gets its name as argv[0] and returns the exit status:
// CLI_DONE, CLI_FAILED with the reason on stderr, or CLI_MISUSED with a hint on stderr.
#ifndef CLI_CLI_H
#define CLI_CLI_H

#include "base/error.h"
#include "base/problem.h"

enum { CLI_DONE = 0, CLI_FAILED = 1, CLI_MISUSED = 2 };

int cli_serve(int argc, char **argv);
int cli_emulate(int argc, char **argv);
int cli_ask(int argc, char **argv);
int cli_check(int argc, char **argv);
int cli_reload(int argc, char **argv);
int cli_version(int argc, char **argv);

// Prints the problems on stderr, one a line, and frees them.
void cli_print_problems(struct problems *problems);

// Until cli_expose, no core file is written and other processes of the same user can't read this one's memory, which
// holds credentials.
void cli_conceal(void);
// Undoes cli_conceal; to be called once no credentials are left in memory.
void cli_expose(void);

#endif
