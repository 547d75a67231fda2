// SPDX-License-Identifier: Apache-2.0
// Flags that override settings: a value that a settings file couldn't hold either is misuse of the command.
#ifndef CLI_SETTINGS_FLAGS_H
#define CLI_SETTINGS_FLAGS_H

#include "gateway/settings.h"

// CLI_DONE, or CLI_MISUSED with each mistake printed on stderr by its flag's name.
int settings_flags_check(const char *command, const struct settings_flags *flags);

#endif
