// SPDX-License-Identifier: Apache-2.0
#include "gateway/heading.h"

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

void heading_free(struct heading *heading) {
	free(heading->list);
	*heading = (struct heading){0};
}

static void add(struct heading *heading, struct slice name, struct slice value) {
	if (heading->count == heading->capacity) {
		heading->capacity = heading->capacity ? heading->capacity * 2 : 16;
		heading->list = memory_resize(heading->list, heading->capacity, sizeof *heading->list);
	}
	heading->list[heading->count++] = (struct header){name, value};
}

static struct headers all(const struct heading *heading) {
	return (struct headers){heading->list, heading->count};
}

static void add_where_absent(struct heading *heading, struct slice name, struct slice value) {
	if (value.len && !headers_find(all(heading), name))
		add(heading, name, value);
}

// `with_type` is false where the upstream's body stays behind.
static void start(struct heading *heading, struct headers upstream, bool with_type) {
	heading->count = 0;
	for (size_t i = 0; i < upstream.count; i++) {
		struct slice name = upstream.list[i].name;
		if (!is_ours(name) && (with_type || !slice_equal_nocase(name, SLICE("content-type"))))
			add(heading, name, upstream.list[i].value);
	}
}

static void add_own(struct heading *heading, struct slice request_id, struct slice model, uint32_t attempts) {
	add_where_absent(heading, SLICE("x-amzn-requestid"), request_id);
	if (model.len)
		add(heading, SLICE("x-signalbox-model"), model);
	snprintf(heading->attempts, sizeof heading->attempts, "%" PRIu32, attempts);
	add(heading, SLICE("x-signalbox-attempts"), slice_from(heading->attempts));
}

struct headers heading_answer(struct heading *heading, struct headers upstream, struct slice request_id,
                              struct slice model, uint32_t attempts) {
	start(heading, upstream, true);
	add_own(heading, request_id, model, attempts);
	return all(heading);
}

static void add_retry_after(struct heading *heading, int64_t retry_after_ms) {
	int64_t seconds = retry_after_ms / 1000 + (retry_after_ms % 1000 != 0);
	snprintf(heading->retry_after_ms, sizeof heading->retry_after_ms, "%" PRId64, retry_after_ms);
	snprintf(heading->retry_after_s, sizeof heading->retry_after_s, "%" PRId64, seconds);
	add_where_absent(heading, SLICE("x-amz-retry-after"), slice_from(heading->retry_after_ms));
	add_where_absent(heading, SLICE("retry-after"), slice_from(heading->retry_after_s));
}

bool heading_passes_body(const struct mux_error *error) {
	struct slice rest = error->body;
	if (!error->from_upstream)
		return false;
	if (headers_find(error->headers, SLICE("content-encoding")))
		return true;
	while (rest.len && (rest.ptr[0] == ' ' || rest.ptr[0] == '\t' || rest.ptr[0] == '\r' || rest.ptr[0] == '\n'))
		rest = slice_from_offset(rest, 1);
	return rest.len && rest.ptr[0] == '{';
}

struct headers heading_error(struct heading *heading, const struct mux_error *error, struct slice request_id,
                             struct slice model, uint32_t attempts) {
	struct headers upstream = error->from_upstream ? error->headers : (struct headers){0};
	start(heading, upstream, heading_passes_body(error));
	add_own(heading, request_id, model, attempts);
	add_where_absent(heading, SLICE("content-type"), SLICE("application/json"));
	add_where_absent(heading, SLICE("x-amzn-errortype"), error->exception);
	if (error->code.len)
		add(heading, SLICE("x-signalbox-error"), error->code);
	if (error->retry_after_ms >= 0)
		add_retry_after(heading, error->retry_after_ms);
	return all(heading);
}
