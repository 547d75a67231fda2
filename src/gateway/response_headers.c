// SPDX-License-Identifier: Apache-2.0
#include "gateway/response_headers.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/memory.h"

// Names that the gateway or the server writes itself, whatever an upstream says (a gateway behind this one, say).
static bool is_ours(struct slice name) {
	return slice_equal_nocase(name, SLICE("x-signalbox-model")) ||
	       slice_equal_nocase(name, SLICE("x-signalbox-attempts")) ||
	       slice_equal_nocase(name, SLICE("x-signalbox-error")) || slice_equal_nocase(name, SLICE("content-length")) ||
	       slice_equal_nocase(name, SLICE("date"));
}

void response_headers_free(struct response_headers *response_headers) {
	free(response_headers->list);
	*response_headers = (struct response_headers){0};
}

static void add(struct response_headers *response_headers, struct slice name, struct slice value) {
	if (response_headers->count == response_headers->capacity) {
		response_headers->capacity = response_headers->capacity ? response_headers->capacity * 2 : 16;
		response_headers->list =
		    memory_resize(response_headers->list, response_headers->capacity, sizeof *response_headers->list);
	}
	response_headers->list[response_headers->count++] = (struct header){name, value};
}

static struct headers all(const struct response_headers *response_headers) {
	return (struct headers){response_headers->list, response_headers->count};
}

static void add_where_absent(struct response_headers *response_headers, struct slice name, struct slice value) {
	if (value.len && !headers_find(all(response_headers), name))
		add(response_headers, name, value);
}

static void start(struct response_headers *response_headers, struct headers upstream) {
	response_headers->count = 0;
	for (size_t i = 0; i < upstream.count; i++)
		if (!is_ours(upstream.list[i].name))
			add(response_headers, upstream.list[i].name, upstream.list[i].value);
}

static void add_own(struct response_headers *response_headers, struct slice request_id, struct slice model,
                    uint32_t attempts) {
	add_where_absent(response_headers, SLICE("x-amzn-requestid"), request_id);
	if (model.len)
		add(response_headers, SLICE("x-signalbox-model"), model);
	snprintf(response_headers->attempts, sizeof response_headers->attempts, "%" PRIu32, attempts);
	add(response_headers, SLICE("x-signalbox-attempts"), slice_from(response_headers->attempts));
}

struct headers response_headers_response(struct response_headers *response_headers, struct headers upstream,
                                         struct slice request_id, struct slice model, uint32_t attempts) {
	start(response_headers, upstream);
	add_own(response_headers, request_id, model, attempts);
	return all(response_headers);
}

static void add_retry_after(struct response_headers *response_headers, int64_t retry_after_ms) {
	int64_t seconds = retry_after_ms / 1000 + (retry_after_ms % 1000 != 0);
	snprintf(response_headers->retry_after_ms, sizeof response_headers->retry_after_ms, "%" PRId64, retry_after_ms);
	snprintf(response_headers->retry_after_s, sizeof response_headers->retry_after_s, "%" PRId64, seconds);
	add_where_absent(response_headers, SLICE("x-amz-retry-after"), slice_from(response_headers->retry_after_ms));
	add_where_absent(response_headers, SLICE("retry-after"), slice_from(response_headers->retry_after_s));
}

struct headers response_headers_error(struct response_headers *response_headers, const struct mux_error *error,
                                      struct slice request_id, struct slice model, uint32_t attempts) {
	start(response_headers, error->from_upstream ? error->headers : (struct headers){0});
	add_own(response_headers, request_id, model, attempts);
	add_where_absent(response_headers, SLICE("content-type"), SLICE("application/json"));
	add_where_absent(response_headers, SLICE("x-amzn-errortype"), error->exception);
	if (error->code.len)
		add(response_headers, SLICE("x-signalbox-error"), error->code);
	if (error->retry_after_ms >= 0)
		add_retry_after(response_headers, error->retry_after_ms);
	return all(response_headers);
}
