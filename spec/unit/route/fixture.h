// SPDX-License-Identifier: Apache-2.0
// A pool in virtual time, and requests played from scripts of (time, input, expected steps). Selection takes the first
// candidate unless a spec says otherwise, so that scripts can name the models.
#ifndef SPEC_ROUTE_FIXTURE_H
#define SPEC_ROUTE_FIXTURE_H

#include <limits.h>
#include <stdlib.h>

#include "../check.h"
#include "base/arena.h"
#include "base/memory.h"
#include "route/observer.h"
#include "route/request_internal.h"

enum { FIXTURE_MODELS = 16, FIXTURE_EVENTS = 256 };

// The admission request of a model for a request that needs nothing of a quota.
#define ADMISSION_REQUEST(model) (&(struct admission_request){.breaker = &(model)->breaker, .quota = &(model)->quota})

// An event, with copies of what it borrows.
struct recorded_event {
	struct event event;
	struct failure failure;
	struct classification classification;
	struct request_result result;
};

struct fixture {
	struct registry *registry;
	struct pool pool;
	struct random_source random;
	struct decide decide;
	struct route route;
	struct arena arena;
	struct request_attributes attributes;
	struct route_request *request;
	// What the decisions return.
	bool selects_none;
	struct slice reason;            // of every selection
	const struct model *selects;    // even if it is no candidate; NULL for the first candidate
	struct attempt_options options; // of every selection
	bool classifies;
	struct classification classification; // if `classifies`
	void (*before_send)(struct fixture *fixture);
	uint64_t hedges_after_ms;       // of the first attempt of each request
	const char *refuses;            // the model whose whole responses are refused
	const char *undecided;          // the hook that is undecided; NULL for none
	struct edits edits;             // by `prepare`
	struct request_result finished; // by the last `finish`
	uint32_t finishes;
	enum service_tier failed_tier; // of the last failure to classify
	struct candidates listed;      // of the last selection, copied
	const struct model *listed_models[FIXTURE_MODELS];
	uint32_t selections;
	struct observers observers; // the fixture itself, for all kinds
	struct recorded_event events[FIXTURE_EVENTS];
	size_t event_count;
};

static inline bool fixture_is_undecided(const struct fixture *fixture, const char *hook) {
	return fixture->undecided && strcmp(fixture->undecided, hook) == 0;
}

static inline void fixture_select(void *self, const struct route_request *request, struct candidates candidates,
                                  struct random_source *random, struct selection *out) {
	(void)random;
	struct fixture *fixture = self;
	fixture->selections++;
	memcpy(fixture->listed_models, candidates.list, candidates.count * sizeof *candidates.list);
	fixture->listed = (struct candidates){.list = fixture->listed_models, .count = candidates.count};
	out->is_undecided = fixture_is_undecided(fixture, "select");
	if (out->is_undecided)
		return;
	out->options = fixture->options;
	if (fixture->hedges_after_ms && route_request_attempts(request) == 0)
		out->options.hedge_after_ms = fixture->hedges_after_ms;
	out->reason = fixture->reason;
	if (!fixture->selects_none)
		out->model = fixture->selects ? fixture->selects : candidates.list[0];
	if (fixture->before_send)
		fixture->before_send(fixture);
}

static inline void fixture_classify(void *self, const struct failure *failure, const struct route_request *request,
                                    const struct model *model, struct classification *out) {
	(void)request;
	(void)model;
	struct fixture *fixture = self;
	fixture->failed_tier = failure->tier;
	if (fixture->classifies)
		*out = fixture->classification;
	out->is_undecided = fixture_is_undecided(fixture, "classify");
}

// For specs to set as `decide.accept`.
static inline enum acceptance fixture_accept(void *self, const struct response *response,
                                             const struct route_request *request, const struct model *model,
                                             struct slice *reason) {
	(void)request;
	struct fixture *fixture = self;
	CHECK_INT(response->status, 200);
	if (fixture_is_undecided(fixture, "accept"))
		return RESPONSE_UNDECIDED;
	if (!fixture->refuses || strcmp(fixture->refuses, model->name) != 0)
		return RESPONSE_ACCEPTED;
	*reason = SLICE("not good enough");
	return RESPONSE_REFUSED;
}

// For specs to set as `decide.prepare`.
static inline void fixture_prepare(void *self, const struct route_request *request, const struct model *model,
                                   struct edits *out) {
	struct fixture *fixture = self;
	uint32_t attempts = route_request_attempts(request);
	CHECK(attempts > 0 && model == route_request_attempt_model(request, attempts - 1));
	*out = fixture->edits;
	out->is_undecided = fixture_is_undecided(fixture, "prepare");
}

// For specs to set as `decide.finish`.
static inline void fixture_finish(void *self, const struct route_request *request,
                                  const struct request_result *result) {
	struct fixture *fixture = self;
	CHECK(route_request_is_over(request));
	fixture->finished = *result;
	fixture->finishes++;
}

static inline const struct failure **failure_of(struct event *event) {
	if (event->kind == EVENT_BREAKER_CHANGED)
		return &event->breaker.failure;
	if (event->kind == EVENT_COOLDOWN_STARTED)
		return &event->cooldown.failure;
	return event->kind == EVENT_ATTEMPT_ENDED ? &event->attempt_ended.failure : NULL;
}

static inline void fixture_observe(void *owner, const struct event *event) {
	struct fixture *fixture = owner;
	if (fixture->event_count == FIXTURE_EVENTS)
		return;
	struct recorded_event *recorded = &fixture->events[fixture->event_count++];
	recorded->event = *event;
	const struct failure **failure = failure_of(&recorded->event);
	if (failure && *failure) {
		recorded->failure = **failure;
		*failure = &recorded->failure;
	}
	if (event->kind == EVENT_REQUEST_ENDED) {
		recorded->result = *event->request_ended.result;
		recorded->event.request_ended.result = &recorded->result;
	}
	if (event->kind == EVENT_ATTEMPT_ENDED && event->attempt_ended.classification) {
		recorded->classification = *event->attempt_ended.classification;
		recorded->event.attempt_ended.classification = &recorded->classification;
	}
}

// How many events there are of that name.
static inline size_t fixture_count_events(const struct fixture *fixture, const char *name) {
	size_t count = 0;
	for (size_t i = 0; i < fixture->event_count; i++) {
		const char *names[EVENT_NAMES_MAX];
		size_t name_count = event_names(&fixture->events[i].event, names);
		for (size_t j = 0; j < name_count; j++)
			count += strcmp(names[j], name) == 0;
	}
	return count;
}

// The event of that kind and number, counted from 0; aborts if there are fewer.
static inline const struct event *fixture_event(const struct fixture *fixture, enum event_kind kind, size_t number) {
	for (size_t i = 0; i < fixture->event_count; i++)
		if (fixture->events[i].event.kind == kind && number-- == 0)
			return &fixture->events[i].event;
	printf("no such event: %d\n", (int)kind);
	abort();
}

// `names` is "a b c": primaries of weight 1 whose ids are their names; a name that begins with "~" is a fallback.
static inline void fixture_init(struct fixture *fixture, const char *names) {
	*fixture = (struct fixture){.registry = registry_new()};
	fixture->pool.limits = (struct route_limits){.max_retries = 3, .timeout_ms = 120000, .ttft_ms = 30000};
	fixture->pool.models = memory_new(FIXTURE_MODELS, sizeof *fixture->pool.models);
	for (const char *name = names; *name; name += strcspn(name, " "), name += strspn(name, " ")) {
		struct model *model = &fixture->pool.models[fixture->pool.count];
		model->index = fixture->pool.count++;
		model->fallback = *name == '~';
		name += model->fallback;
		model->id = memory_string(slice_of(name, strcspn(name, " ")));
		model->name = memory_string(slice_from(model->id));
		model->weight = 1;
		model->timeout_ms = 120000;
		model->ttft_ms = 30000;
		model->breaker = (struct breaker_settings){5, 30000, 2, 60000, 1};
		model->state = registry_retain(fixture->registry, model);
	}
	random_init(&fixture->random, 1);
	arena_init(&fixture->arena, 1 << 20);
	fixture->attributes =
	    (struct request_attributes){.id = SLICE("r1"), .operation = SLICE("Converse"), .asked = SLICE("chat")};
	fixture->decide = (struct decide){.self = fixture, .select = fixture_select, .classify = fixture_classify};
	fixture->route = (struct route){.pool = &fixture->pool,
	                                .decide = &fixture->decide,
	                                .random = &fixture->random,
	                                .observers = &fixture->observers,
	                                .region = "eu-west-1"};
	observers_add(&fixture->observers, (struct observer){fixture_observe, fixture, UINT_MAX});
}

static inline void fixture_free(struct fixture *fixture) {
	arena_free(&fixture->arena);
	pool_free(&fixture->pool);
	registry_free(fixture->registry);
}

static inline struct model *fixture_model(struct fixture *fixture, const char *name) {
	return &fixture->pool.models[pool_find(&fixture->pool, slice_from(name))->index];
}

static inline void fixture_serves(struct fixture *fixture, const char *name, const char *glob) {
	struct model *model = fixture_model(fixture, name);
	model->serves = memory_resize(model->serves, model->serves_count + 1, sizeof *model->serves);
	model->serves[model->serves_count++] = memory_string(slice_from(glob));
}

static inline void fixture_quota(struct fixture *fixture, const char *name, uint64_t requests, uint64_t tokens) {
	fixture_model(fixture, name)->quota = (struct quota){requests, tokens, 1};
	fixture->pool.has_quota = true;
}

static inline void fixture_family(struct fixture *fixture, const char *name, const char *family) {
	fixture_model(fixture, name)->family = memory_string(slice_from(family));
}

// Opens the model's breaker by failures of its own, as of `now_ms`.
static inline void fixture_break(struct fixture *fixture, const char *name, uint64_t now_ms) {
	const struct model *model = fixture_model(fixture, name);
	struct settlement settlement = {.outcome = OUTCOME_FAIL_FAST, .ttft_ms = -1, .classification.counts = true};
	struct permit permit;
	struct state_changes changes;
	for (uint64_t i = 0; i < model->breaker.failure_threshold; i++)
		if (model_state_admit(model->state, ADMISSION_REQUEST(model), ADMIT_ANYWAY, now_ms, &permit, &changes))
			model_state_settle(model->state, ADMISSION_REQUEST(model), &permit, &settlement, now_ms, &changes);
}

// Starts a cooldown of the model at `now_ms`, or deprioritizes it.
static inline void fixture_cool_down(struct fixture *fixture, const char *name, uint64_t length_ms, bool deprioritizes,
                                     uint64_t now_ms) {
	const struct model *model = fixture_model(fixture, name);
	struct settlement settlement = {.outcome = OUTCOME_RATE_LIMIT,
	                                .ttft_ms = -1,
	                                .classification = {.deprioritizes = deprioritizes, .cooldown_ms = length_ms}};
	struct permit permit;
	struct state_changes changes;
	if (model_state_admit(model->state, ADMISSION_REQUEST(model), ADMIT_ANYWAY, now_ms, &permit, &changes))
		model_state_settle(model->state, ADMISSION_REQUEST(model), &permit, &settlement, now_ms, &changes);
}

static inline struct model_snapshot fixture_snapshot(struct fixture *fixture, const char *name, uint64_t now_ms) {
	const struct model *model = fixture_model(fixture, name);
	struct model_snapshot snapshot;
	model_state_snapshot(model->state, &model->breaker, now_ms, &snapshot);
	return snapshot;
}

static inline void fixture_new_request(struct fixture *fixture, uint64_t now_ms) {
	CHECK_INT(route_request_new(&fixture->route, &fixture->attributes, &fixture->arena, now_ms, &fixture->request), 0);
}

static inline void describe_failure(const struct step *step, char *out, size_t size) {
	static const char *const errors[] = {"no-models", "exhausted", "failed",  "cancelled",
	                                     "stopped",   "deadline",  "refused", "undecided"};
	static const char *const reasons[] = {"unserved", "unavailable", "unselected"};
	size_t used = (size_t)snprintf(out, size, "fail %s", errors[step->error]);
	if (step->error == ROUTE_NO_MODELS_AVAILABLE)
		used += (size_t)snprintf(out + used, size - used, " %s", reasons[step->why]);
	if (step->model)
		used += (size_t)snprintf(out + used, size - used, " %u", step->attempt);
	if (step->all_refused)
		used += (size_t)snprintf(out + used, size - used, " refused");
	if (step->error != ROUTE_CANCELLED && step->error != ROUTE_STOPPED)
		snprintf(out + used, size - used, " after %" PRIu64, step->retry_after_ms);
}

// "send 0 a", "send 0 a at flex", "send 1 a up to priority" (escalated), "cancel 1", "wait 250", "return 0", "fail
// exhausted 2 after 1000"; "" for STEP_NONE.
static inline void step_describe(const struct step *step, char *out, size_t size) {
	*out = '\0';
	if (step->kind == STEP_SEND)
		snprintf(out, size, "send %u %s%s%s", step->attempt, step->model->name,
		         step->options.is_escalated ? " up to "
		         : step->options.tier       ? " at "
		                                    : "",
		         service_tier_names[step->options.tier]);
	else if (step->kind == STEP_CANCEL)
		snprintf(out, size, "cancel %u", step->attempt);
	else if (step->kind == STEP_WAIT)
		snprintf(out, size, "wait %" PRIu64, step->wait_ms);
	else if (step->kind == STEP_RETURN)
		snprintf(out, size, "return %u", step->attempt);
	else if (step->kind == STEP_FAIL)
		describe_failure(step, out, size);
}

static inline struct attempt_result result_of(const char *word) {
	static const struct response whole = {.status = 200};
	static const struct {
		const char *word;
		struct attempt_result result;
	} results[] = {
	    {"ok", {.end = ATTEMPT_SUCCEEDED}},
	    {"whole", {.end = ATTEMPT_SUCCEEDED, .response = &whole}},
	    {"refuse", {.end = ATTEMPT_REFUSED}},
	    {"stopped", {.end = ATTEMPT_CANCELLED}},
	    {"throttle", {.end = ATTEMPT_FAILED, .failure = {.status = 429, .fault = FAULT_THROTTLE}}},
	    {"break", {.end = ATTEMPT_FAILED, .failure = {.status = 503, .fault = FAULT_MODEL}}},
	    {"deny", {.end = ATTEMPT_FAILED, .failure = {.status = 403, .fault = FAULT_OPERATOR}}},
	    {"starve",
	     {.end = ATTEMPT_FAILED,
	      .failure = {.status = 429,
	                  .fault = FAULT_THROTTLE,
	                  .name = {"ThrottlingException", 19},
	                  .shortage = SHORTAGE_TOKENS}}},
	    {"lack",
	     {.end = ATTEMPT_FAILED,
	      .failure =
	          {.status = 400, .fault = FAULT_CALLER, .name = {"ValidationException", 19}, .shortage = SHORTAGE_TIER}}},
	    {"lose",
	     {.end = ATTEMPT_FAILED,
	      .failure = {.kind = FAILURE_NETWORK, .fault = FAULT_MODEL, .name = {"ConnectionReset", 15}}}},
	    {"choke",
	     {.end = ATTEMPT_FAILED,
	      .failure = {.kind = FAILURE_NETWORK, .fault = FAULT_GATEWAY, .name = {"GatewayExhausted", 16}}}},
	    {"expire",
	     {.end = ATTEMPT_FAILED,
	      .failure = {.kind = FAILURE_TIMEOUT, .fault = FAULT_MODEL, .name = {"AttemptTimeout", 14}}}},
	    {"reject", {.end = ATTEMPT_FAILED, .failure = {.status = 400, .fault = FAULT_CALLER}}},
	};
	for (size_t i = 0; i < sizeof results / sizeof *results; i++)
		if (strcmp(results[i].word, word) == 0) {
			struct attempt_result result = results[i].result;
			result.failure.retry_after_ms = result.ttft_ms = -1;
			result.usage = TOKEN_USAGE_UNKNOWN;
			result.latency_ms = 10;
			result.status = 200; // read only if the response has begun
			return result;
		}
	printf("no such input: %s\n", word);
	abort();
}

static inline struct step play_input(struct route_request *request, const char *input, uint64_t now_ms) {
	char word[32];
	unsigned attempt = 0;
	if (sscanf(input, "%31s %u", word, &attempt) < 1)
		abort();
	if (strcmp(word, "begin") == 0)
		return route_begin(request, now_ms);
	if (strcmp(word, "next") == 0)
		return route_next(request, now_ms);
	if (strcmp(word, "cancel") == 0)
		return route_cancel(request, now_ms);
	if (strcmp(word, "stop") == 0)
		return route_stop(request, now_ms);
	if (strcmp(word, "forbid") == 0)
		return route_refuse(request, SLICE("The body is no JSON object."), now_ms);
	if (strcmp(word, "commit") == 0)
		return route_attempt_committed(request, attempt, now_ms);
	struct attempt_result result = result_of(word);
	return route_attempt_ended(request, attempt, &result, now_ms);
}

struct line {
	uint64_t at_ms;
	const char *input; // "begin", "next", "cancel", "stop", "forbid", "commit 0", "ok 0", "throttle 1", ...
	const char *steps; // all of them, "; " between
};

// Plays one line on the request: the input, then route_next until it returns STEP_NONE or STEP_WAIT.
static inline void play_line(const char *file, int number, struct route_request *request, const struct line *line) {
	char steps[512] = "";
	size_t used = 0;
	struct step step = play_input(request, line->input, line->at_ms);
	for (int i = 0; step.kind != STEP_NONE; i++) {
		used += (size_t)snprintf(steps + used, sizeof steps - used, "%s", i ? "; " : "");
		step_describe(&step, steps + used, sizeof steps - used);
		used += strlen(steps + used);
		if (step.kind == STEP_WAIT || used > sizeof steps - 64)
			break;
		step = route_next(request, line->at_ms);
	}
	char what[128];
	snprintf(what, sizeof what, "at %" PRIu64 " ms: %s", line->at_ms, line->input);
	check_slice(file, number, what, slice_from(steps), slice_from(line->steps));
}

static inline void play(const char *file, int number, struct fixture *fixture, const struct line *lines, size_t count) {
	fixture_new_request(fixture, lines[0].at_ms);
	for (size_t i = 0; i < count; i++)
		play_line(file, number, fixture->request, &lines[i]);
}

// Plays a new request: PLAY(&fixture, {0, "begin", "send 0 a"}, {10, "ok 0", "return 0"}).
#define PLAY(fixture, ...)                                                                                             \
	do {                                                                                                               \
		const struct line play_lines[] = {__VA_ARGS__};                                                                \
		play(__FILE__, __LINE__, (fixture), play_lines, sizeof play_lines / sizeof *play_lines);                       \
	} while (0)

// Continues the present request.
#define CONTINUE(fixture, ...)                                                                                         \
	do {                                                                                                               \
		const struct line play_lines[] = {__VA_ARGS__};                                                                \
		for (size_t play_i = 0; play_i < sizeof play_lines / sizeof *play_lines; play_i++)                             \
			play_line(__FILE__, __LINE__, (fixture)->request, &play_lines[play_i]);                                    \
	} while (0)

#endif
