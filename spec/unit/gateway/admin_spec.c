// SPDX-License-Identifier: Apache-2.0
// The admin API over a pool of two models with known statistics: exact JSON, commands, refusals. The monotonic clock
// stands at 1 000 000 ms, which is 2026-01-02T03:04:05.678Z.
#include <limits.h>
#include <stdlib.h>

#include "../check.h"
#include "base/log.h"
#include "gateway/admin.h"
#include "route/model_state.h"
#include "route/state.h"

enum { NOW_MS = 1000000 };
#define WALL_MS INT64_C(1767323045678)

static char first_name[] = "chat", second_name[] = "arn:aws:bedrock:x:1:inference-profile/a b";

struct fixture {
	struct registry *registry;
	struct model models[2];
	struct pool pool;
	struct admin_response response;
	struct observers observers;
	int events[EVENT_KINDS]; // observed, by kind
};

static void observe(void *owner, const struct event *event) {
	struct fixture *fixture = owner;
	fixture->events[event->kind]++;
	CHECK_INT(event->at_ms, NOW_MS);
}

static void open_fixture(struct fixture *fixture) {
	*fixture = (struct fixture){.registry = registry_new()};
	for (size_t i = 0; i < 2; i++) {
		struct model *model = &fixture->models[i];
		*model = (struct model){
		    .index = i,
		    .id = i ? second_name : first_name,
		    .name = i ? second_name : first_name,
		    .weight = 1,
		    .fallback = i == 1,
		    .breaker = {5, 30000, 2, 60000, 1},
		};
		model->state = registry_retain(fixture->registry, model);
	}
	fixture->pool = (struct pool){.models = fixture->models, .count = 2};
	buffer_init(&fixture->response.body, 1 << 20);
	observers_add(&fixture->observers, (struct observer){observe, fixture, UINT_MAX});
}

static void close_fixture(struct fixture *fixture) {
	buffer_free(&fixture->response.body);
	for (size_t i = 0; i < 2; i++)
		model_state_release(fixture->models[i].state);
	registry_free(fixture->registry);
}

// Records an attempt that ended `ago_ms` before now.
static void settle_attempt(struct fixture *fixture, size_t index, enum outcome outcome, uint64_t ago_ms,
                           uint64_t latency_ms) {
	struct model *model = &fixture->models[index];
	const struct admission_request admission_request = admission_request_of(model, (struct quota_demand){0});
	struct permit permit;
	struct state_changes state_changes;
	struct settlement settlement = {
	    .outcome = outcome,
	    .classification = {.outcome = outcome, .counts = outcome == OUTCOME_FAIL_FAST},
	    .latency_ms = latency_ms,
	    .ttft_ms = -1,
	    .usage = {10, 5, -1, -1},
	};
	CHECK(model_state_admit(model->state, &admission_request, ADMIT_ANYWAY, NOW_MS - ago_ms - latency_ms, &permit,
	                        &state_changes));
	model_state_settle(model->state, &admission_request, &permit, &settlement, NOW_MS - ago_ms, &state_changes);
}

static const struct request_hosts HOSTS = {.are_checked = true};

static struct slice respond(struct fixture *fixture, const char *method, const char *path) {
	struct server_request request = {.method = slice_from(method), .path = slice_from(path)};
	struct report_time time = {.now_ms = NOW_MS, .wall_ms = WALL_MS};
	admin_respond(NULL, &fixture->pool, &fixture->observers, false, &HOSTS, &request, time, &fixture->response);
	buffer_append_byte(&fixture->response.body, '\0'); // for strstr
	return slice_of(fixture->response.body.ptr, fixture->response.body.len - 1);
}

TEST(a_fresh_pool) {
	struct fixture fixture;
	open_fixture(&fixture);
	CHECK_SLICE(respond(&fixture, "GET", "/health"), SLICE("{\"status\":\"healthy\",\"code\":200}"));
	CHECK_SLICE(respond(&fixture, "HEAD", "/health"), SLICE("{\"status\":\"healthy\",\"code\":200}"));
	CHECK_INT(fixture.response.status, 200);
	CHECK_SLICE(respond(&fixture, "GET", "/breakers"),
	            SLICE("{\"chat\":{\"state\":\"closed\",\"failures\":0,\"successes\":0,\"opened_at\":null,"
	                  "\"next_retry_at\":null,\"cooling_until\":null,\"deprioritized_until\":null},"
	                  "\"arn:aws:bedrock:x:1:inference-profile/a b\":{\"state\":\"closed\",\"failures\":0,"
	                  "\"successes\":0,\"opened_at\":null,\"next_retry_at\":null,\"cooling_until\":null,"
	                  "\"deprioritized_until\":null}}"));
	CHECK_SLICE(respond(&fixture, "GET", "/stats"),
	            SLICE("{\"total\":{\"success\":0,\"rate_limit\":0,\"fail_fast\":0,\"refusal\":0,\"cancelled\":0,"
	                  "\"latency_ms\":{\"average\":0,\"p50\":0,\"p95\":0,\"p99\":0,\"min\":0,\"max\":0},"
	                  "\"tokens\":{\"input\":0,\"output\":0}},\"models\":{"
	                  "\"chat\":{\"success\":0,\"rate_limit\":0,\"fail_fast\":0,\"refusal\":0,\"cancelled\":0,"
	                  "\"average_latency_ms\":0,\"fallback\":false},"
	                  "\"arn:aws:bedrock:x:1:inference-profile/a b\":{\"success\":0,\"rate_limit\":0,\"fail_fast\":0,"
	                  "\"refusal\":0,\"cancelled\":0,\"average_latency_ms\":0,\"fallback\":true}}}"));
	CHECK_SLICE(respond(&fixture, "GET", "/health/detail"),
	            SLICE("{\"healthy\":true,\"models\":{"
	                  "\"chat\":{\"healthy\":true,\"degraded\":false,\"state\":\"closed\",\"error_rate\":0,"
	                  "\"requests_per_minute\":0,\"average_latency_ms\":0,\"last_success_at\":null,"
	                  "\"last_failure_at\":null},"
	                  "\"arn:aws:bedrock:x:1:inference-profile/a b\":{\"healthy\":true,\"degraded\":false,"
	                  "\"state\":\"closed\",\"error_rate\":0,\"requests_per_minute\":0,\"average_latency_ms\":0,"
	                  "\"last_success_at\":null,\"last_failure_at\":null}},"
	                  "\"counts\":{\"healthy\":2,\"degraded\":0,\"unhealthy\":0},"
	                  "\"metrics\":{\"requests\":0,\"success_rate\":0,\"average_latency_ms\":0,\"p99_latency_ms\":0},"
	                  "\"log\":{\"waiting_bytes\":0,\"lost_lines\":0}}"));
	close_fixture(&fixture);
}

TEST(attempts_are_counted_and_dated) {
	struct fixture fixture;
	open_fixture(&fixture);
	settle_attempt(&fixture, 0, OUTCOME_SUCCESS, 5678, 100);
	settle_attempt(&fixture, 0, OUTCOME_FAIL_FAST, 678, 300);
	settle_attempt(&fixture, 1, OUTCOME_SUCCESS, 1000, 200);
	settle_attempt(&fixture, 1, OUTCOME_CANCELLED, 500, 50);
	struct slice stats = respond(&fixture, "GET", "/stats");
	CHECK(slice_starts(stats, SLICE("{\"total\":{\"success\":2,\"rate_limit\":0,\"fail_fast\":1,\"refusal\":0,"
	                                "\"cancelled\":1,\"latency_ms\":{\"average\":200,\"p50\":200,\"p95\":300,"
	                                "\"p99\":300,\"min\":100,\"max\":300},\"tokens\":{\"input\":")));
	struct slice detail = respond(&fixture, "GET", "/health/detail");
	CHECK(strstr(detail.ptr, "\"last_success_at\":\"2026-01-02T03:04:00.000Z\",\"last_failure_at\":"
	                         "\"2026-01-02T03:04:05.000Z\"}") != NULL);
	CHECK(strstr(detail.ptr, "\"metrics\":{\"requests\":3,\"success_rate\":0.6666666667,") != NULL);
	static const char zero[] =
	    "{\"total\":{\"success\":0,\"rate_limit\":0,\"fail_fast\":0,\"refusal\":0,\"cancelled\":0,";
	CHECK(slice_starts(respond(&fixture, "POST", "/stats/reset"), slice_from(zero)));
	CHECK(slice_starts(respond(&fixture, "GET", "/stats"), slice_from(zero)));
	CHECK_INT(fixture.events[EVENT_STATISTICS_RESET], 1);
	close_fixture(&fixture);
}

TEST(breakers_follow_commands) {
	struct fixture fixture;
	open_fixture(&fixture);
	CHECK_SLICE(respond(&fixture, "POST", "/breakers/chat/open"),
	            SLICE("{\"chat\":{\"state\":\"open\",\"failures\":0,\"successes\":0,\"opened_at\":"
	                  "\"2026-01-02T03:04:05.678Z\",\"next_retry_at\":null,\"cooling_until\":null,\"deprioritized_"
	                  "until\":null}}"));
	CHECK_INT(fixture.response.status, 200);
	// One of two models unhealthy: fewer than max(1, floor(2 / 2)) are not.
	CHECK_SLICE(respond(&fixture, "GET", "/health"), SLICE("{\"status\":\"unhealthy\",\"code\":503}"));
	CHECK_INT(fixture.response.status, 503);
	CHECK(report_is_serving(&fixture.pool, NOW_MS));
	respond(&fixture, "POST", "/breakers/arn%3Aaws%3Abedrock%3Ax%3A1%3Ainference-profile%2Fa%20b/open");
	CHECK_INT(fixture.response.status, 200);
	CHECK(!report_is_serving(&fixture.pool, NOW_MS));
	CHECK(!report_is_serving(&fixture.pool, NOW_MS + 10000000));
	respond(&fixture, "POST", "/breakers/arn:aws:bedrock:x:1:inference-profile/a%20b/close");
	CHECK_INT(fixture.response.status, 200);
	CHECK(report_is_serving(&fixture.pool, NOW_MS));
	CHECK(strstr(respond(&fixture, "POST", "/breakers/chat/reset").ptr, "\"state\":\"closed\"") != NULL);
	CHECK_SLICE(respond(&fixture, "GET", "/health"), SLICE("{\"status\":\"healthy\",\"code\":200}"));
	CHECK_INT(fixture.events[EVENT_BREAKER_COMMAND], 4);
	CHECK_INT(fixture.events[EVENT_BREAKER_CHANGED], 4);
	close_fixture(&fixture);
}

TEST(models_in_cooldown_leave_the_gateway_serving) {
	struct fixture fixture;
	open_fixture(&fixture);
	for (size_t i = 0; i < 2; i++) {
		struct model *model = &fixture.models[i];
		const struct admission_request admission_request = admission_request_of(model, (struct quota_demand){0});
		struct settlement throttled = {
		    .outcome = OUTCOME_RATE_LIMIT,
		    .classification = {.outcome = OUTCOME_RATE_LIMIT, .throttle = true, .cooldown_ms = 60000},
		    .ttft_ms = -1,
		};
		struct permit permit;
		struct state_changes state_changes;
		CHECK(model_state_admit(model->state, &admission_request, ADMIT_AVAILABLE, NOW_MS, &permit, &state_changes));
		model_state_settle(model->state, &admission_request, &permit, &throttled, NOW_MS, &state_changes);
	}
	CHECK(strstr(respond(&fixture, "GET", "/breakers").ptr, "\"cooling_until\":\"2026-01-02T03:05:05.678Z\"") != NULL);
	CHECK(report_is_serving(&fixture.pool, NOW_MS));
	respond(&fixture, "POST", "/breakers/chat/open");
	CHECK(report_is_serving(&fixture.pool, NOW_MS));
	close_fixture(&fixture);
}

TEST(a_deprioritized_model_is_not_in_cooldown) {
	struct fixture fixture;
	open_fixture(&fixture);
	const struct model *model = &fixture.models[0];
	const struct admission_request admission_request = admission_request_of(model, (struct quota_demand){0});
	struct settlement refused = {
	    .outcome = OUTCOME_FAIL_FAST,
	    .classification = {.outcome = OUTCOME_FAIL_FAST, .deprioritizes = true, .cooldown_ms = 30000},
	    .ttft_ms = -1,
	};
	struct permit permit;
	struct state_changes state_changes;
	CHECK(model_state_admit(model->state, &admission_request, ADMIT_AVAILABLE, NOW_MS, &permit, &state_changes));
	model_state_settle(model->state, &admission_request, &permit, &refused, NOW_MS, &state_changes);
	CHECK(strstr(respond(&fixture, "GET", "/breakers").ptr,
	             "\"cooling_until\":null,\"deprioritized_until\":\"2026-01-02T03:04:35.678Z\"}") != NULL);
	close_fixture(&fixture);
}

TEST(an_open_breaker_reports_its_next_retry) {
	struct fixture fixture;
	open_fixture(&fixture);
	for (int i = 0; i < 4; i++)
		settle_attempt(&fixture, 0, OUTCOME_FAIL_FAST, 678, 10);
	CHECK(
	    slice_starts(respond(&fixture, "GET", "/breakers"), SLICE("{\"chat\":{\"state\":\"closed\",\"failures\":4,")));
	settle_attempt(&fixture, 0, OUTCOME_FAIL_FAST, 678, 10);
	struct slice breakers = respond(&fixture, "GET", "/breakers");
	CHECK(slice_starts(breakers, SLICE("{\"chat\":{\"state\":\"open\",")));
	CHECK(strstr(breakers.ptr, "\"opened_at\":\"2026-01-02T03:04:05.000Z\",\"next_retry_at\":"
	                           "\"2026-01-02T03:04:35.000Z\",") != NULL);
	close_fixture(&fixture);
}

TEST(other_paths_and_methods) {
	static const struct {
		const char *method, *path;
		int status;
		const char *allow;
	} rows[] = {
	    {"GET", "/", 404, NULL},
	    {"GET", "/stats/", 404, NULL},
	    {"POST", "/stats", 405, "GET, HEAD"},
	    {"DELETE", "/breakers", 405, "GET, HEAD"},
	    {"GET", "/stats/reset", 405, "POST"},
	    {"HEAD", "/reload", 405, "POST"},
	    {"GET", "/breakers/chat/open", 405, "POST"},
	    {"POST", "/breakers/chat/explode", 404, NULL},
	    {"POST", "/breakers/nobody/open", 404, NULL},
	    {"POST", "/breakers/chat", 404, NULL},
	    {"POST", "/breakers//open", 404, NULL},
	    {"POST", "/breakers/%zz/open", 404, NULL},
	    {"POST", "/breakers/", 404, NULL},
	};
	struct fixture fixture;
	open_fixture(&fixture);
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		int failures = check_failures_in_test;
		struct slice body = respond(&fixture, rows[i].method, rows[i].path);
		CHECK_INT(fixture.response.status, rows[i].status);
		CHECK_STRING(fixture.response.allow, rows[i].allow);
		CHECK(slice_starts(body, SLICE("{\"message\":\"")) && slice_ends(body, SLICE("\"}")));
		if (check_failures_in_test > failures)
			printf("  row %zu: %s %s\n", i, rows[i].method, rows[i].path);
	}
	CHECK(report_is_serving(&fixture.pool, NOW_MS));
	close_fixture(&fixture);
}

TEST(another_site_is_refused_before_anything_happens) {
	struct header marks[][2] = {
	    {{SLICE("host"), SLICE("localhost:9090")}, {SLICE("origin"), SLICE("http://evil.example")}},
	    {{SLICE("host"), SLICE("localhost:9090")}, {SLICE("sec-fetch-site"), SLICE("cross-site")}},
	    {{SLICE("host"), SLICE("evil.example:9090")}, {SLICE("accept"), SLICE("*/*")}},
	};
	struct fixture fixture;
	open_fixture(&fixture);
	struct report_time time = {.now_ms = NOW_MS, .wall_ms = WALL_MS};
	for (size_t i = 0; i < sizeof marks / sizeof *marks; i++) {
		struct server_request request = {
		    .method = SLICE("POST"),
		    .path = SLICE("/breakers/chat/open"),
		    .headers = {marks[i], 2},
		};
		admin_respond(NULL, &fixture.pool, &fixture.observers, false, &HOSTS, &request, time, &fixture.response);
		CHECK_INT(fixture.response.status, 403);
	}
	CHECK(strstr(respond(&fixture, "GET", "/breakers").ptr, "\"open\"") == NULL);
	CHECK_INT(fixture.events[EVENT_BREAKER_COMMAND], 0);
	close_fixture(&fixture);
}

TEST(draining_is_not_healthy) {
	struct server_request request = {.method = SLICE("GET"), .path = SLICE("/health")};
	struct fixture fixture;
	open_fixture(&fixture);
	struct report_time time = {.now_ms = NOW_MS, .wall_ms = WALL_MS};
	admin_respond(NULL, &fixture.pool, &fixture.observers, true, &HOSTS, &request, time, &fixture.response);
	CHECK_INT(fixture.response.status, 503);
	CHECK_SLICE(buffer_slice(&fixture.response.body), SLICE("{\"status\":\"draining\",\"code\":503}"));
	close_fixture(&fixture);
}

int main(void) {
	log_configure(LOG_OFF, LOG_TEXT);
	RUN(a_fresh_pool);
	RUN(attempts_are_counted_and_dated);
	RUN(breakers_follow_commands);
	RUN(models_in_cooldown_leave_the_gateway_serving);
	RUN(a_deprioritized_model_is_not_in_cooldown);
	RUN(an_open_breaker_reports_its_next_retry);
	RUN(other_paths_and_methods);
	RUN(another_site_is_refused_before_anything_happens);
	RUN(draining_is_not_healthy);
	return check_summary();
}
