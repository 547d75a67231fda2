// SPDX-License-Identifier: Apache-2.0
// The orders that POST /reload accepts, and its responses.
#include "gateway/reload_call.h"

#include "../check.h"
#include "base/problem.h"

TEST(orders_that_are_accepted) {
	static const struct {
		const char *query, *body;
		int64_t to; // -1: refused
	} rows[] = {
	    {"", "", 0},
	    {"", " \t", 0},
	    {"", "{}", 0},
	    {"to=1", "", 1},
	    {"to=9007199254740991", "", INT64_C(9007199254740991)},
	    {"", "{\"to\":12}", 12},
	    {"", "{ \"to\" : 1e1 }", 10},
	    {"to=0", "", -1},
	    {"to=", "", -1},
	    {"to=-1", "", -1},
	    {"to=+1", "", -1},
	    {"to=1x", "", -1},
	    {"to=1&to=2", "", -1},
	    {"to=99999999999999999999", "", -1},
	    {"too=1", "", -1},
	    {"to=1", "{\"to\":1}", -1},
	    {"to=1", "{}", -1},
	    {"", "{\"to\":0}", -1},
	    {"", "{\"to\":-1}", -1},
	    {"", "{\"to\":1.5}", -1},
	    {"", "{\"to\":1e300}", -1},
	    {"", "{\"to\":\"1\"}", -1},
	    {"", "{\"to\":null}", -1},
	    {"", "{\"to\":1,\"from\":2}", -1},
	    {"", "{\"from\":2}", -1},
	    {"", "[1]", -1},
	    {"", "1", -1},
	    {"", "{", -1},
	    {"", "to=1", -1},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct mux_reload_order order;
		bool good = reload_call_read(slice_from(rows[i].query), slice_from(rows[i].body), &order);
		CHECK_INT(good ? (int64_t)order.to : -1, rows[i].to);
		CHECK(!order.if_changed);
		if (check_failures_in_test)
			printf("  in: %s %s\n", rows[i].query, rows[i].body);
	}
}

static void check_response(const struct mux_reload_order *order, const struct mux_reloaded *reloaded, int status,
                           const char *body) {
	struct buffer text;
	buffer_init(&text, 1 << 16);
	CHECK_INT(reload_call_format(order, reloaded, &text), status);
	CHECK_SLICE(buffer_slice(&text), slice_from(body));
	buffer_free(&text);
}

TEST(responses) {
	struct mux_reload_order order = {0};
	struct mux_reloaded reloaded = {.is_new = true, .version = 7, .models = 2, .hash = "abc"};
	check_response(&order, &reloaded, 200, "{\"version\":7,\"hash\":\"abc\",\"models\":2}");

	order.to = 3;
	reloaded = (struct mux_reloaded){.status = ERROR_NOT_FOUND, .version = 20};
	check_response(&order, &reloaded, 404,
	               "{\"message\":\"Version 3 is none of the last 10 that ran.\",\"version\":20}");

	reloaded.status = ERROR_BUSY;
	check_response(&order, &reloaded, 503, "{\"message\":\"The gateway shuts down.\",\"version\":20}");

	reloaded.status = ERROR_INVALID;
	problems_add(&reloaded.problems, "p.lua", 3, NULL, "a \"thing\"", "none");
	problems_add(&reloaded.problems, "p.lua", 0, "models[1].id", "a string", "number 1");
	check_response(&order, &reloaded, 422,
	               "{\"message\":\"The policy was rejected, the one before goes on.\",\"version\":20,\"errors\":["
	               "{\"file\":\"p.lua\",\"line\":3,\"field\":\"\",\"expected\":\"a \\\"thing\\\"\",\"found\":\"none\"},"
	               "{\"file\":\"p.lua\",\"line\":null,\"field\":\"models[1].id\",\"expected\":\"a string\","
	               "\"found\":\"number 1\"}]}");
	// A missing file is a mistake like any other.
	reloaded.status = ERROR_NOT_FOUND;
	struct buffer text;
	buffer_init(&text, 1 << 16);
	CHECK_INT(reload_call_format(&(struct mux_reload_order){0}, &reloaded, &text), 422);
	CHECK_INT(reload_call_format(&order, &reloaded, &text), 422);
	buffer_free(&text);
	problems_free(&reloaded.problems);
}

int main(void) {
	RUN(orders_that_are_accepted);
	RUN(responses);
	return check_summary();
}
