// SPDX-License-Identifier: Apache-2.0
// Sets of paths are bits of a word. Below a container that no path leads to, only the names of paths that match
// anywhere are compared.
#include "base/json_walk.h"

#include <string.h>

#include "base/buffer.h"

enum { NAME_BYTES = 64, ESCAPED_BYTES = 6 };

static const char ANYWHERE = '*', ELEMENT[] = "[]";

// A hash below 64, which rules out most names before they are compared.
static inline unsigned mark_of(struct slice name) {
	return ((unsigned char)name.ptr[0] + 3u * (unsigned char)name.ptr[name.len - 1] + 7u * (unsigned)name.len) % 64;
}

static inline uint64_t path_bit(unsigned index) {
	return (uint64_t)1 << index;
}

void json_walk_init(struct json_walk *walk, const struct json_path *paths, struct slice text) {
	json_reader_init(&walk->reader, text);
	walk->paths = paths;
	walk->anywhere = walk->anywhere_marks = walk->key_paths = walk->open_paths[1] = 0;
	for (unsigned i = 0; paths[i].keys[0]; i++) {
		if (paths[i].keys[0][0] == ANYWHERE) {
			walk->anywhere |= path_bit(i);
			walk->anywhere_marks |= path_bit(mark_of(slice_from(paths[i].keys[1])));
		} else {
			walk->open_paths[1] |= path_bit(i);
		}
	}
}

// The paths among `candidates` whose key at `level` is `key`.
static uint64_t match_paths(const struct json_walk *walk, uint64_t candidates, size_t level, struct slice key) {
	uint64_t matched = 0;
	for (; candidates; candidates &= candidates - 1) {
		unsigned i = (unsigned)__builtin_ctzll(candidates);
		const char *name = walk->paths[i].keys[level];
		if (*name == *key.ptr && slice_equal(key, slice_from(name)))
			matched |= path_bit(i);
	}
	return matched;
}

static inline uint64_t match_key(const struct json_walk *walk, struct slice key) {
	unsigned depth = walk->reader.depth;
	if (key.len == 0)
		return 0;
	uint64_t fixed = walk->open_paths[depth] & ~walk->anywhere;
	uint64_t matched = fixed ? match_paths(walk, fixed, depth - 1, key) : 0;
	if (walk->anywhere_marks & path_bit(mark_of(key)))
		matched |= match_paths(walk, walk->anywhere, 1, key);
	return matched;
}

// Compares a key with its escapes resolved. A key longer than any name matches nothing.
static uint64_t match_escaped_key(const struct json_walk *walk, struct slice key) {
	struct buffer name;
	buffer_init(&name, NAME_BYTES);
	uint64_t matched =
	    key.len > NAME_BYTES * ESCAPED_BYTES || json_unescape(key, &name) ? 0 : match_key(walk, buffer_slice(&name));
	buffer_free(&name);
	return matched;
}

// The paths that match an element of the array at that depth.
static uint64_t match_array_element(const struct json_walk *walk, unsigned depth) {
	uint64_t around = walk->open_paths[depth];
	if (!around)
		return 0;
	return match_paths(walk, around & ~walk->anywhere, depth - 1, slice_of(ELEMENT, 2)) | (around & walk->anywhere);
}

// The index of the first of `paths` that ends at a value in a container at that depth, or JSON_NO_PATH. *open_paths are
// the paths that continue below the value.
static int find_end(const struct json_walk *walk, uint64_t paths, unsigned depth, uint64_t *open_paths) {
	int end = JSON_NO_PATH;
	*open_paths = paths & walk->anywhere;
	for (; paths; paths &= paths - 1) {
		unsigned i = (unsigned)__builtin_ctzll(paths);
		bool ends = (walk->anywhere & path_bit(i)) || !walk->paths[i].keys[depth];
		if (!ends)
			*open_paths |= path_bit(i);
		else if (end == JSON_NO_PATH)
			end = (int)i;
	}
	return end;
}

enum json_kind json_walk_next(struct json_walk *walk) {
	struct json_token *token = &walk->token;
	json_read(&walk->reader, token);
	walk->path = JSON_NO_PATH;
	if (token->kind == JSON_KEY) {
		walk->key_paths = token->is_escaped ? match_escaped_key(walk, token->text) : match_key(walk, token->text);
		json_read(&walk->reader, token);
	}
	bool opens = token->kind == JSON_OBJECT || token->kind == JSON_ARRAY;
	unsigned depth = walk->reader.depth - opens;
	if (depth == 0 || (token->kind < JSON_KEY && !opens))
		return token->kind;
	bool is_member = walk->reader.objects >> (depth - 1) & 1;
	uint64_t paths = is_member ? walk->key_paths : match_array_element(walk, depth), open_paths = 0;
	if (paths)
		walk->path = find_end(walk, paths, depth, &open_paths);
	if (opens)
		walk->open_paths[depth + 1] = open_paths;
	if (opens && !open_paths && !walk->anywhere && walk->path == JSON_NO_PATH)
		json_skip_container(&walk->reader, token);
	return token->kind;
}
