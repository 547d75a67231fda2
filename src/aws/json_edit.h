// SPDX-License-Identifier: Apache-2.0
// Sets single members of a JSON text and keeps every other byte, including white space. One strict pass with base/json
// (no tree, no recursion, linear time), then one copy.
//
// An edited path must be unambiguous: a text that has a key on it twice is refused, however the keys are escaped.
#ifndef AWS_JSON_EDIT_H
#define AWS_JSON_EDIT_H

#include <stddef.h>

#include "base/buffer.h"
#include "base/json.h"
#include "base/slice.h"

enum {
	JSON_EDIT_PLACES_MAX = 16,
	JSON_EDIT_REASON_BYTES = 128, // a line for a log
};

// A member to find. Names are ASCII that needs no escapes.
struct json_place {
	const char *parent; // the member of the top object that contains it; NULL: the top object itself
	const char *name;
	// The result.
	unsigned count;      // the number of members of that name; the next fields are of the first
	enum json_kind kind; // of the value
	struct slice value;  // its text
	size_t members;      // the number of its members, if it is an object
};

// Finds the places. In the list, a place with a parent comes after the parent's own place. 0; or ERROR_INVALID with a
// reason if the text is no JSON object or is nested deeper than JSON_DEPTH_MAX.
int json_edit_find(struct slice text, struct json_place *places, size_t count, char reason[JSON_EDIT_REASON_BYTES]);

// A member to set.
struct json_edit {
	const char *parent; // as in a place: an object, which is created if it is absent
	const char *name;
	struct slice value; // JSON
};

// Appends the edited text to `out`. An edit replaces the value of a member; a member that is absent is inserted at the
// front of its object. Two edits of one member are not allowed. 0; ERROR_INVALID with a reason: as above, or a key on
// an edited path is there twice, or the parent is no object; or as buffer_append. After an error the appended bytes are
// undefined.
int json_edit_apply(struct slice text, const struct json_edit *edits, size_t count, struct buffer *out,
                    char reason[JSON_EDIT_REASON_BYTES]);

#endif
