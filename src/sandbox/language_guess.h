// SPDX-License-Identifier: Apache-2.0
// What a text that is no Lua was probably meant to be, for the one sentence that helps its writer.
#ifndef SANDBOX_LANGUAGE_GUESS_H
#define SANDBOX_LANGUAGE_GUESS_H

#include "base/slice.h"

// "JSON", "YAML" or "a table without `return`"; NULL for anything else, and for Lua that can be compiled.
const char *language_guess(struct slice text);

#endif
