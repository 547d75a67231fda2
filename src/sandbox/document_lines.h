// SPDX-License-Identifier: Apache-2.0
// Lua's tables don't know where they were written; the text of the file does, as far as it states them literally.
#ifndef SANDBOX_DOCUMENT_LINES_H
#define SANDBOX_DOCUMENT_LINES_H

#include "base/document.h"

// Sets the line of each value of `document` that stands in the table constructor which the text, a Lua chunk that has
// run, returns at its end. Values that come from elsewhere (a variable, a call, a loop) keep 0: a line is right or
// absent.
void document_place_lines(struct slice text, struct document *document);

#endif
