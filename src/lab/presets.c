// SPDX-License-Identifier: Apache-2.0
// Each attempt is a request of its own over a pool of one model, which shares the real model's state. The cost of a
// model's preset thus doesn't depend on the number of models.
#include "lab/presets.h"

#include "lab/samples.h"
#include "route/quota.h"
#include "route/request.h"
#include "route/state.h"

enum {
	HOUR_MS = 3600000,
	COOLDOWN_MS = 30000,
	ATTEMPT_BYTES = 64 << 10,
	MEASURED_ATTEMPTS = 12,
	PACES = 5, // different latencies
	PACE_MS = 150,
	IN_FLIGHT_MAX = 3,
};

// A pool of one model, with decisions that select it and return a given classification.
struct single {
	struct model model;
	struct pool pool;
	struct classification classification;
	struct decide decide;
	struct route route;
	struct request_attributes attributes;
	struct random_source random;
};

static void select_single(void *self, const struct route_request *request, struct candidates candidates,
                          struct random_source *random, struct selection *out) {
	(void)self;
	(void)request;
	(void)random;
	out->model = candidates.list[0];
}

static void classify_as_given(void *self, const struct failure *failure, const struct route_request *request,
                              const struct model *model, struct classification *out) {
	(void)failure;
	(void)request;
	(void)model;
	*out = ((struct single *)self)->classification;
}

// Sends one attempt to the model; NULL if the model doesn't admit it.
static struct route_request *send_attempt(const struct model *model, bool uses_quota,
                                          const struct classification *classification, struct arena *arena,
                                          uint64_t now_ms) {
	struct single *single = arena_alloc(arena, sizeof *single);
	struct route_request *request;
	if (!single)
		return NULL;
	*single = (struct single){.model = *model, .classification = *classification};
	single->model.index = 0;
	// A quota must not keep the attempts from the model, unless the preset is to use it up.
	if (!uses_quota)
		single->model.quota = (struct quota){0};
	single->pool = (struct pool){
	    .models = &single->model, .count = 1, .limits = {.timeout_ms = model->timeout_ms, .ttft_ms = model->ttft_ms}};
	single->decide = (struct decide){.self = single, .select = select_single, .classify = classify_as_given};
	single->route = (struct route){.pool = &single->pool, .decide = &single->decide, .random = &single->random};
	single->attributes = (struct request_attributes){
	    .id = SLICE("preset"), .operation = SLICE("Converse"), .asked = slice_from(model->id)};
	if (route_request_new(&single->route, &single->attributes, arena, now_ms, &request))
		return NULL;
	return route_begin(request, now_ms).kind == STEP_SEND ? request : NULL;
}

static void end_attempt(struct route_request *request, const struct attempt_result *result, uint64_t now_ms) {
	struct step step = route_attempt_ended(request, 0, result, now_ms);
	while (step.kind == STEP_CANCEL)
		step = route_next(request, now_ms);
}

// Sends one attempt and ends it.
static void run_attempt(const struct model *model, bool uses_quota, const struct attempt_result *result,
                        const struct classification *classification, uint64_t now_ms) {
	struct arena arena;
	arena_init(&arena, ATTEMPT_BYTES);
	struct route_request *request = send_attempt(model, uses_quota, classification, &arena, now_ms);
	if (request)
		end_attempt(request, result, now_ms + result->latency_ms);
	arena_free(&arena);
}

static const struct failure UNAVAILABLE = {.kind = FAILURE_HTTP,
                                           .status = 503,
                                           .name = {"ServiceUnavailableException", 27},
                                           .type = TYPE_MODEL_UNAVAILABLE,
                                           .fault = FAULT_MODEL,
                                           .retry_after_ms = -1};

static void open_breaker(const struct model *model, uint64_t now_ms) {
	struct attempt_result result = {.end = ATTEMPT_FAILED, .failure = UNAVAILABLE, .ttft_ms = -1};
	struct classification counts = {.verdict = VERDICT_FAIL, .outcome = OUTCOME_FAIL_FAST, .counts = true};
	for (uint64_t i = 0; i < model->breaker.failure_threshold; i++)
		run_attempt(model, false, &result, &counts, now_ms);
}

static void start_cooldown(const struct model *model, uint64_t now_ms) {
	struct attempt_result result = {.end = ATTEMPT_FAILED, .failure = UNAVAILABLE, .ttft_ms = -1};
	struct classification cools = {
	    .verdict = VERDICT_FAIL, .outcome = OUTCOME_RATE_LIMIT, .throttle = true, .cooldown_ms = COOLDOWN_MS};
	run_attempt(model, false, &result, &cools, now_ms);
}

// A throttle while the quota has room left means that other clients use the account too: routing counts the rest of the
// limit as theirs.
static void use_up_quota(const struct model *model, uint64_t now_ms) {
	struct attempt_result result = {.end = ATTEMPT_FAILED, .failure = UNAVAILABLE, .ttft_ms = -1};
	struct classification fails = {.verdict = VERDICT_FAIL, .outcome = OUTCOME_RATE_LIMIT};
	result.failure.status = 429;
	result.failure.name = SLICE("ThrottlingException");
	result.failure.type = TYPE_THROTTLING;
	result.failure.fault = FAULT_THROTTLE;
	result.failure.shortage = model->quota.tokens_per_minute ? SHORTAGE_TOKENS : SHORTAGE_REQUESTS;
	run_attempt(model, true, &result, &fails, now_ms);
}

// An attempt that stays in flight until preset_clear.
struct preset_attempt {
	struct preset_attempt *next;
	struct route_request *request;
};

static void hold_attempt(struct route_request *request, struct arena *arena, struct preset_attempt **held) {
	struct preset_attempt *attempt = request ? arena_alloc(arena, sizeof *attempt) : NULL;
	if (!attempt)
		return;
	*attempt = (struct preset_attempt){*held, request};
	*held = attempt;
}

// Some responses, with a latency that depends on the model, and some attempts that stay in flight.
static void measure_model(const struct model *model, struct arena *arena, uint64_t now_ms,
                          struct preset_attempt **held) {
	static const struct classification none = {.verdict = VERDICT_FAIL};
	for (uint64_t i = 0; i < MEASURED_ATTEMPTS; i++) {
		uint64_t latency_ms = PACE_MS * (1 + model->index % PACES) + 10 * i;
		struct attempt_result result = {.end = ATTEMPT_SUCCEEDED,
		                                .latency_ms = latency_ms,
		                                .ttft_ms = (int64_t)latency_ms / 3,
		                                .usage = SAMPLE_USAGE};
		run_attempt(model, false, &result, &none, now_ms);
	}
	for (size_t i = 0; i < model->index % (IN_FLIGHT_MAX + 1); i++)
		hold_attempt(send_attempt(model, false, &none, arena, now_ms), arena, held);
}

// Of the models that serve a name, those that presets refer to.
struct roles {
	const struct model *first; // primary; NULL: none
	const struct model *last;
	size_t count, primaries;
};

static struct roles find_roles(const struct pool *pool, struct slice asked) {
	struct roles roles = {0};
	for (size_t i = 0; i < pool->count; i++) {
		const struct model *model = &pool->models[i];
		if (!model_serves(model, asked))
			continue;
		roles.count++;
		roles.last = model;
		if (model->fallback)
			continue;
		roles.primaries++;
		if (!roles.first)
			roles.first = model;
	}
	return roles;
}

static bool is_possible(const struct roles *roles, enum preset preset) {
	switch (preset) {
	case MODELS_NEW:
	case MODELS_MEASURED:
		return true;
	case FIRST_OPEN:
	case FIRST_HALF_OPEN:
	case FIRST_IN_COOLDOWN:
		return roles->first && roles->count > 1;
	case FIRST_QUOTA_USED:
		return roles->first && roles->count > 1 && quota_is_limited(&roles->first->quota);
	case PRIMARIES_OPEN:
		return roles->primaries > 0 && roles->primaries < roles->count;
	case LAST_LEFT:
		return roles->count > 2;
	case ALL_IN_COOLDOWN:
	case ALL_OPEN:
		return roles->count > 0;
	}
	return false;
}

// Brings one model into its state of the preset.
static void set_model(const struct roles *roles, const struct model *model, enum preset preset, struct arena *arena,
                      uint64_t now_ms, struct preset_attempt **held) {
	switch (preset) {
	case MODELS_NEW:
		break;
	case MODELS_MEASURED:
		measure_model(model, arena, now_ms, held);
		break;
	case FIRST_OPEN:
	case FIRST_HALF_OPEN:
		if (model == roles->first)
			open_breaker(model, now_ms);
		break;
	case FIRST_IN_COOLDOWN:
		if (model == roles->first)
			start_cooldown(model, now_ms);
		break;
	case FIRST_QUOTA_USED:
		if (model == roles->first)
			use_up_quota(model, now_ms);
		break;
	case PRIMARIES_OPEN:
		if (!model->fallback)
			open_breaker(model, now_ms);
		break;
	case LAST_LEFT:
		if (model != roles->last)
			open_breaker(model, now_ms);
		break;
	case ALL_IN_COOLDOWN:
		start_cooldown(model, now_ms);
		break;
	case ALL_OPEN:
		open_breaker(model, now_ms);
		break;
	}
}

bool preset_set(const struct pool *pool, enum preset preset, struct slice asked, struct arena *arena, uint64_t *now_ms,
                struct preset_attempt **held) {
	struct roles roles = find_roles(pool, asked);
	if (!is_possible(&roles, preset))
		return false;
	*now_ms += HOUR_MS;
	for (size_t i = 0; i < pool->count; i++)
		model_state_reset_breaker(pool->models[i].state, *now_ms);
	for (size_t i = 0; i < pool->count; i++)
		if (model_serves(&pool->models[i], asked))
			set_model(&roles, &pool->models[i], preset, arena, *now_ms, held);
	if (preset == MODELS_MEASURED)
		*now_ms += PACE_MS * (PACES + 1);
	if (preset == FIRST_HALF_OPEN)
		*now_ms += roles.first->breaker.recovery_time_ms;
	return true;
}

void preset_clear(struct preset_attempt *held, uint64_t now_ms) {
	static const struct attempt_result cancelled = {.end = ATTEMPT_CANCELLED, .ttft_ms = -1};
	for (; held; held = held->next)
		end_attempt(held->request, &cancelled, now_ms);
}
