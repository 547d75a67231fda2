// SPDX-License-Identifier: Apache-2.0
#include "gateway/response_headers.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/memory.h"

// Names that the gateway or the server writes itself. An upstream may send them too, if it is another gateway.
static bool is_ours(struct slice name) {
	return slice_equal_nocase(name, SLICE("x-signalbox-model")) ||
	       slice_equal_nocase(name, SLICE("x-signalbox-attempts")) ||
	       slice_equal_nocase(name, SLICE("x-signalbox-error")) || slice_equal_nocase(name, SLICE("content-length")) ||
	       slice_equal_nocase(name, SLICE("date"));
}

void response_headers_free(struct response_headers *headers) {
	free(headers->list);
	*headers = (struct response_headers){0};
}

static void add_header(struct response_headers *headers, struct slice name, struct slice value) {
	if (headers->count == headers->capacity) {
		headers->capacity = headers->capacity ? headers->capacity * 2 : 16;
		headers->list = memory_resize(headers->list, headers->capacity, sizeof *headers->list);
	}
	headers->list[headers->count++] = (struct header){name, value};
}

static struct headers list_of(const struct response_headers *headers) {
	return (struct headers){headers->list, headers->count};
}

static void add_where_absent(struct response_headers *headers, struct slice name, struct slice value) {
	if (value.len && !headers_find(list_of(headers), name))
		add_header(headers, name, value);
}

static void start_list(struct response_headers *headers, struct headers upstream) {
	headers->count = 0;
	for (size_t i = 0; i < upstream.count; i++)
		if (!is_ours(upstream.list[i].name))
			add_header(headers, upstream.list[i].name, upstream.list[i].value);
}

static void add_own(struct response_headers *headers, struct slice request_id, struct slice model, uint32_t attempts) {
	add_where_absent(headers, SLICE("x-amzn-requestid"), request_id);
	if (model.len)
		add_header(headers, SLICE("x-signalbox-model"), model);
	snprintf(headers->attempts, sizeof headers->attempts, "%" PRIu32, attempts);
	add_header(headers, SLICE("x-signalbox-attempts"), slice_from(headers->attempts));
}

struct headers response_headers_make(struct response_headers *headers, struct headers upstream, struct slice request_id,
                                     struct slice model, uint32_t attempts) {
	start_list(headers, upstream);
	add_own(headers, request_id, model, attempts);
	return list_of(headers);
}

static void add_retry_after(struct response_headers *headers, int64_t retry_after_ms) {
	int64_t seconds = retry_after_ms / 1000 + (retry_after_ms % 1000 != 0);
	snprintf(headers->retry_after_ms, sizeof headers->retry_after_ms, "%" PRId64, retry_after_ms);
	snprintf(headers->retry_after_s, sizeof headers->retry_after_s, "%" PRId64, seconds);
	add_where_absent(headers, SLICE("x-amz-retry-after"), slice_from(headers->retry_after_ms));
	add_where_absent(headers, SLICE("retry-after"), slice_from(headers->retry_after_s));
}

struct headers response_headers_make_error(struct response_headers *headers, const struct mux_error *error,
                                           struct slice request_id, struct slice model, uint32_t attempts) {
	start_list(headers, error->from_upstream ? error->headers : (struct headers){0});
	add_own(headers, request_id, model, attempts);
	add_where_absent(headers, SLICE("content-type"), SLICE("application/json"));
	add_where_absent(headers, SLICE("x-amzn-errortype"), error->exception);
	if (error->code.len)
		add_header(headers, SLICE("x-signalbox-error"), error->code);
	if (error->retry_after_ms >= 0)
		add_retry_after(headers, error->retry_after_ms);
	return list_of(headers);
}
