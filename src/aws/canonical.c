// SPDX-License-Identifier: Apache-2.0
// Implements "Create a canonical request" (AWS General Reference, Signature Version 4). Reserves memory for the whole
// text first: a buffer that grows later would leave a copy of the session token in freed memory.
#include "aws/canonical.h"

#include "aws/percent.h"
#include "base/error.h"

static char to_lower(char c) {
	return c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
}

static int compare_bytes(struct slice a, struct slice b) {
	size_t len = a.len < b.len ? a.len : b.len;
	int order = len ? memcmp(a.ptr, b.ptr, len) : 0;
	return order ? order : (a.len > b.len) - (a.len < b.len);
}

static int compare_names(struct slice a, struct slice b) {
	for (size_t i = 0; i < a.len && i < b.len; i++) {
		unsigned char x = (unsigned char)to_lower(a.ptr[i]), y = (unsigned char)to_lower(b.ptr[i]);
		if (x != y)
			return x < y ? -1 : 1;
	}
	return (a.len > b.len) - (a.len < b.len);
}

// A stable insertion sort.
static void sort_pairs(struct header *list, size_t count,
                       int (*compare)(const struct header *, const struct header *)) {
	for (size_t i = 1; i < count; i++) {
		struct header moved = list[i];
		size_t at = i;
		for (; at > 0 && compare(&list[at - 1], &moved) > 0; at--)
			list[at] = list[at - 1];
		list[at] = moved;
	}
}

static int compare_headers(const struct header *a, const struct header *b) {
	return compare_names(a->name, b->name);
}

static int compare_parameters(const struct header *a, const struct header *b) {
	int order = compare_bytes(a->name, b->name);
	return order ? order : compare_bytes(a->value, b->value);
}

// Appends the path with "." and ".." segments removed (RFC 3986, section 5.2.4) and repeated slashes merged.
static int path_normalise(struct slice path, struct buffer *out) {
	size_t start = out->len;
	int rc = buffer_append_byte(out, '/');
	while (path.len && rc == 0) {
		size_t end = slice_find(path, '/');
		struct slice segment = {path.ptr, end};
		bool last = end == path.len;
		path = slice_from_offset(path, end + 1);
		if (segment.len == 0 || slice_equal(segment, SLICE(".")))
			continue;
		if (slice_equal(segment, SLICE(".."))) {
			if (out->len > start + 1)
				out->len--;
			while (out->ptr[out->len - 1] != '/')
				out->len--;
			continue;
		}
		rc = buffer_append(out, segment);
		if (rc == 0 && !last)
			rc = buffer_append_byte(out, '/');
	}
	return rc;
}

static int append_path(const struct canonical_request *request, struct buffer *out) {
	enum percent_rule rule = request->encode_path_once ? PERCENT_ONCE : PERCENT_PATH;
	if (request->path.len == 0)
		return buffer_append_byte(out, '/');
	if (!request->normalise_path)
		return percent_encode(request->path, rule, out);
	struct buffer normal;
	buffer_init(&normal, CANONICAL_BYTES);
	int rc = path_normalise(request->path, &normal);
	if (rc == 0)
		rc = percent_encode(buffer_slice(&normal), rule, out);
	buffer_free(&normal);
	return rc;
}

// Appends a name or value in canonical form to `encoded`; *part refers to it. `encoded` must not be reallocated
// afterwards, see query_split.
static int query_encode_part(struct slice raw, struct buffer *decoded, struct buffer *encoded, struct slice *part) {
	buffer_clear(decoded);
	size_t start = encoded->len;
	int rc = percent_decode_lenient(raw, decoded);
	if (rc == 0)
		rc = percent_encode(buffer_slice(decoded), PERCENT_SEGMENT, encoded);
	if (rc == 0)
		*part = slice_of(encoded->ptr + start, encoded->len - start);
	return rc;
}

// Splits the query into its parameters. Decodes and encodes each, so that all spellings of it become equal.
static int query_split(struct slice query, struct buffer *decoded, struct buffer *encoded, struct header *list,
                       size_t *count) {
	int rc =
	    buffer_reserve(encoded, 3 * query.len); // an escape takes three bytes; the slices in `list` must stay valid
	while (query.len && rc == 0) {
		size_t end = slice_find(query, '&');
		struct slice parameter = {query.ptr, end};
		query = slice_from_offset(query, end + 1);
		if (parameter.len == 0)
			continue;
		if (*count == CANONICAL_PARAMETERS)
			return ERROR_LIMIT;
		size_t equals = slice_find(parameter, '=');
		struct header *to = &list[(*count)++];
		rc = query_encode_part((struct slice){parameter.ptr, equals}, decoded, encoded, &to->name);
		if (rc == 0)
			rc = query_encode_part(slice_from_offset(parameter, equals + 1), decoded, encoded, &to->value);
	}
	return rc;
}

static int append_query(struct slice query, struct buffer *out) {
	if (query.len == 0)
		return 0;
	struct header list[CANONICAL_PARAMETERS];
	size_t count = 0;
	struct buffer decoded, encoded;
	buffer_init(&decoded, CANONICAL_BYTES);
	buffer_init(&encoded, CANONICAL_BYTES);
	int rc = query_split(query, &decoded, &encoded, list, &count);
	if (rc == 0)
		sort_pairs(list, count, compare_parameters);
	for (size_t i = 0; i < count && rc == 0; i++) {
		if (i > 0)
			buffer_append_byte(out, '&');
		buffer_append(out, list[i].name);
		buffer_append_byte(out, '=');
		rc = buffer_append(out, list[i].value);
	}
	buffer_free(&decoded);
	buffer_free(&encoded);
	return rc;
}

static bool is_space(char c) {
	return c == ' ' || (c >= '\t' && c <= '\r');
}

// Appends a header's value, trimmed, with each run of spaces inside replaced by one space.
static int append_value(struct slice value, struct buffer *out) {
	int rc = buffer_reserve(out, value.len);
	if (rc)
		return rc;
	char *to = out->ptr + out->len;
	const char *from = value.ptr, *end = value.ptr + value.len;
	while (from < end && is_space(*from))
		from++;
	while (end > from && is_space(end[-1]))
		end--;
	for (bool spaced = false; from < end; from++) {
		bool space = is_space(*from);
		if (!space)
			*to++ = *from;
		else if (!spaced)
			*to++ = ' ';
		spaced = space;
	}
	out->len = (size_t)(to - out->ptr);
	return 0;
}

static int append_name(struct slice name, struct buffer *out) {
	int rc = buffer_reserve(out, name.len);
	for (size_t i = 0; i < name.len && rc == 0; i++)
		out->ptr[out->len++] = to_lower(name.ptr[i]);
	return rc;
}

static bool repeats_last(const struct header *list, size_t i) {
	return i > 0 && compare_names(list[i - 1].name, list[i].name) == 0;
}

static int append_headers(const struct header *list, size_t count, struct buffer *out) {
	int rc = 0;
	for (size_t i = 0; i < count && rc == 0; i++) {
		if (repeats_last(list, i)) {
			buffer_append_byte(out, ',');
		} else {
			if (i > 0)
				buffer_append_byte(out, '\n');
			append_name(list[i].name, out);
			buffer_append_byte(out, ':');
		}
		rc = append_value(list[i].value, out);
	}
	return rc ? rc : buffer_append(out, SLICE("\n\n"));
}

static int append_signed_names(const struct header *list, size_t count, struct buffer *out) {
	int rc = 0;
	for (size_t i = 0; i < count && rc == 0; i++) {
		if (repeats_last(list, i))
			continue;
		if (i > 0)
			buffer_append_byte(out, ';');
		rc = append_name(list[i].name, out);
	}
	return rc;
}

// An upper bound of the length: an escaped byte takes three bytes.
static size_t size_bound(const struct canonical_request *request) {
	size_t size = request->method.len + 3 * request->path.len + 3 * request->query.len + request->payload_hash.len + 16;
	for (size_t i = 0; i < request->header_count; i++)
		size += 2 * request->headers[i].name.len + request->headers[i].value.len + 4;
	return size;
}

int canonical_build(const struct canonical_request *request, struct buffer *out, struct slice *signed_headers) {
	buffer_clear(out);
	if (request->header_count > CANONICAL_HEADERS)
		return ERROR_LIMIT;
	int rc = buffer_reserve(out, size_bound(request));
	if (rc)
		return rc;
	sort_pairs(request->headers, request->header_count, compare_headers);
	buffer_append(out, request->method);
	buffer_append_byte(out, '\n');
	rc = append_path(request, out);
	if (rc == 0)
		rc = buffer_append_byte(out, '\n');
	if (rc == 0)
		rc = append_query(request->query, out);
	if (rc)
		return rc;
	buffer_append_byte(out, '\n');
	append_headers(request->headers, request->header_count, out);
	size_t names = out->len;
	append_signed_names(request->headers, request->header_count, out);
	*signed_headers = slice_of(out->ptr + names, out->len - names);
	buffer_append_byte(out, '\n');
	buffer_append(out, request->payload_hash);
	return out->failed ? ERROR_LIMIT : 0;
}
