// SPDX-License-Identifier: Apache-2.0
// Mistakes in settings name a key. Those that a flag brought in name the flag, and are misuse of the command.
#ifndef CLI_SETTINGS_FLAGS_H
#define CLI_SETTINGS_FLAGS_H

#include "base/problem.h"

// Prints the problems that kept a command from its work on stderr, one a line, and frees them. Returns the exit status:
// CLI_MISUSED if a flag brought one in, else CLI_FAILED.
int settings_flags_report(const char *command, struct problems *problems);

#endif
