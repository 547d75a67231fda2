// SPDX-License-Identifier: Apache-2.0
// Each attempt is a request of its own over a pool of one model, which shares the real model's state. So putting a
// thousand models into a state costs as much for each as for one.
#include "lab/presets.h"

#include "route/quota.h"
#include "route/request.h"
#include "route/state.h"

enum {
	AN_HOUR_MS = 3600000,
	REST_MS = 30000,
	ATTEMPT_BYTES = 64 << 10,
	MEASURED_ATTEMPTS = 12,
	PACES = 5, // the models' latencies differ in so many steps
	IN_FLIGHT_MOST = 3,
	PACE_MS = 150,
};

// A pool of one model, and decisions that ask it and judge as they are told.
struct single {
	struct model model;
	struct pool pool;
	struct classification classification;
	struct decide decide;
	struct route route;
	struct request_attributes attributes;
	struct random_source random;
};

static void select_only(void *self, const struct route_request *request, struct candidates candidates,
                        struct random_source *random, struct selection *out) {
	(void)self;
	(void)request;
	(void)random;
	out->model = candidates.list[0];
}

static void classify_as_told(void *self, const struct failure *failure, const struct route_request *request,
                             const struct model *model, struct classification *out) {
	(void)failure;
	(void)request;
	(void)model;
	*out = ((struct single *)self)->classification;
}

// Sends one attempt to the model; NULL where the model doesn't admit it.
static struct route_request *send(const struct model *model, bool uses_quota,
                                  const struct classification *classification, struct arena *arena, uint64_t now_ms) {
	struct single *single = arena_alloc(arena, sizeof *single);
	struct route_request *request;
	if (!single)
		return NULL;
	*single = (struct single){.model = *model, .classification = *classification};
	single->model.index = 0;
	// What has to happen for a scenery takes no account of quotas, but for using one up.
	if (!uses_quota)
		single->model.quota = (struct quota){0};
	single->pool = (struct pool){
	    .models = &single->model, .count = 1, .limits = {.timeout_ms = model->timeout_ms, .ttft_ms = model->ttft_ms}};
	single->decide = (struct decide){.self = single, .select = select_only, .classify = classify_as_told};
	single->route = (struct route){.pool = &single->pool, .decide = &single->decide, .random = &single->random};
	single->attributes = (struct request_attributes){
	    .id = SLICE("scenery"), .operation = SLICE("Converse"), .asked = slice_from(model->id)};
	if (route_request_new(&single->route, &single->attributes, arena, now_ms, &request))
		return NULL;
	return route_begin(request, now_ms).kind == STEP_SEND ? request : NULL;
}

static void end(struct route_request *request, const struct attempt_result *result, uint64_t now_ms) {
	struct step step = route_attempt_ended(request, 0, result, now_ms);
	while (step.kind == STEP_CANCEL)
		step = route_next(request, now_ms);
}

// One attempt from its beginning to its end.
static void meet(const struct model *model, bool uses_quota, const struct attempt_result *result,
                 const struct classification *classification, uint64_t now_ms) {
	struct arena arena;
	arena_init(&arena, ATTEMPT_BYTES);
	struct route_request *request = send(model, uses_quota, classification, &arena, now_ms);
	if (request)
		end(request, result, now_ms + result->latency_ms);
	arena_free(&arena);
}

static const struct failure UNAVAILABLE = {.kind = FAILURE_HTTP,
                                           .status = 503,
                                           .name = {"ServiceUnavailableException", 27},
                                           .type = TYPE_MODEL_UNAVAILABLE,
                                           .fault = FAULT_MODEL,
                                           .retry_after_ms = -1};

static void open(const struct model *model, uint64_t now_ms) {
	struct attempt_result result = {.end = ATTEMPT_FAILED, .failure = UNAVAILABLE, .ttft_ms = -1};
	struct classification counts = {.verdict = VERDICT_FAIL, .outcome = OUTCOME_FAIL_FAST, .counts = true};
	for (uint64_t i = 0; i < model->breaker.failure_threshold; i++)
		meet(model, false, &result, &counts, now_ms);
}

static void start_cooldown(const struct model *model, uint64_t now_ms) {
	struct attempt_result result = {.end = ATTEMPT_FAILED, .failure = UNAVAILABLE, .ttft_ms = -1};
	struct classification rests = {
	    .verdict = VERDICT_FAIL, .outcome = OUTCOME_RATE_LIMIT, .throttle = true, .cooldown_ms = REST_MS};
	meet(model, false, &result, &rests, now_ms);
}

// A throttle although there is room means that others use the account too: what is left of its limit counts as theirs.
static void use_up(const struct model *model, uint64_t now_ms) {
	struct attempt_result result = {.end = ATTEMPT_FAILED, .failure = UNAVAILABLE, .ttft_ms = -1};
	struct classification fails = {.verdict = VERDICT_FAIL, .outcome = OUTCOME_RATE_LIMIT};
	result.failure.status = 429;
	result.failure.name = SLICE("ThrottlingException");
	result.failure.type = TYPE_THROTTLING;
	result.failure.fault = FAULT_THROTTLE;
	result.failure.shortage = model->quota.tokens_per_minute ? SHORTAGE_TOKENS : SHORTAGE_REQUESTS;
	meet(model, true, &result, &fails, now_ms);
}

// An attempt that stays in flight, until preset_clear.
struct preset_attempt {
	struct preset_attempt *next;
	struct route_request *request;
};

static void hold(struct route_request *request, struct arena *arena, struct preset_attempt **held) {
	struct preset_attempt *attempt = request ? arena_alloc(arena, sizeof *attempt) : NULL;
	if (!attempt)
		return;
	*attempt = (struct preset_attempt){*held, request};
	*held = attempt;
}

// Some answers, each model's at a pace of its own, and some attempts that stay in flight.
static void measure(const struct model *model, struct arena *arena, uint64_t now_ms, struct preset_attempt **held) {
	static const struct classification none = {.verdict = VERDICT_FAIL};
	for (uint64_t i = 0; i < MEASURED_ATTEMPTS; i++) {
		uint64_t latency_ms = PACE_MS * (1 + model->index % PACES) + 10 * i;
		struct attempt_result result = {.end = ATTEMPT_SUCCEEDED,
		                                .latency_ms = latency_ms,
		                                .ttft_ms = (int64_t)latency_ms / 3,
		                                .usage = {.input_tokens = 120, .output_tokens = 80}};
		meet(model, false, &result, &none, now_ms);
	}
	for (size_t i = 0; i < model->index % (IN_FLIGHT_MOST + 1); i++)
		hold(send(model, false, &none, arena, now_ms), arena, held);
}

struct cast {
	const struct pool *pool;
	struct slice asked;
	const struct model *first; // primary
	const struct model *last;
	size_t count, primaries;
};

static struct cast cast_of(const struct pool *pool, struct slice asked) {
	struct cast cast = {.pool = pool, .asked = asked};
	for (size_t i = 0; i < pool->count; i++) {
		const struct model *model = &pool->models[i];
		if (!model_serves(model, asked))
			continue;
		cast.count++;
		cast.last = model;
		if (model->fallback)
			continue;
		cast.primaries++;
		if (!cast.first)
			cast.first = model;
	}
	return cast;
}

static bool is_possible(const struct cast *cast, enum preset preset) {
	switch (preset) {
	case MODELS_NEW:
	case MODELS_MEASURED:
		return true;
	case FIRST_OPEN:
	case FIRST_HALF_OPEN:
	case FIRST_RESTS:
		return cast->first && cast->count > 1;
	case FIRST_SPENT:
		return cast->first && cast->count > 1 && quota_is_limited(&cast->first->quota);
	case PRIMARIES_OPEN:
		return cast->primaries > 0 && cast->primaries < cast->count;
	case LAST_LEFT:
		return cast->count > 2;
	case ALL_REST:
	case ALL_OPEN:
		return cast->count > 0;
	}
	return false;
}

// What becomes of one model in the scenery.
static void set_model(const struct cast *cast, const struct model *model, enum preset preset, struct arena *arena,
                      uint64_t now_ms, struct preset_attempt **held) {
	switch (preset) {
	case MODELS_NEW:
		break;
	case MODELS_MEASURED:
		measure(model, arena, now_ms, held);
		break;
	case FIRST_OPEN:
	case FIRST_HALF_OPEN:
		if (model == cast->first)
			open(model, now_ms);
		break;
	case FIRST_RESTS:
		if (model == cast->first)
			start_cooldown(model, now_ms);
		break;
	case FIRST_SPENT:
		if (model == cast->first)
			use_up(model, now_ms);
		break;
	case PRIMARIES_OPEN:
		if (!model->fallback)
			open(model, now_ms);
		break;
	case LAST_LEFT:
		if (model != cast->last)
			open(model, now_ms);
		break;
	case ALL_REST:
		start_cooldown(model, now_ms);
		break;
	case ALL_OPEN:
		open(model, now_ms);
		break;
	}
}

bool preset_set(const struct pool *pool, enum preset preset, struct slice asked, struct arena *arena, uint64_t *now_ms,
                struct preset_attempt **held) {
	struct cast cast = cast_of(pool, asked);
	if (!is_possible(&cast, preset))
		return false;
	*now_ms += AN_HOUR_MS;
	for (size_t i = 0; i < pool->count; i++)
		model_state_reset_breaker(pool->models[i].state, *now_ms);
	for (size_t i = 0; i < pool->count; i++)
		if (model_serves(&pool->models[i], asked))
			set_model(&cast, &pool->models[i], preset, arena, *now_ms, held);
	if (preset == MODELS_MEASURED)
		*now_ms += PACE_MS * (PACES + 1);
	if (preset == FIRST_HALF_OPEN)
		*now_ms += cast.first->breaker.recovery_time_ms;
	return true;
}

void preset_clear(struct preset_attempt *held, uint64_t now_ms) {
	static const struct attempt_result cancelled = {.end = ATTEMPT_CANCELLED, .ttft_ms = -1};
	for (; held; held = held->next)
		end(held->request, &cancelled, now_ms);
}
