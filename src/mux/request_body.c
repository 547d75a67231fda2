// SPDX-License-Identifier: Apache-2.0
#include "mux/request_body.h"

#include "mux/headers.h"
#include "mux/slice_queue.h"

void request_body_init(struct request_body *body, struct slice bytes, struct headers headers, struct arena *arena) {
	*body = (struct request_body){.bytes = bytes, .headers = headers, .arena = arena};
}

// Whether the bytes are not what they would be as plain UTF-8.
static bool is_coded(const struct request_body *body) {
	return headers_have_coding(body->headers) || headers_have_charset(body->headers);
}

const struct request_shape *request_body_shape(struct request_body *body) {
	if (body->shape)
		return body->shape;
	struct request_shape *shape = arena_alloc(body->arena, sizeof *shape);
	if (!shape)
		return NULL;
	bool coded = is_coded(body);
	request_shape_read(coded ? (struct slice){0} : body->bytes, shape);
	if (coded)
		shape->flaw = (struct request_flaw){.kind = FLAW_CODING};
	body->shape = shape;
	return shape;
}

bool request_body_is_large(const struct request_body *body) {
	return body->bytes.len > SLICED_BYTES_MIN && !is_coded(body);
}

bool request_body_step(struct request_body *body) {
	if (!body->scan) {
		struct request_scan *scan = arena_alloc(body->arena, sizeof *scan);
		struct request_shape *shape = arena_alloc(body->arena, sizeof *shape);
		if (!scan || !shape)
			return true;
		request_scan_begin(scan, body->bytes, shape);
		body->scan = scan;
	}
	if (!request_scan_step(body->scan, SLICE_BYTES))
		return false;
	body->shape = body->scan->shape;
	return true;
}

const struct request_shape *request_body_read(struct request_body *body) {
	body->was_read = true;
	return request_body_shape(body);
}

bool request_body_is_refused(const struct request_body *body) {
	return body->was_read && body->shape && request_flaw_is_ambiguous(&body->shape->flaw);
}
