// SPDX-License-Identifier: Apache-2.0
// Guesses the language of a file that is not Lua, for the error message.
#ifndef SANDBOX_LANGUAGE_GUESS_H
#define SANDBOX_LANGUAGE_GUESS_H

#include "base/slice.h"

// "JSON", "YAML" or "a table without `return`"; NULL for anything else, including valid Lua.
const char *language_guess(struct slice text);

#endif
