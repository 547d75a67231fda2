// SPDX-License-Identifier: Apache-2.0
// Sets single members inside a JSON text and keeps every other byte, white space too. One strict pass by base/json
// (no tree, no recursion, linear time), then one copy.
//
// A path that is edited must be unambiguous: a key that stands on it twice is refused, whichever way it is escaped.
#ifndef AWS_JSON_EDIT_H
#define AWS_JSON_EDIT_H

#include <stddef.h>

#include "base/buffer.h"
#include "base/json.h"
#include "base/slice.h"

enum {
	JSON_EDIT_PLACES_MAX = 16,
	JSON_EDIT_REASON_BYTES = 128, // one line for a log
};

// A member to look for. Names are plain ASCII that needs no escapes.
struct json_place {
	const char *parent; // the member of the top object that it stands in; NULL: it is one itself
	const char *name;
	// What was found.
	unsigned count;      // how often it is there; what follows is of the first
	enum json_kind kind; // of its value
	struct slice value;  // raw
	size_t members;      // of a value that is an object
};

// Looks for the places. A place that has a parent comes after the parent's own place in the list. 0; or ERROR_INVALID,
// with a reason, where the text is no JSON object or nested deeper than base/json goes.
int json_edit_find(struct slice text, struct json_place *places, size_t count, char reason[JSON_EDIT_REASON_BYTES]);

// What a member is to be.
struct json_edit {
	const char *parent; // as in a place: an object, which is made where it is absent
	const char *name;
	struct slice value; // JSON
};

// Appends the text to `out` with the edits made: values replaced where the member is there, members put first in their
// object where it isn't. No two edits of one member. 0; ERROR_INVALID with a reason (as above; a key on an edited path
// is there twice; the parent is no object); or as buffer_append with what is appended undefined.
int json_edit_apply(struct slice text, const struct json_edit *edits, size_t count, struct buffer *out,
                    char reason[JSON_EDIT_REASON_BYTES]);

#endif
