// SPDX-License-Identifier: Apache-2.0
// What each request maps to: methods and paths, origins, hops.
#include "../check.h"
#include "gateway/request_routes.h"

static char by_name[] = "gateway.example", by_address[] = "[fd00::1]";
static char *listed_names[] = {by_name, by_address};
static const struct address_list LISTED = {listed_names, 2};
static const struct request_hosts UNCHECKED = {0}, CHECKED = {.are_checked = true},
                                  WITH_LIST = {.are_checked = true, .listed = &LISTED};

static bool is_foreign(struct headers headers, const struct request_hosts *hosts) {
	struct server_request request = {.headers = headers, .peer = SLICE("127.0.0.1")};
	return request_routes_foreign(&request, hosts) != NULL;
}

static struct request_route read_request(const char *method, const char *path, const struct header *list, size_t count,
                                         struct buffer *model_id) {
	struct server_request request = {
	    .method = slice_from(method),
	    .target = slice_from(path),
	    .path = slice_from(path),
	    .headers = {list, count},
	};
	struct request_route route;
	buffer_clear(model_id);
	request_routes_read(&request, SLICE("0123456789abcdef"), &CHECKED, model_id, &route);
	return route;
}

TEST(paths_and_methods) {
	static const struct {
		const char *method, *path;
		enum request_route_kind kind;
		enum operation operation;
		const char *model;
		int status;
		const char *exception;
	} rows[] = {
	    {"POST", "/model/a.b-c%3A0/converse", REQUEST_ROUTE_CALL, OPERATION_CONVERSE, "a.b-c:0", 0, NULL},
	    {"POST", "/model/m/converse-stream", REQUEST_ROUTE_CALL, OPERATION_CONVERSE_STREAM, "m", 0, NULL},
	    {"POST", "/model/m/invoke", REQUEST_ROUTE_CALL, OPERATION_INVOKE_MODEL, "m", 0, NULL},
	    {"POST", "/model/m/invoke-with-response-stream", REQUEST_ROUTE_CALL, OPERATION_INVOKE_MODEL_STREAM, "m", 0,
	     NULL},
	    {"POST", "/model/m/count-tokens", REQUEST_ROUTE_CALL, OPERATION_COUNT_TOKENS, "m", 0, NULL},
	    {"GET", "/health", REQUEST_ROUTE_HEALTH, OPERATION_UNKNOWN, "", 0, NULL},
	    {"HEAD", "/health", REQUEST_ROUTE_HEALTH, OPERATION_UNKNOWN, "", 0, NULL},
	    {"POST", "/health", REQUEST_ROUTE_REFUSED, OPERATION_UNKNOWN, "", 404, "UnknownOperationException"},
	    {"GET", "/model/m/converse", REQUEST_ROUTE_REFUSED, OPERATION_UNKNOWN, NULL, 404, "UnknownOperationException"},
	    {"POST", "/model/m/nothing", REQUEST_ROUTE_REFUSED, OPERATION_UNKNOWN, NULL, 404, "UnknownOperationException"},
	    {"POST", "/", REQUEST_ROUTE_REFUSED, OPERATION_UNKNOWN, NULL, 404, "UnknownOperationException"},
	    {"POST", "/healthy", REQUEST_ROUTE_REFUSED, OPERATION_UNKNOWN, NULL, 404, "UnknownOperationException"},
	    {"POST", "/model//converse", REQUEST_ROUTE_REFUSED, OPERATION_UNKNOWN, NULL, 400, "ValidationException"},
	    {"POST", "/model/%zz/converse", REQUEST_ROUTE_REFUSED, OPERATION_UNKNOWN, NULL, 400, "ValidationException"},
	    {"POST", "/model/m/invoke-with-bidirectional-stream", REQUEST_ROUTE_REFUSED,
	     OPERATION_INVOKE_MODEL_BIDIRECTIONAL, NULL, 404, "UnknownOperationException"},
	    {"POST", "/guardrail/g/version/1/apply", REQUEST_ROUTE_CALL, OPERATION_APPLY_GUARDRAIL, "", 0, NULL},
	    {"POST", "/guardrail-checks/invoke", REQUEST_ROUTE_CALL, OPERATION_GUARDRAIL_CHECKS, "", 0, NULL},
	    {"POST", "/async-invoke", REQUEST_ROUTE_CALL, OPERATION_ASYNC_INVOKE, "", 0, NULL},
	    {"GET", "/async-invoke", REQUEST_ROUTE_CALL, OPERATION_ASYNC_INVOKE, "", 0, NULL},
	    {"GET", "/async-invoke/arn%3Aaws%3Ax", REQUEST_ROUTE_CALL, OPERATION_ASYNC_INVOKE, "", 0, NULL},
	    {"GET", "/async-invoke/%2E%2e", REQUEST_ROUTE_REFUSED, OPERATION_UNKNOWN, NULL, 400, "ValidationException"},
	    {"DELETE", "/async-invoke", REQUEST_ROUTE_REFUSED, OPERATION_UNKNOWN, NULL, 404, "UnknownOperationException"},
	};
	struct buffer model_id;
	buffer_init(&model_id, 8192);
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct request_route route = read_request(rows[i].method, rows[i].path, NULL, 0, &model_id);
		int failures = check_failures_in_test;
		CHECK_INT(route.kind, rows[i].kind);
		CHECK_INT(route.operation, rows[i].operation);
		if (rows[i].model)
			CHECK_SLICE(buffer_slice(&model_id), slice_from(rows[i].model));
		CHECK_INT(route.status, rows[i].status);
		CHECK_STRING(route.exception, rows[i].exception);
		CHECK_INT(route.message != NULL, rows[i].kind == REQUEST_ROUTE_REFUSED);
		if (check_failures_in_test > failures)
			printf("  row %zu: %s %s\n", i, rows[i].method, rows[i].path);
	}
	buffer_free(&model_id);
}

TEST(the_bidirectional_stream_is_refused_by_name) {
	struct buffer model_id;
	buffer_init(&model_id, 8192);
	struct request_route route = read_request("POST", "/model/m/invoke-with-bidirectional-stream", NULL, 0, &model_id);
	CHECK(route.message && strstr(route.message, "InvokeModelWithBidirectionalStream"));
	buffer_free(&model_id);
}

TEST(foreign_origins_are_refused) {
	static const struct {
		const char *host, *origin;
		bool foreign;
	} rows[] = {
	    {"127.0.0.1:8080", NULL, false},
	    {"127.0.0.1:8080", "http://127.0.0.1:8080", false},
	    {"localhost:8080", "http://localhost:8080", false},
	    {"localhost", "http://localhost", false},
	    {"[::1]:8080", "http://[::1]:8080", false},
	    {"LocalHost:8080", "http://localhost:8080", false},
	    {"127.0.0.1:8080", "http://127.0.0.1:8081", true},
	    {"127.0.0.1:8080", "http://evil.example", true},
	    {"127.0.0.1:8080", "null", true},
	    {"127.0.0.1:8080", "", true},
	    {"127.0.0.1:8080", "file://127.0.0.1:8080", true},
	    {"127.0.0.1:8080", "http://127.0.0.1:8080.evil.example", true},
	    // A name that an attacker's DNS points at this machine is the same for Host and Origin.
	    {"evil.example:8080", "http://evil.example:8080", true},
	    {NULL, "http://127.0.0.1:8080", true},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct header list[2];
		size_t count = 0;
		if (rows[i].host)
			list[count++] = (struct header){SLICE("Host"), slice_from(rows[i].host)};
		if (rows[i].origin)
			list[count++] = (struct header){SLICE("Origin"), slice_from(rows[i].origin)};
		int failures = check_failures_in_test;
		CHECK_INT(is_foreign((struct headers){list, count}, &UNCHECKED), rows[i].foreign);
		if (check_failures_in_test > failures)
			printf("  row %zu\n", i);
	}
}

TEST(a_second_origin_does_not_hide_behind_the_first) {
	struct header list[] = {
	    {SLICE("host"), SLICE("localhost")},
	    {SLICE("origin"), SLICE("http://localhost")},
	    {SLICE("origin"), SLICE("http://evil.example")},
	};
	CHECK(is_foreign((struct headers){list, 3}, &UNCHECKED));
}

TEST(hosts_are_local_or_listed) {
	static const struct {
		const char *host;
		bool is_local, is_listed;
	} rows[] = {
	    {"localhost", true, false},
	    {"LOCALHOST:8080", true, false},
	    {"127.0.0.1", true, false},
	    {"127.9.8.7:1", true, false},
	    {"[::1]", true, false},
	    {"[::1]:8080", true, false},
	    {"c1.localhost:8080", true, false},
	    {"gateway.example", false, true},
	    {"Gateway.Example:8080", false, true},
	    {"[fd00::1]:8080", false, true},
	    {"evil.example", false, false},
	    {"evil.example:8080", false, false},
	    {"notlocalhost", false, false},
	    {"localhost.evil.example", false, false},
	    {".localhost", false, false},
	    {"127.0.0.1.evil.example", false, false},
	    {"127.evil.example", false, false},
	    {"gateway.example.evil.example", false, false},
	    {"gateway.example:x", false, false},
	    {"10.0.0.1:8080", false, false},
	    {"0.0.0.0:8080", false, false},
	    {"[::]:8080", false, false},
	    {"::1", false, false},
	    {"unix:/x", false, false},
	    {"", false, false},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct header list[] = {{SLICE("Host"), slice_from(rows[i].host)}};
		struct headers headers = {list, 1};
		struct server_request by_path = {.headers = headers, .peer = SLICE("unix")};
		int failures = check_failures_in_test;
		CHECK_INT(is_foreign(headers, &CHECKED), !rows[i].is_local);
		CHECK_INT(is_foreign(headers, &WITH_LIST), !rows[i].is_local && !rows[i].is_listed);
		CHECK(!is_foreign(headers, &UNCHECKED));
		CHECK(!request_routes_foreign(&by_path, &CHECKED));
		if (check_failures_in_test > failures)
			printf("  row %zu\n", i);
	}
	CHECK(!is_foreign((struct headers){0}, &CHECKED));
}

TEST(a_listed_host_is_its_own_origin) {
	struct header list[] = {{SLICE("host"), SLICE("gateway.example:8080")},
	                        {SLICE("origin"), SLICE("https://gateway.example:8080")}};
	CHECK(!is_foreign((struct headers){list, 2}, &WITH_LIST));
	CHECK(is_foreign((struct headers){list, 2}, &CHECKED));
	list[1].value = SLICE("https://gateway.example");
	CHECK(is_foreign((struct headers){list, 2}, &WITH_LIST));
}

TEST(fetches_of_other_sites_are_refused) {
	static const struct {
		const char *site;
		bool is_foreign;
	} rows[] = {{"same-origin", false}, {"none", false}, {"same-site", true}, {"cross-site", true}, {"", true}};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct header list[] = {{SLICE("host"), SLICE("localhost:8080")},
		                        {SLICE("Sec-Fetch-Site"), slice_from(rows[i].site)}};
		CHECK_INT(is_foreign((struct headers){list, 2}, &UNCHECKED), rows[i].is_foreign);
	}
}

TEST(a_get_that_would_be_signed_is_refused_as_well) {
	struct header list[] = {{SLICE("host"), SLICE("evil.example:8080")}};
	struct buffer model_id;
	buffer_init(&model_id, 8192);
	CHECK_INT(read_request("GET", "/async-invoke", list, 1, &model_id).status, 403);
	CHECK_INT(read_request("GET", "/health", list, 1, &model_id).status, 403);
	CHECK_STRING(read_request("GET", "/health", list, 1, &model_id).exception, "AccessDeniedException");
	buffer_free(&model_id);
}

TEST(a_foreign_origin_gets_403_even_for_health) {
	struct header list[] = {{SLICE("host"), SLICE("localhost")}, {SLICE("origin"), SLICE("https://evil.example")}};
	struct buffer model_id;
	buffer_init(&model_id, 8192);
	struct request_route route = read_request("GET", "/health", list, 2, &model_id);
	CHECK_INT(route.kind, REQUEST_ROUTE_REFUSED);
	CHECK_INT(route.status, 403);
	buffer_free(&model_id);
}

TEST(our_own_hop_is_a_loop) {
	static const struct {
		const char *hop;
		bool loop;
	} rows[] = {
	    {"0123456789abcdef", true},
	    {"aaaa, 0123456789abcdef", true},
	    {"0123456789abcdef ,aaaa", true},
	    {"aaaa", false},
	    {"0123456789abcdef0", false},
	    {"0123456789abcde", false},
	    {"", false},
	    {",,,", false},
	};
	struct buffer model_id;
	buffer_init(&model_id, 8192);
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct header list[] = {{SLICE("X-Signalbox-Hop"), SLICE("bbbb")},
		                        {SLICE("x-signalbox-hop"), slice_from(rows[i].hop)}};
		struct request_route route = read_request("POST", "/model/m/converse", list, 2, &model_id);
		CHECK_INT(route.kind, rows[i].loop ? REQUEST_ROUTE_REFUSED : REQUEST_ROUTE_CALL);
		CHECK_INT(route.status, rows[i].loop ? 508 : 0);
	}
	buffer_free(&model_id);
}

TEST(credentials_are_withheld) {
	static const struct {
		const char *name;
		bool withheld;
	} rows[] = {
	    {"Authorization", true},       {"X-Amz-Security-Token", true}, {"cookie", true},
	    {"Proxy-Authorization", true}, {"X-Signalbox-Hop", true},      {"content-type", false},
	    {"authorization2", false},     {"x-amzn-trace-id", false},     {"X-Api-Key", true},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		CHECK_INT(request_routes_withholds(slice_from(rows[i].name)), rows[i].withheld);
}

TEST(refusals_have_names) {
	static const struct {
		int status;
		const char *name;
	} rows[] = {
	    {400, "ValidationException"},
	    {408, "RequestTimeoutException"},
	    {413, "RequestEntityTooLargeException"},
	    {414, "RequestHeaderTooLargeException"},
	    {417, "ValidationException"},
	    {431, "RequestHeaderTooLargeException"},
	    {500, "InternalServerException"},
	    {501, "ValidationException"},
	    {503, "ServiceUnavailableException"},
	    {505, "ValidationException"},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		CHECK_STRING(request_routes_refusal_name(rows[i].status), rows[i].name);
}

int main(void) {
	RUN(paths_and_methods);
	RUN(the_bidirectional_stream_is_refused_by_name);
	RUN(foreign_origins_are_refused);
	RUN(a_second_origin_does_not_hide_behind_the_first);
	RUN(hosts_are_local_or_listed);
	RUN(a_listed_host_is_its_own_origin);
	RUN(fetches_of_other_sites_are_refused);
	RUN(a_get_that_would_be_signed_is_refused_as_well);
	RUN(a_foreign_origin_gets_403_even_for_health);
	RUN(our_own_hop_is_a_loop);
	RUN(credentials_are_withheld);
	RUN(refusals_have_names);
	return check_summary();
}
