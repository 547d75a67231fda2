// SPDX-License-Identifier: Apache-2.0
// Events as log lines: at which level, with which fields, and that the log listens to what it shows alone.
#include "../check.h"
#include "gateway/event_log.h"

static char nova[] = "nova";
static const struct model model = {.name = nova};
static const struct request_attributes attributes = {.id = {"r-1", 3}};

// The event's fields as "name=value ...".
static const char *fields_of(const struct event *event) {
	static char text[1024];
	struct log_field fields[EVENT_LOG_FIELDS];
	size_t used = 0, count = event_log_fields(event, fields);
	CHECK_INT(fields[count].kind, LOG_END);
	*text = '\0';
	for (size_t i = 0; i < count; i++)
		if (fields[i].kind == LOG_NUMBER)
			used += (size_t)snprintf(text + used, sizeof text - used, "%s%s=%" PRId64, i ? " " : "", fields[i].name,
			                         fields[i].number);
		else
			used += (size_t)snprintf(text + used, sizeof text - used, "%s%s=%.*s", i ? " " : "", fields[i].name,
			                         SLICE_ARGS(fields[i].text));
	return text;
}

TEST(changes_are_told_and_single_attempts_only_when_debugging) {
	CHECK_INT(event_log_level(EVENT_BREAKER_CHANGED), LOG_WARN);
	CHECK_INT(event_log_level(EVENT_BREAKER_COMMAND), LOG_WARN);
	CHECK_INT(event_log_level(EVENT_HOOK_DISABLED), LOG_WARN);
	CHECK_INT(event_log_level(EVENT_COOLDOWN_STARTED), LOG_INFO);
	CHECK_INT(event_log_level(EVENT_STATISTICS_RESET), LOG_INFO);
	CHECK_INT(event_log_level(EVENT_MODEL_SELECTED), LOG_DEBUG);
	CHECK_INT(event_log_level(EVENT_REQUEST_STARTED), LOG_DEBUG);
}

TEST(it_listens_to_what_is_shown) {
	static const unsigned warnings =
	    1U << EVENT_BREAKER_CHANGED | 1U << EVENT_BREAKER_COMMAND | 1U << EVENT_HOOK_DISABLED;
	static const unsigned changes = warnings | 1U << EVENT_COOLDOWN_STARTED | 1U << EVENT_STATISTICS_RESET;
	log_configure(LOG_OFF, LOG_TEXT);
	CHECK_INT(event_log_observer().kinds, 0);
	log_configure(LOG_WARN, LOG_TEXT);
	CHECK_INT(event_log_observer().kinds, warnings);
	log_configure(LOG_INFO, LOG_TEXT);
	CHECK_INT(event_log_observer().kinds, changes);
	// The access log has the requests that begin.
	log_configure(LOG_DEBUG, LOG_TEXT);
	CHECK_INT(event_log_observer().kinds, ((1U << EVENT_KINDS) - 1) & ~(1U << EVENT_REQUEST_STARTED));
	log_configure(LOG_OFF, LOG_TEXT);
}

TEST(attempts_have_what_became_of_them) {
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

TEST(requests_have_their_end) {
	const struct request_result good = {
	    .outcome = OUTCOME_SUCCESS, .attempts = 2, .status = 200, .latency_ms = 50, .ttft_ms = 9};
	const struct request_result gone = {.outcome = OUTCOME_CANCELLED, .attempts = 1, .latency_ms = 5, .ttft_ms = -1};
	struct event event = {
	    .kind = EVENT_REQUEST_ENDED, .request = &attributes, .model = &model, .request_ended.result = &good};
	CHECK_STRING(fields_of(&event),
	             "request_id=r-1 model=nova attempts=2 outcome=success status=200 milliseconds=50 ttft_ms=9");
	event.request_ended = (struct request_ended){.result = &gone, .has_failed = true, .error = ROUTE_CANCELLED};
	CHECK_STRING(fields_of(&event),
	             "request_id=r-1 model=nova attempts=1 outcome=cancelled error=CANCELLED milliseconds=5");
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
	event = (struct event){.kind = EVENT_STATISTICS_RESET};
	CHECK_STRING(fields_of(&event), "");
}

TEST(policies_are_told_with_places_and_counts) {
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
	RUN(changes_are_told_and_single_attempts_only_when_debugging);
	RUN(it_listens_to_what_is_shown);
	RUN(attempts_have_what_became_of_them);
	RUN(requests_have_their_end);
	RUN(changes_of_a_model_have_their_cause);
	RUN(policies_are_told_with_places_and_counts);
	return check_summary();
}
