// SPDX-License-Identifier: Apache-2.0
// Walks over a JSON text once and matches each value against a table of paths. Like base/json, it works in place,
// without allocation or recursion, in linear time. A walk can stop after any token and continue later. If no path is of
// the form {"**", NAME}, a container that no path leads into is skipped as a whole (json_skip_container).
#ifndef BASE_JSON_WALK_H
#define BASE_JSON_WALK_H

#include <stddef.h>
#include <stdint.h>

#include "base/json.h"

enum { JSON_PATH_KEYS = 6, JSON_PATHS_MAX = 64, JSON_NO_PATH = -1 };

// The keys from the outermost object to a value, ended by NULL; "[]" is an element of an array. {"**", NAME} matches
// members of that name at any depth; if such a member is an array, also its elements.
struct json_path {
	const char *keys[JSON_PATH_KEYS];
};

struct json_walk {
	struct json_reader reader;
	struct json_token token; // the last token
	int path;                // index of the path of the value that the token is or begins, or JSON_NO_PATH
	const struct json_path *paths;
	// Sets of paths, as bits by their index.
	uint64_t anywhere;                       // the paths of the form {"**", NAME}
	uint64_t anywhere_marks;                 // the marks of their names, see json_walk.c
	uint64_t key_paths;                      // the paths that match up to the last key
	uint64_t open_paths[JSON_DEPTH_MAX + 1]; // [d]: the paths that match up to the container at depth d
};

// Begins a walk. `paths` are at most JSON_PATHS_MAX, ended by an empty path. They and the text are borrowed.
void json_walk_init(struct json_walk *walk, const struct json_path *paths, struct slice text);

// Advances to the next token that is no KEY and returns its kind. If several paths match a value, the first one counts.
enum json_kind json_walk_next(struct json_walk *walk);

static inline bool json_walk_is_over(const struct json_walk *walk) {
	return walk->token.kind == JSON_END || walk->token.kind == JSON_BROKEN;
}

#endif
