// SPDX-License-Identifier: Apache-2.0
// Guesses the form of a file that does not return a table, for the error message.
#ifndef SANDBOX_LANGUAGE_GUESS_H
#define SANDBOX_LANGUAGE_GUESS_H

#include "base/slice.h"

// "JSON", "YAML", "a table without `return`" or "an assignment without `return`"; NULL for anything else. Only for a
// file that has failed to run.
const char *language_guess(struct slice text);

#endif
