// SPDX-License-Identifier: Apache-2.0
// What an attempt sends other than the client did: what is written, what is told of an edit that can't be made, and
// that nothing is kept of the memory.
#include "mux/request_edits.h"

#include "../check.h"
#include "base/error.h"
#include "base/log.h"
#include "mux/request_attributes.h"
#include "route/model_state.h"
#include "route/tier.h"

enum { ARENA_BYTES = 1 << 20, EVENTS = 8 };

struct stage {
	struct mux mux;
	struct observers observers;
	struct mux_worker worker;
	struct memory_meter meter;
	struct model model;
	struct pool pool;
	struct registry *registry;
	struct decide decide;
	struct route route;
	struct random_source random;
	struct mux_call call;
	struct header client[2];
	struct request_attributes attributes;
	struct arena arena;
	struct attempt_options selected; // options of the selection
	struct edits edits;              // that prepare makes
	struct step step;
	char told[EVENTS][200];
	int told_count;
	struct route_request *routing;
	struct request_edits *made;
};

static void observe(void *owner, const struct event *event) {
	struct stage *stage = owner;
	CHECK_SLICE(event->request->id, SLICE("r-1"));
	CHECK(event->model == &stage->model);
	if (stage->told_count < EVENTS)
		snprintf(stage->told[stage->told_count++], sizeof stage->told[0], "%s: %s left out: %s", event->error.hook,
		         event->error.edit, event->error.reason);
}

static void select_only(void *self, const struct route_request *request, struct candidates candidates,
                        struct random_source *random, struct selection *out) {
	(void)request;
	(void)random;
	struct stage *stage = self;
	*out = (struct selection){.model = candidates.list[0], .options = stage->selected};
}

static void prepare(void *self, const struct route_request *request, const struct model *model, struct edits *out) {
	(void)request;
	(void)model;
	*out = ((struct stage *)self)->edits;
}

static void stage_open(struct stage *stage) {
	static char name[] = "nova";
	*stage = (struct stage){.registry = registry_new()};
	memory_meter_init(&stage->meter, 1 << 20);
	stage->mux.settings.memory = &stage->meter;
	observers_add(&stage->observers, (struct observer){observe, stage, event_bit(EVENT_POLICY_ERROR)});
	stage->mux.settings.observers = &stage->observers;
	stage->worker.mux = &stage->mux;
	stage->worker.loop = loop_new();
	stage->model = (struct model){.id = name, .name = name, .weight = 1};
	stage->model.state = registry_retain(stage->registry, &stage->model);
	stage->pool = (struct pool){.models = &stage->model, .count = 1, .limits.max_retries = 1, .has_tiers = true};
	stage->decide = default_decide;
	stage->decide.self = stage;
	stage->decide.select = select_only;
	stage->route = (struct route){.pool = &stage->pool, .decide = &stage->decide, .random = &stage->random};
	arena_init(&stage->arena, ARENA_BYTES);
	stage->call = (struct mux_call){.request_id = SLICE("r-1"),
	                                .operation = OPERATION_CONVERSE,
	                                .model = SLICE("nova"),
	                                .body = SLICE("{\"a\":1}")};
	stage->call.headers.list = stage->client;
}

// The request ends, and what was made for its attempt goes.
static void stage_end(struct stage *stage) {
	struct attempt_result result = {.end = ATTEMPT_CANCELLED, .ttft_ms = -1};
	if (stage->made)
		request_edits_free(stage->made);
	stage->made = NULL;
	if (stage->routing)
		route_attempt_ended(stage->routing, stage->step.attempt, &result, 0);
	stage->routing = NULL;
}

// A request of which one attempt is to be sent.
static void stage_begin(struct stage *stage) {
	stage_end(stage);
	request_attributes_fill(&stage->call, &stage->pool, &stage->attributes);
	CHECK_INT(route_request_new(&stage->route, &stage->attributes, &stage->arena, 0, &stage->routing), 0);
	stage->step = route_begin(stage->routing, 0);
	CHECK_INT(stage->step.kind, STEP_SEND);
}

static void stage_close(struct stage *stage) {
	stage_end(stage);
	CHECK_INT(memory_meter_held(&stage->meter), 0);
	arena_free(&stage->arena);
	model_state_release(stage->model.state);
	registry_free(stage->registry);
	loop_close(stage->worker.loop);
}

// The attempt is throttled, and made again at the next tier.
static void stage_escalate(struct stage *stage, enum service_tier tier) {
	const struct attempt_result throttled = {
	    .end = ATTEMPT_FAILED, .ttft_ms = -1, .failure = {.status = 429, .fault = FAULT_THROTTLE}};
	stage->pool.limits.tier_escalation = (struct tier_ladder){{tier}, 1};
	stage->step = route_attempt_ended(stage->routing, 0, &throttled, 0);
	CHECK(stage->step.kind == STEP_SEND && stage->step.options.is_escalated);
}

static int make(struct stage *stage) {
	struct request_edits_order order = {
	    .worker = &stage->worker,
	    .call = &stage->call,
	    .routing = stage->routing,
	    .step = &stage->step,
	    .arena = &stage->arena,
	};
	return request_edits_make(&order, &stage->made);
}

static int begin_and_make(struct stage *stage) {
	stage_begin(stage);
	return make(stage);
}

static struct slice body_of(const struct stage *stage) {
	bool has_body = stage->made && stage->made->has_body;
	return has_body ? buffer_slice(&stage->made->body) : (struct slice){0};
}

static struct slice header_of(const struct stage *stage, const char *name) {
	const struct slice *value = NULL;
	if (stage->made)
		value = headers_find(stage->made->headers, slice_from(name));
	return value ? *value : SLICE("(none)");
}

TEST(does_nothing_unasked) {
	struct stage stage;
	stage_open(&stage);
	stage.decide.prepare = prepare;
	stage_begin(&stage);
	size_t used_bytes = stage.arena.used_bytes;
	CHECK_INT(make(&stage), 0);
	CHECK(!stage.made);
	CHECK_INT(stage.arena.used_bytes, used_bytes);
	CHECK_INT(memory_meter_held(&stage.meter), 0);
	stage_close(&stage);
}

// Who says what of the tier: routing (the selection's or the model's), an escalation, prepare, the client.
TEST(settles_the_tier) {
	static const struct {
		enum service_tier selected, prepared, escalated;
		const char *body, *sent; // NULL: as it was
	} rows[] = {
	    {TIER_PRIORITY, TIER_NONE, TIER_NONE, "{\"a\":1}", "{\"serviceTier\":{\"type\":\"priority\"},\"a\":1}"},
	    {TIER_NONE, TIER_FLEX, TIER_NONE, "{\"a\":1}", "{\"serviceTier\":{\"type\":\"flex\"},\"a\":1}"},
	    {TIER_PRIORITY, TIER_FLEX, TIER_NONE, "{}", "{\"serviceTier\":{\"type\":\"flex\"}}"},
	    {TIER_NONE, TIER_FLEX, TIER_PRIORITY, "{}", "{\"serviceTier\":{\"type\":\"priority\"}}"},
	    {TIER_NONE, TIER_NONE, TIER_PRIORITY, "{\"serviceTier\":{\"type\":\"flex\"}}",
	     "{\"serviceTier\":{\"type\":\"priority\"}}"},
	    {TIER_NONE, TIER_NONE, TIER_NONE, "{\"serviceTier\":{\"type\":\"flex\"}}", NULL},
	    {TIER_NONE, TIER_FLEX, TIER_NONE, "{\"serviceTier\" : {\"type\":\"flex\"}}", NULL},
	};
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct stage stage;
		stage_open(&stage);
		stage.call.body = slice_from(rows[i].body);
		stage.selected.tier = rows[i].selected;
		stage.decide.prepare = prepare;
		stage.edits.tier = rows[i].prepared;
		stage_begin(&stage);
		if (rows[i].escalated)
			stage_escalate(&stage, rows[i].escalated);
		CHECK_INT(make(&stage), 0);
		CHECK_SLICE(body_of(&stage), slice_from(rows[i].sent));
		CHECK_INT(stage.told_count, 0);
		CHECK_INT(memory_meter_held(&stage.meter) > 0, rows[i].sent != NULL);
		stage_close(&stage);
	}
}

TEST(carries_headers) {
	struct stage stage;
	stage_open(&stage);
	const struct header wished[] = {{SLICE("x-wished"), SLICE("by select")}, {SLICE("X-Both"), SLICE("by select")}};
	const struct header edited[] = {{SLICE("x-both"), SLICE("by prepare")}, {SLICE("x-empty"), {0}}};
	stage.selected.headers = (struct headers){wished, 2};
	stage.edits.headers = (struct headers){edited, 2};
	stage.edits.guardrail_identifier = SLICE("gr");
	stage.edits.guardrail_version = SLICE("1");
	stage.decide.prepare = prepare;
	stage.call.operation = OPERATION_INVOKE_MODEL;
	stage.selected.tier = TIER_FLEX;
	CHECK_INT(begin_and_make(&stage), 0);
	CHECK(!stage.made->has_body);
	CHECK_INT(stage.made->headers.count, 7);
	CHECK_SLICE(header_of(&stage, "x-wished"), SLICE("by select"));
	CHECK_SLICE(header_of(&stage, "x-both"), SLICE("by prepare"));
	CHECK(header_of(&stage, "x-empty").ptr && header_of(&stage, "x-empty").len == 0);
	CHECK_SLICE(header_of(&stage, "x-amzn-bedrock-service-tier"), SLICE("flex"));
	CHECK_SLICE(header_of(&stage, "x-amzn-bedrock-guardrailidentifier"), SLICE("gr"));
	CHECK(header_of(&stage, "x-amzn-bedrock-trace").ptr == NULL);
	stage_close(&stage);
}

// What spoils one edit spares the others.
TEST(tells_what_it_leaves_out) {
	static const struct {
		const char *body, *coding;
		const char *sent; // NULL: nothing could be edited
		const char *told[3];
	} rows[] = {
	    {"not JSON",
	     NULL,
	     NULL,
	     {"prepare: guardrail left out: the body is no JSON object",
	      "prepare: service_tier left out: the body is no JSON object",
	      "prepare: max_tokens left out: the body is no JSON object"}},
	    {"{}",
	     "gzip",
	     NULL,
	     {"prepare: guardrail left out: the body is compressed",
	      "prepare: service_tier left out: the body is compressed",
	      "prepare: max_tokens left out: the body is compressed"}},
	    {"{\"serviceTier\":1,\"serviceTier\":1,\"inferenceConfig\":[]}",
	     "identity",
	     "{\"guardrailConfig\":{\"guardrailIdentifier\":\"g\",\"guardrailVersion\":\"1\"},"
	     "\"serviceTier\":1,\"serviceTier\":1,\"inferenceConfig\":[]}",
	     {"prepare: service_tier left out: the body's \"serviceTier\" is there more than once",
	      "prepare: max_tokens left out: the body's \"inferenceConfig\" is no object"}},
	    {"{\"guardrailConfig\":1,\"guardrail\\u0043onfig\":1}",
	     NULL,
	     "{\"inferenceConfig\":{\"maxTokens\":5},\"serviceTier\":{\"type\":\"flex\"},"
	     "\"guardrailConfig\":1,\"guardrail\\u0043onfig\":1}",
	     {"prepare: guardrail left out: the body's \"guardrailConfig\" is there more than once"}},
	};
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct stage stage;
		stage_open(&stage);
		stage.call.body = slice_from(rows[i].body);
		stage.client[0] = (struct header){SLICE("Content-Encoding"), slice_from(rows[i].coding)};
		stage.call.headers.count = rows[i].coding ? 1 : 0;
		stage.decide.prepare = prepare;
		stage.edits = (struct edits){
		    .tier = TIER_FLEX, .guardrail_identifier = SLICE("g"), .guardrail_version = SLICE("1"), .max_tokens = 5};
		CHECK_INT(begin_and_make(&stage), 0);
		CHECK_SLICE(body_of(&stage), slice_from(rows[i].sent));
		int expected = 0;
		for (; expected < 3 && rows[i].told[expected]; expected++)
			CHECK_STRING(stage.told[expected], rows[i].told[expected]);
		CHECK_INT(stage.told_count, expected);
		stage_close(&stage);
	}
}

TEST(tells_of_tiers_that_prepare_has_no_part_in) {
	struct stage stage;
	stage_open(&stage);
	stage.call.body = SLICE("[]");
	stage.selected.tier = TIER_FLEX;
	CHECK_INT(begin_and_make(&stage), 0);
	CHECK(!stage.made);
	CHECK_INT(stage.told_count, 1);
	CHECK_STRING(stage.told[0], "tier: service_tier left out: the body is no JSON object");
	// Also where it has edits of its own.
	stage.decide.prepare = prepare;
	stage.edits = (struct edits){.max_tokens = 5};
	CHECK_INT(begin_and_make(&stage), 0);
	CHECK_INT(stage.told_count, 3);
	CHECK_STRING(stage.told[1], "tier: service_tier left out: the body is no JSON object");
	CHECK_STRING(stage.told[2], "prepare: max_tokens left out: the body is no JSON object");
	stage_close(&stage);
}

// Nothing is learnt of a tier that nobody was asked for.
TEST(a_tier_that_is_left_out_is_not_the_attempts) {
	const struct attempt_result answered = {.end = ATTEMPT_SUCCEEDED, .ttft_ms = -1};
	for (int is_written = 0; is_written < 2; is_written++) {
		struct stage stage;
		stage_open(&stage);
		stage.call.body = is_written ? SLICE("{}") : SLICE("[]");
		stage.decide.prepare = prepare;
		stage.edits.tier = TIER_FLEX;
		CHECK_INT(begin_and_make(&stage), 0);
		CHECK_INT(route_attempt_ended(stage.routing, 0, &answered, 0).kind, STEP_RETURN);
		stage.routing = NULL;
		CHECK_INT(stage.model.state->served_tiers, is_written ? tier_bit(TIER_FLEX) : 0);
		stage_close(&stage);
	}
}

TEST(leaves_count_tokens_alone) {
	struct stage stage;
	stage_open(&stage);
	stage.call.operation = OPERATION_COUNT_TOKENS;
	stage.call.body = SLICE("not JSON");
	stage.selected.tier = TIER_FLEX;
	CHECK_INT(begin_and_make(&stage), 0);
	CHECK(!stage.made);
	CHECK_INT(stage.told_count, 0);
	stage_close(&stage);
}

// However little room there is: it is told so, or gives what fits, and nothing leaks.
TEST(stands_a_full_arena) {
	const struct header wished[] = {{SLICE("x-wished"), SLICE("a value of some length")}};
	int full = 0, made = 0;
	for (size_t room = 0; room < 2048; room += 16) {
		struct stage stage;
		stage_open(&stage);
		stage.selected.tier = TIER_FLEX;
		stage.selected.headers = (struct headers){wished, 1};
		stage_begin(&stage);
		stage.arena.limit_bytes = stage.arena.used_bytes + room;
		int status = make(&stage);
		CHECK(status == 0 || status == ERROR_MEMORY);
		CHECK((status == 0) == (stage.made != NULL));
		full += status != 0;
		made += status == 0;
		stage_close(&stage);
	}
	CHECK(full > 0 && made > 0);
}

int main(void) {
	log_configure(LOG_OFF, LOG_TEXT);
	RUN(does_nothing_unasked);
	RUN(settles_the_tier);
	RUN(carries_headers);
	RUN(tells_what_it_leaves_out);
	RUN(tells_of_tiers_that_prepare_has_no_part_in);
	RUN(a_tier_that_is_left_out_is_not_the_attempts);
	RUN(leaves_count_tokens_alone);
	RUN(stands_a_full_arena);
	return check_summary();
}
