// SPDX-License-Identifier: Apache-2.0
// Walks over a JSON text once and says at which of a table's paths each value stands. As base/json: in place, without
// allocation or recursion, in linear time. A walk can stop after any token and go on later.
#ifndef BASE_JSON_WALK_H
#define BASE_JSON_WALK_H

#include <stddef.h>
#include <stdint.h>

#include "base/json.h"

enum { JSON_PATH_KEYS = 6, JSON_PATHS_MAX = 64, JSON_NO_PATH = -1 };

// The keys from the outermost object to a value, ended by NULL; "[]" is an element of an array. {"**", NAME} is a
// member of that name wherever it stands, and the elements of an array that is one.
struct json_path {
	const char *keys[JSON_PATH_KEYS];
};

struct json_walk {
	struct json_reader reader;
	struct json_token token; // the last one
	int path;                // the index of the path of the value that it is or begins, or JSON_NO_PATH
	const struct json_path *paths;
	uint64_t anywhere; // the paths of the form {"**", NAME}
	uint64_t anywhere_marks;
	uint64_t of_key;                     // the paths that the key read last is on
	uint64_t on_way[JSON_DEPTH_MAX + 1]; // [d]: the paths that the container at depth d is on
};

// `paths` are at most JSON_PATHS_MAX, ended by an empty one; they and the text are borrowed.
void json_walk_init(struct json_walk *walk, const struct json_path *paths, struct slice text);

// Goes on to the next token that is no KEY, and tells its kind. Of several paths of a value the first one counts.
enum json_kind json_walk_next(struct json_walk *walk);

static inline bool json_walk_is_over(const struct json_walk *walk) {
	return walk->token.kind == JSON_END || walk->token.kind == JSON_BROKEN;
}

#endif
