// SPDX-License-Identifier: Apache-2.0
// What the vector runners share: counts, files, folders, JSON. Test code: exits on unexpected errors.
#ifndef SPEC_VECTORS_REPORT_H
#define SPEC_VECTORS_REPORT_H

#include <dirent.h>
#include <limits.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <openssl/evp.h>

#include "base/json.h"
#include "base/random.h"
#include "base/slice.h"

static int vectors_passed, vectors_failed;
static bool vectors_strict; // a refusal must have the listed reason
static bool vectors_case_failed;

static inline void case_begin(void) {
	vectors_case_failed = false;
}

static inline void case_end(void) {
	if (vectors_case_failed)
		vectors_failed++;
	else
		vectors_passed++;
}

// Prints a failure and marks the case as failed.
static inline __attribute__((format(printf, 3, 4))) void case_fail(const char *name, const char *stage,
                                                                   const char *format, ...) {
	va_list arguments;
	vectors_case_failed = true;
	printf("FAILED %s: %s: ", name, stage);
	va_start(arguments, format);
	vprintf(format, arguments);
	va_end(arguments);
	printf("\n");
}

static inline bool case_expect(const char *name, const char *stage, struct slice found, struct slice expected) {
	if (slice_equal(found, expected))
		return true;
	case_fail(name, stage, "\n  found    %.*s\n  expected %.*s", SLICE_ARGS(found), SLICE_ARGS(expected));
	return false;
}

static inline char *path_join(char path[PATH_MAX], const char *folder, const char *name) {
	if (snprintf(path, PATH_MAX, "%s/%s", folder, name) >= PATH_MAX) {
		fprintf(stderr, "path too long: %s/%s\n", folder, name);
		exit(2);
	}
	return path;
}

static inline bool file_exists(const char *folder, const char *name) {
	char path[PATH_MAX];
	struct stat status;
	return stat(path_join(path, folder, name), &status) == 0;
}

// Frees the result of file_read and base64_bytes.
static inline void bytes_free(struct slice bytes) {
	free((void *)(uintptr_t)bytes.ptr);
}

// The whole file, to be freed with bytes_free; its pointer is NULL if there is no such file.
static inline struct slice file_read(const char *folder, const char *name) {
	char path[PATH_MAX];
	FILE *file = fopen(path_join(path, folder, name), "rb");
	if (!file)
		return (struct slice){0};
	char *bytes = NULL;
	size_t len = 0, count;
	do {
		bytes = realloc(bytes, len + 65536);
		if (!bytes)
			abort();
		count = fread(bytes + len, 1, 65536, file);
		len += count;
	} while (count);
	fclose(file);
	return slice_of(bytes, len);
}

// The text as a tree, to be freed with json_free; NULL if it is no JSON.
static inline struct document *json_parse(struct slice text) {
	struct document *root = calloc(1, sizeof *root);
	if (!root)
		abort();
	if (json_read_document(text, root) == 0)
		return root;
	free(root);
	return NULL;
}

static inline void json_free(struct document *root) {
	if (root)
		document_free(root);
	free(root);
}

// As json_parse. NULL if there is no such file; NULL and a failed case if the file is no JSON.
static inline struct document *file_read_json(const char *folder, const char *name) {
	if (!file_exists(folder, name))
		return NULL;
	struct slice text = file_read(folder, name);
	struct document *root = json_parse(text);
	bytes_free(text);
	if (!root) {
		case_begin();
		case_fail(name, "reading", "no JSON");
		case_end();
	}
	return root;
}

static inline bool json_is_string(const struct document *value) {
	return value && value->kind == DOCUMENT_STRING;
}

static inline bool json_is_integer(const struct document *value) {
	return value && value->kind == DOCUMENT_NUMBER;
}

static inline bool json_is_true(const struct document *value) {
	return value && value->kind == DOCUMENT_BOOLEAN && value->boolean;
}

static inline bool json_is_false(const struct document *value) {
	return value && value->kind == DOCUMENT_BOOLEAN && !value->boolean;
}

static inline size_t json_array_size(const struct document *array) {
	return array ? array->item_count : 0;
}

static inline const struct document *json_array_get(const struct document *array, size_t index) {
	return index < json_array_size(array) ? &array->items[index] : NULL;
}

// Only for numbers that a double can hold: the vectors have others as strings.
static inline int64_t json_integer(const struct document *value) {
	return json_is_integer(value) ? (int64_t)value->number : 0;
}

static inline const char *json_text(const struct document *value) {
	return json_is_string(value) ? value->string.ptr : NULL;
}

static inline struct slice json_slice(const struct document *value) {
	return json_is_string(value) ? value->string : (struct slice){0};
}

static inline struct slice json_member(const struct document *object, const char *key) {
	return json_slice(document_get(object, key));
}

// The bytes of base64 text, to be freed with bytes_free.
static inline struct slice base64_bytes(struct slice text) {
	unsigned char *bytes = malloc(text.len / 4 * 3 + 1);
	int len = text.len ? EVP_DecodeBlock(bytes, (const unsigned char *)text.ptr, (int)text.len) : 0;
	if (!bytes || len < 0)
		abort();
	for (size_t i = text.len; i > 0 && text.ptr[i - 1] == '='; i--)
		len--;
	return slice_of(bytes, (size_t)len);
}

typedef void (*folder_visit)(const char *folder, const char *name);

static inline int is_visible(const struct dirent *entry) {
	return entry->d_name[0] != '.';
}

// Calls `visit` for every entry, in the order of names.
static inline void folder_each(const char *folder, folder_visit visit) {
	struct dirent **list;
	int count = scandir(folder, &list, is_visible, alphasort);
	for (int i = 0; i < count; i++) {
		visit(folder, list[i]->d_name);
		free(list[i]);
	}
	if (count >= 0)
		free(list);
}

#endif
