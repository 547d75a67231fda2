// SPDX-License-Identifier: Apache-2.0
#include "mux/error_page.h"

#include "mux/headers.h"

static bool is_json_object(struct slice body) {
	while (body.len && (slice_trim(slice_of(body.ptr, 1)).len == 0 || body.ptr[0] == '\r' || body.ptr[0] == '\n'))
		body = slice_from_offset(body, 1);
	return body.len && body.ptr[0] == '{';
}

void error_page_replace(int status, struct arena *arena, struct headers *headers, struct slice *body) {
	static const struct header json_type = {{"content-type", 12}, {"application/json", 16}};
	if (is_json_object(*body) || (body->len && headers_have_coding(*headers)))
		return;
	const struct slice *request_id = headers_find(*headers, SLICE("x-amzn-requestid"));
	struct header *list = request_id ? arena_alloc(arena, 2 * sizeof *list) : NULL;
	if (list) {
		list[0] = json_type;
		list[1] = (struct header){SLICE("x-amzn-requestid"), *request_id};
	}
	*headers = list ? (struct headers){list, 2} : (struct headers){&json_type, 1};
	*body = arena_printf(arena, "{\"message\":\"The upstream answered with status %d and no message.\"}", status);
	if (body->len == 0)
		*body = SLICE("{\"message\":\"The upstream answered with an error and no message.\"}");
}
