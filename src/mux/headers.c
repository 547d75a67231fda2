// SPDX-License-Identifier: Apache-2.0
#include "mux/headers.h"

static bool is_one_of(struct slice name, const struct slice *list, size_t count) {
	for (size_t i = 0; i < count; i++)
		if (slice_equal_nocase(name, list[i]))
			return true;
	return false;
}

bool header_goes_up(struct slice name) {
	static const struct slice passed[] = {
	    {"content-type", 12}, {"content-encoding", 16}, {"accept", 6},  {"traceparent", 11},
	    {"tracestate", 10},   {"x-amzn-trace-id", 15},  {"baggage", 7}, {"x-signalbox-hop", 15},
	};
	static const struct slice bedrock = {"x-amzn-bedrock-", 15};
	if (name.len > bedrock.len && slice_equal_nocase(slice_of(name.ptr, bedrock.len), bedrock))
		return true;
	return is_one_of(name, passed, sizeof passed / sizeof passed[0]);
}

static struct slice unquote(struct slice value) {
	bool is_quoted = value.len >= 2 && value.ptr[0] == '"' && value.ptr[value.len - 1] == '"';
	return is_quoted ? slice_of(value.ptr + 1, value.len - 2) : value;
}

// Whether a content-type has a parameter `charset` that is not UTF-8 or its subset.
static bool has_other_charset(struct slice type) {
	static const struct slice utf8[] = {{"utf-8", 5}, {"utf8", 4}, {"us-ascii", 8}};
	while (type.len) {
		size_t length = slice_find(type, ';');
		struct slice parameter = slice_of(type.ptr, length);
		size_t name = slice_find(parameter, '=');
		if (slice_equal_nocase(slice_trim(slice_of(parameter.ptr, name)), SLICE("charset")) &&
		    !is_one_of(unquote(slice_trim(slice_from_offset(parameter, name + 1))), utf8, sizeof utf8 / sizeof utf8[0]))
			return true;
		type = slice_from_offset(type, length + 1);
	}
	return false;
}

bool headers_have_coding(struct headers headers) {
	for (size_t i = 0; i < headers.count; i++)
		if (slice_equal_nocase(headers.list[i].name, SLICE("content-encoding")) &&
		    !slice_equal_nocase(slice_trim(headers.list[i].value), SLICE("identity")))
			return true;
	return false;
}

bool headers_have_charset(struct headers headers) {
	for (size_t i = 0; i < headers.count; i++)
		if (slice_equal_nocase(headers.list[i].name, SLICE("content-type")) && has_other_charset(headers.list[i].value))
			return true;
	return false;
}

// Whether `connection: a, b` names the header.
static bool is_listed(struct slice list, struct slice name) {
	struct slice item;
	while (slice_next_item(&list, &item))
		if (slice_equal_nocase(item, name))
			return true;
	return false;
}

// A cookie would be the gateway's to a browser, and what software serves an upstream is not the client's business.
static bool comes_down(struct slice name, struct headers all) {
	static const struct slice kept_back[] = {
	    {"connection", 10}, {"keep-alive", 10}, {"proxy-authenticate", 18}, {"proxy-connection", 16}, {"te", 2},
	    {"trailer", 7},     {"upgrade", 7},     {"transfer-encoding", 17},  {"content-length", 14},   {"date", 4},
	    {"set-cookie", 10}, {"server", 6},
	};
	if (is_one_of(name, kept_back, sizeof kept_back / sizeof kept_back[0]))
		return false;
	for (size_t i = 0; i < all.count; i++)
		if (slice_equal_nocase(all.list[i].name, SLICE("connection")) && is_listed(all.list[i].value, name))
			return false;
	return true;
}

struct headers headers_copy_down(struct arena *arena, struct headers all) {
	struct header *copies = arena_alloc(arena, all.count * sizeof *copies);
	size_t count = 0;
	for (size_t i = 0; copies && i < all.count; i++) {
		if (!comes_down(all.list[i].name, all))
			continue;
		copies[count].name = arena_copy(arena, all.list[i].name);
		copies[count].value = arena_copy(arena, all.list[i].value);
		if (copies[count].name.ptr && copies[count].value.ptr)
			count++;
	}
	return (struct headers){copies, count};
}
