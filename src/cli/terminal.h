// SPDX-License-Identifier: Apache-2.0
// Texts of others, for a terminal: a model's answer or an upstream's message must not move the cursor, rename the
// window or type for the user.
#ifndef CLI_TERMINAL_H
#define CLI_TERMINAL_H

#include <stdio.h>

#include "base/slice.h"

// The length of the beginning of `text` that a terminal may get as it is. Only newlines and tabs are left of the
// control characters (C0, DEL, and C1, with the bytes of other encodings that a terminal may take for one).
size_t terminal_plain_prefix(struct slice text);

// Writes the text to `out`; if that is a terminal, without control characters.
void terminal_print(FILE *out, struct slice text);

#endif
