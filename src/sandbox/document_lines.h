// SPDX-License-Identifier: Apache-2.0
// Line numbers for the values of a table file. Lua's tables don't keep them, so they are found in the file's text, for
// values that the text states literally.
#ifndef SANDBOX_DOCUMENT_LINES_H
#define SANDBOX_DOCUMENT_LINES_H

#include "base/document.h"

// Sets the line of each value of `document` that is written in the table constructor at the end of the text, a Lua
// chunk that has run. Values from elsewhere (a variable, a call, a loop) keep line 0: a line is right or absent.
void document_place_lines(struct slice text, struct document *document);

#endif
