// SPDX-License-Identifier: Apache-2.0
// Events as log lines: their levels, their fields, and that the observer subscribes only to what the log shows.
#include "../check.h"
#include "base/arena.h"
#include "base/problem.h"
#include "gateway/event_log.h"
#include "route/request.h"
#include "route/state.h"

static char nova[] = "nova";
static const struct model model = {.name = nova};
static const struct request_attributes attributes = {.id = {"r-1", 3}};

// The event's fields as "name=value ...".
static const char *fields_of(const struct event *event) {
	static char text[4096];
	struct event_log_line line;
	const struct log_field *fields = line.fields;
	size_t used = 0;
	event_log_fields(event, &line);
	CHECK_INT(fields[line.count].kind, LOG_END);
	*text = '\0';
	for (size_t i = 0; i < line.count; i++)
		if (fields[i].kind == LOG_NUMBER)
			used += (size_t)snprintf(text + used, sizeof text - used, "%s%s=%" PRId64, i ? " " : "", fields[i].name,
			                         fields[i].number);
		else
			used += (size_t)snprintf(text + used, sizeof text - used, "%s%s=%.*s", i ? " " : "", fields[i].name,
			                         SLICE_ARGS(fields[i].text));
	return text;
}

TEST(changes_are_logged_and_single_attempts_only_at_debug) {
	CHECK_INT(event_log_level(EVENT_BREAKER_CHANGED), LOG_WARN);
	CHECK_INT(event_log_level(EVENT_BREAKER_COMMAND), LOG_WARN);
	CHECK_INT(event_log_level(EVENT_HOOK_DISABLED), LOG_WARN);
	CHECK_INT(event_log_level(EVENT_COOLDOWN_STARTED), LOG_INFO);
	CHECK_INT(event_log_level(EVENT_STATISTICS_RESET), LOG_INFO);
	CHECK_INT(event_log_level(EVENT_MODEL_SELECTED), LOG_DEBUG);
	CHECK_INT(event_log_level(EVENT_REQUEST_STARTED), LOG_DEBUG);
}

TEST(it_subscribes_to_what_the_log_shows) {
	static const unsigned warnings =
	    1U << EVENT_BREAKER_CHANGED | 1U << EVENT_BREAKER_COMMAND | 1U << EVENT_HOOK_DISABLED;
	static const unsigned changes = warnings | 1U << EVENT_COOLDOWN_STARTED | 1U << EVENT_STATISTICS_RESET;
	log_configure(LOG_OFF, LOG_TEXT);
	CHECK_INT(event_log_observer().kinds, 0);
	log_configure(LOG_WARN, LOG_TEXT);
	CHECK_INT(event_log_observer().kinds, warnings);
	log_configure(LOG_INFO, LOG_TEXT);
	CHECK_INT(event_log_observer().kinds, changes);
	// The start of a request is in the access log.
	log_configure(LOG_DEBUG, LOG_TEXT);
	CHECK_INT(event_log_observer().kinds, ((1U << EVENT_KINDS) - 1) & ~(1U << EVENT_REQUEST_STARTED));
	log_configure(LOG_OFF, LOG_TEXT);
}

TEST(attempts_have_their_result) {
	const struct failure failure = {.name = SLICE("ThrottlingException"), .status = 429};
	const struct classification classification = {.verdict = VERDICT_FAILOVER};
	struct event event = {.kind = EVENT_ATTEMPT_STARTED,
	                      .attempt = 1,
	                      .request = &attributes,
	                      .model = &model,
	                      .attempt_started = {.cause = CAUSE_HEDGE, .region = "eu-west-1", .tier = TIER_FLEX}};
	CHECK_STRING(fields_of(&event), "request_id=r-1 model=nova attempt=2 cause=hedge region=eu-west-1 tier=flex");
	event.kind = EVENT_ATTEMPT_ENDED;
	event.attempt_ended = (struct attempt_ended){.outcome = OUTCOME_RATE_LIMIT,
	                                             .status = 429,
	                                             .failure = &failure,
	                                             .classification = &classification,
	                                             .latency_ms = 43,
	                                             .ttft_ms = -1};
	CHECK_STRING(fields_of(&event), "request_id=r-1 model=nova attempt=2 cause=selection outcome=rate_limit "
	                                "error=ThrottlingException status=429 verdict=failover milliseconds=43");
	event.attempt_ended = (struct attempt_ended){
	    .outcome = OUTCOME_REFUSAL, .reason = SLICE("too short"), .latency_ms = 43, .ttft_ms = 7};
	CHECK_STRING(fields_of(&event), "request_id=r-1 model=nova attempt=2 cause=selection outcome=refusal "
	                                "reason=too short milliseconds=43 ttft_ms=7");
}

// A request to one model, and the fields of the event of its end.
struct run {
	struct registry *registry;
	struct model model;
	struct pool pool;
	struct observers observers;
	struct random_source random;
	struct arena arena;
	struct route route;
	struct route_request *request;
	char end[4096];
};

static void note_end(void *owner, const struct event *event) {
	struct run *run = owner;
	snprintf(run->end, sizeof run->end, "%s", fields_of(event));
}

static void run_begin(struct run *run, char *name) {
	*run = (struct run){.registry = registry_new(), .model = {.id = name, .name = name, .weight = 1}};
	run->model.state = registry_retain(run->registry, &run->model);
	run->pool = (struct pool){.models = &run->model, .count = 1};
	run->route = (struct route){
	    .pool = &run->pool, .decide = &default_decide, .random = &run->random, .observers = &run->observers};
	observers_add(&run->observers, (struct observer){note_end, run, event_bit(EVENT_REQUEST_ENDED)});
	random_init(&run->random, 1);
	arena_init(&run->arena, 1 << 20);
	CHECK_INT(route_request_new(&run->route, &attributes, &run->arena, 1000, &run->request), 0);
	CHECK_INT(route_begin(run->request, 1000).kind, STEP_SEND);
}

static void run_end(struct run *run) {
	arena_free(&run->arena);
	model_state_release(run->model.state);
	registry_free(run->registry);
}

TEST(requests_have_their_end) {
	const struct attempt_result good = {
	    .end = ATTEMPT_SUCCEEDED, .status = 200, .latency_ms = 43, .ttft_ms = 9, .usage = TOKEN_USAGE_UNKNOWN};
	const struct attempt_result late = {.end = ATTEMPT_FAILED,
	                                    .failure = {.kind = FAILURE_TIMEOUT,
	                                                .name = SLICE("AttemptTimeout"),
	                                                .fault = FAULT_MODEL,
	                                                .retry_after_ms = -1},
	                                    .latency_ms = 3004,
	                                    .ttft_ms = -1};
	struct run run;
	run_begin(&run, nova);
	route_attempt_ended(run.request, 0, &good, 1050);
	CHECK_STRING(run.end, "request_id=r-1 model=nova attempts=1 tried=nova:success:43 outcome=success status=200 "
	                      "milliseconds=50 ttft_ms=9");
	run_end(&run);
	run_begin(&run, nova);
	route_attempt_ended(run.request, 0, &late, 4010);
	CHECK_STRING(run.end, "request_id=r-1 model=nova attempts=1 tried=nova:AttemptTimeout:3004 outcome=fail_fast "
	                      "error=RETRIES_EXHAUSTED status=408 milliseconds=3010");
	run_end(&run);
	run_begin(&run, nova);
	CHECK_INT(route_cancel(run.request, 1005).kind, STEP_CANCEL);
	CHECK_INT(route_next(run.request, 1005).kind, STEP_FAIL);
	route_attempt_ended(run.request, 0, &late, 1005);
	CHECK_STRING(run.end, "request_id=r-1 model=nova attempts=1 tried=nova:in_flight:0 outcome=cancelled "
	                      "error=CANCELLED milliseconds=5");
	run_end(&run);
}

TEST(long_names_are_cut) {
	static char name[2049];
	const struct attempt_result good = {.end = ATTEMPT_SUCCEEDED, .ttft_ms = -1};
	struct run run;
	memset(name, 'x', sizeof name - 1);
	run_begin(&run, name);
	route_attempt_ended(run.request, 0, &good, 1050);
	CHECK_INT(strspn(strstr(run.end, "tried=") + 6, "x"), EVENT_LOG_TRIED_BYTES - 1);
	run_end(&run);
}

TEST(changes_of_a_model_have_their_cause) {
	const struct failure failure = {.name = SLICE("ModelErrorException"), .status = 424};
	struct event event = {.kind = EVENT_BREAKER_CHANGED,
	                      .request = &attributes,
	                      .model = &model,
	                      .breaker = {BREAKER_CLOSED, BREAKER_OPEN, BREAKER_BY_FAILURES, &failure}};
	CHECK_STRING(fields_of(&event), "request_id=r-1 model=nova from=closed state=open cause=failures "
	                                "error=ModelErrorException status=424");
	event = (struct event){.kind = EVENT_BREAKER_COMMAND, .model = &model, .commanded.command = BREAKER_COMMAND_RESET};
	CHECK_STRING(fields_of(&event), "model=nova command=reset");
	event = (struct event){.kind = EVENT_COOLDOWN_STARTED,
	                       .model = &model,
	                       .cooldown = {.length_ms = 1500, .tier = TIER_PRIORITY, .failure = &failure}};
	CHECK_STRING(fields_of(&event), "model=nova tier=priority error=ModelErrorException status=424 milliseconds=1500");
	event.cooldown = (struct cooldown_started){.length_ms = 30000, .is_deprioritized = true, .failure = &failure};
	CHECK_STRING(fields_of(&event),
	             "model=nova kind=deprioritized error=ModelErrorException status=424 milliseconds=30000");
	event = (struct event){.kind = EVENT_STATISTICS_RESET};
	CHECK_STRING(fields_of(&event), "");
}

TEST(policies_are_logged_with_places_and_counts) {
	const struct problems problems = {.count = 2, .dropped = 1};
	struct event event = {.kind = EVENT_POLICY_ERROR,
	                      .error = {.hook = "select", .ending = "over budget", .file = "p.lua", .line = 7}};
	CHECK_STRING(fields_of(&event), "hook=select ending=over budget file=p.lua line=7");
	event.error = (struct policy_error){.hook = "tier", .edit = "service_tier", .reason = "the body is compressed"};
	CHECK_STRING(fields_of(&event), "hook=tier edit=service_tier reason=the body is compressed");
	event = (struct event){.kind = EVENT_HOOK_DISABLED, .disabled = {"accept", 5}};
	CHECK_STRING(fields_of(&event), "hook=accept overruns=5");
	event = (struct event){.kind = EVENT_POLICY_RELOADED, .reloaded = {3, "abc", 2}};
	CHECK_STRING(fields_of(&event), "version=3 hash=abc models=2");
	event = (struct event){.kind = EVENT_POLICY_REJECTED, .rejected.problems = &problems};
	CHECK_STRING(fields_of(&event), "problems=3");
}

int main(void) {
	RUN(changes_are_logged_and_single_attempts_only_at_debug);
	RUN(it_subscribes_to_what_the_log_shows);
	RUN(attempts_have_their_result);
	RUN(requests_have_their_end);
	RUN(long_names_are_cut);
	RUN(changes_of_a_model_have_their_cause);
	RUN(policies_are_logged_with_places_and_counts);
	return check_summary();
}
