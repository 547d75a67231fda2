// SPDX-License-Identifier: Apache-2.0
// The edits of an attempt's request: what is written, which requests are refused, what is reported of an edit that
// can't be made, and that no memory leaks.
#include "mux/request_edits.h"

#include "../check.h"
#include "base/error.h"
#include "base/log.h"
#include "mux/request_attributes.h"
#include "route/model_state.h"
#include "route/tier.h"

enum { ARENA_BYTES = 1 << 20, EVENTS = 8 };

struct fixture {
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
	struct request_body body;
	struct request_attributes attributes;
	struct slice refusal;
	struct arena arena;
	struct attempt_options selected; // returned by select
	struct edits edits;              // returned by prepare
	struct step step;
	char reported[EVENTS][200];
	int reported_count;
	struct route_request *routing;
	struct request_edits *made;
};

static void observe(void *owner, const struct event *event) {
	struct fixture *fixture = owner;
	CHECK_SLICE(event->request->id, SLICE("r-1"));
	CHECK(event->model == &fixture->model);
	if (fixture->reported_count < EVENTS)
		snprintf(fixture->reported[fixture->reported_count++], sizeof fixture->reported[0], "%s: %s: %s",
		         event->error.hook, event->error.edit, event->error.reason);
}

static void select_only(void *self, const struct route_request *request, struct candidates candidates,
                        struct random_source *random, struct selection *out) {
	(void)request;
	(void)random;
	struct fixture *fixture = self;
	*out = (struct selection){.model = candidates.list[0], .options = fixture->selected};
}

static void prepare(void *self, const struct route_request *request, const struct model *model, struct edits *out) {
	(void)request;
	(void)model;
	*out = ((struct fixture *)self)->edits;
}

static void fixture_open(struct fixture *fixture) {
	static char name[] = "nova";
	*fixture = (struct fixture){.registry = registry_new()};
	memory_meter_init(&fixture->meter, 1 << 20);
	fixture->mux.settings.memory = &fixture->meter;
	observers_add(&fixture->observers, (struct observer){observe, fixture, event_bit(EVENT_POLICY_ERROR)});
	fixture->mux.settings.observers = &fixture->observers;
	fixture->worker.mux = &fixture->mux;
	fixture->worker.loop = loop_new();
	fixture->model = (struct model){.id = name, .name = name, .weight = 1};
	fixture->model.state = registry_retain(fixture->registry, &fixture->model);
	fixture->pool = (struct pool){.models = &fixture->model, .count = 1, .limits.max_retries = 1, .has_tiers = true};
	fixture->decide = default_decide;
	fixture->decide.self = fixture;
	fixture->decide.select = select_only;
	fixture->route = (struct route){.pool = &fixture->pool, .decide = &fixture->decide, .random = &fixture->random};
	arena_init(&fixture->arena, ARENA_BYTES);
	fixture->call = (struct mux_call){.request_id = SLICE("r-1"),
	                                  .operation = OPERATION_CONVERSE,
	                                  .model = SLICE("nova"),
	                                  .body = SLICE("{\"a\":1}")};
	fixture->call.headers.list = fixture->client;
}

// Ends the request and frees its edits.
static void fixture_end(struct fixture *fixture) {
	struct attempt_result result = {.end = ATTEMPT_CANCELLED, .ttft_ms = -1};
	if (fixture->made)
		request_edits_free(fixture->made);
	fixture->made = NULL;
	if (fixture->routing)
		route_attempt_ended(fixture->routing, fixture->step.attempt, &result, 0);
	fixture->routing = NULL;
}

// Begins a request whose first attempt is to be sent.
static void fixture_begin(struct fixture *fixture) {
	fixture_end(fixture);
	request_body_init(&fixture->body, fixture->call.body, fixture->call.headers, &fixture->arena);
	request_attributes_init(&fixture->call, &fixture->body, &fixture->attributes);
	request_attributes_fill(&fixture->call, &fixture->pool, &fixture->body, &fixture->attributes);
	CHECK_INT(route_request_new(&fixture->route, &fixture->attributes, &fixture->arena, 0, &fixture->routing), 0);
	fixture->step = route_begin(fixture->routing, 0);
	CHECK_INT(fixture->step.kind, STEP_SEND);
}

static void fixture_close(struct fixture *fixture) {
	fixture_end(fixture);
	CHECK_INT(memory_meter_held(&fixture->meter), 0);
	arena_free(&fixture->arena);
	model_state_release(fixture->model.state);
	registry_free(fixture->registry);
	loop_close(fixture->worker.loop);
}

// Throttles the attempt, so that the next one is at the next tier.
static void fixture_escalate(struct fixture *fixture, enum service_tier tier) {
	const struct attempt_result throttled = {
	    .end = ATTEMPT_FAILED, .ttft_ms = -1, .failure = {.status = 429, .fault = FAULT_THROTTLE}};
	fixture->pool.limits.tier_escalation = (struct tier_ladder){{tier}, 1};
	fixture->step = route_attempt_ended(fixture->routing, 0, &throttled, 0);
	CHECK(fixture->step.kind == STEP_SEND && fixture->step.options.is_escalated);
}

static int make(struct fixture *fixture) {
	struct request_edits_order order = {
	    .worker = &fixture->worker,
	    .call = &fixture->call,
	    .body = &fixture->body,
	    .routing = fixture->routing,
	    .step = &fixture->step,
	    .arena = &fixture->arena,
	    .refusal = &fixture->refusal,
	};
	return request_edits_make(&order, &fixture->made);
}

static int begin_and_make(struct fixture *fixture) {
	fixture_begin(fixture);
	return make(fixture);
}

static struct slice body_of(const struct fixture *fixture) {
	bool has_body = fixture->made && fixture->made->has_body;
	return has_body ? buffer_slice(&fixture->made->body) : (struct slice){0};
}

static struct slice header_of(const struct fixture *fixture, const char *name) {
	const struct slice *value = NULL;
	if (fixture->made)
		value = headers_find(fixture->made->headers, slice_from(name));
	return value ? *value : SLICE("(none)");
}

TEST(makes_nothing_without_edits) {
	struct fixture fixture;
	fixture_open(&fixture);
	fixture.decide.prepare = prepare;
	fixture_begin(&fixture);
	size_t used_bytes = fixture.arena.used_bytes;
	CHECK_INT(make(&fixture), 0);
	CHECK(!fixture.made);
	CHECK_INT(fixture.arena.used_bytes, used_bytes);
	CHECK_INT(memory_meter_held(&fixture.meter), 0);
	fixture_close(&fixture);
}

// The tier may come from routing (the selection's or the model's), an escalation, prepare, or the client.
TEST(chooses_the_tier) {
	static const struct {
		enum service_tier selected, prepared, escalated;
		const char *body, *sent; // NULL: unchanged
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
		struct fixture fixture;
		fixture_open(&fixture);
		fixture.call.body = slice_from(rows[i].body);
		fixture.selected.tier = rows[i].selected;
		fixture.decide.prepare = prepare;
		fixture.edits.tier = rows[i].prepared;
		fixture_begin(&fixture);
		if (rows[i].escalated)
			fixture_escalate(&fixture, rows[i].escalated);
		CHECK_INT(make(&fixture), 0);
		CHECK_SLICE(body_of(&fixture), slice_from(rows[i].sent));
		CHECK_INT(fixture.reported_count, 0);
		CHECK_INT(memory_meter_held(&fixture.meter) > 0, rows[i].sent != NULL);
		fixture_close(&fixture);
	}
}

TEST(sets_headers) {
	struct fixture fixture;
	fixture_open(&fixture);
	const struct header wished[] = {{SLICE("x-wished"), SLICE("by select")}, {SLICE("X-Both"), SLICE("by select")}};
	const struct header edited[] = {{SLICE("x-both"), SLICE("by prepare")}, {SLICE("x-empty"), {0}}};
	fixture.selected.headers = (struct headers){wished, 2};
	fixture.edits.headers = (struct headers){edited, 2};
	fixture.edits.guardrail_identifier = SLICE("gr");
	fixture.edits.guardrail_version = SLICE("1");
	fixture.decide.prepare = prepare;
	fixture.call.operation = OPERATION_INVOKE_MODEL;
	fixture.selected.tier = TIER_FLEX;
	CHECK_INT(begin_and_make(&fixture), 0);
	CHECK(!fixture.made->has_body);
	CHECK_INT(fixture.made->headers.count, 7);
	CHECK_SLICE(header_of(&fixture, "x-wished"), SLICE("by select"));
	CHECK_SLICE(header_of(&fixture, "x-both"), SLICE("by prepare"));
	CHECK(header_of(&fixture, "x-empty").ptr && header_of(&fixture, "x-empty").len == 0);
	CHECK_SLICE(header_of(&fixture, "x-amzn-bedrock-service-tier"), SLICE("flex"));
	CHECK_SLICE(header_of(&fixture, "x-amzn-bedrock-guardrailidentifier"), SLICE("gr"));
	CHECK(header_of(&fixture, "x-amzn-bedrock-trace").ptr == NULL);
	fixture_close(&fixture);
}

static const struct edits GUARDED = {.guardrail_identifier = {"g", 1}, .guardrail_version = {"1", 1}};
static const struct edits PARTIAL = {
    .guardrail_identifier = {"g", 1}, .guardrail_version = {"1", 1}, .is_partial = true};
static const struct edits LIMITED = {.max_tokens = 5};
static const struct edits TIERED = {.tier = TIER_FLEX};
static const struct edits TIER_REQUIRED = {.tier = TIER_FLEX, .is_required = true};

// A guardrail, a token limit and a required tier are written, or the request is refused; so is every request whose body
// others may read differently.
TEST(refuses_what_it_cannot_edit) {
	static const struct {
		enum operation operation;
		const struct edits *edits;
		const char *body, *coding;
		const char *refusal, *edit; // NULL: the tier is left out
	} rows[] = {
	    {OPERATION_CONVERSE, &GUARDED, "not JSON", NULL, "The body is not valid JSON, at offset 0.", "guardrail"},
	    {OPERATION_CONVERSE, &GUARDED, "[]", NULL, "The body is no JSON object.", "guardrail"},
	    {OPERATION_CONVERSE_STREAM, &GUARDED, "{}", "gzip", "The body has to be UTF-8 without a content-encoding.",
	     "guardrail"},
	    {OPERATION_CONVERSE, &GUARDED, "\xef\xbb\xbf{}", NULL, "The body begins with a byte order mark, at offset 0.",
	     "guardrail"},
	    {OPERATION_CONVERSE, &GUARDED, "{} {}", NULL, "The body has text behind its JSON value, at offset 3.",
	     "guardrail"},
	    {OPERATION_CONVERSE, &GUARDED, "{\"guardrailConfig\":1,\"guardrail\\u0043onfig\":1}", "identity",
	     "The body has \"guardrailConfig\" twice, the second time at offset 44.", "guardrail"},
	    {OPERATION_CONVERSE, &GUARDED, "{\"a\":\"\xff\"}", NULL, "The body is not UTF-8, at offset 6.", "guardrail"},
	    {OPERATION_CONVERSE, &GUARDED, "{\"messages\":[{\"content\":[{\"guard\\u0043ontent\":{}}]}]}", NULL,
	     "The body chooses what its guardrail evaluates: \"guardContent\", at offset 46.", "guardrail"},
	    {OPERATION_INVOKE_MODEL, &GUARDED, "{\"amazon-bedrock-guardrailConfig\":{\"tagSuffix\":\"x\"}}", NULL,
	     "The body chooses what its guardrail evaluates: \"amazon-bedrock-guardrailConfig\", at offset 34.",
	     "guardrail"},
	    {OPERATION_INVOKE_MODEL, &GUARDED, "not JSON", NULL, "The body is not valid JSON, at offset 0.", "guardrail"},
	    {OPERATION_CONVERSE, &PARTIAL, "{\"a\":\"\xff\"}", NULL, "The body is not UTF-8, at offset 6.", "guardrail"},
	    {OPERATION_CONVERSE, &LIMITED, "[]", NULL, "The body is no JSON object.", "max_tokens"},
	    {OPERATION_CONVERSE, &LIMITED, "{\"inferenceConfig\":[]}", NULL,
	     "The body's \"inferenceConfig\" is no object, at offset 19.", "max_tokens"},
	    {OPERATION_INVOKE_MODEL, &LIMITED, "{}", NULL, "The body has no limit of tokens of a known name.",
	     "max_tokens"},
	    {OPERATION_INVOKE_MODEL, &LIMITED, "{\"max_tokens\":1}", "br",
	     "The body has to be UTF-8 without a content-encoding.", "max_tokens"},
	    {OPERATION_CONVERSE, &TIER_REQUIRED, "[]", NULL, "The body is no JSON object.", "service_tier"},
	    {OPERATION_CONVERSE, &TIERED, "[]", NULL, NULL, "service_tier"},
	    {OPERATION_CONVERSE, &TIERED, "{\"serviceTier\":1,\"serviceTier\":1}", NULL,
	     "The body has \"serviceTier\" twice, the second time at offset 31.", "service_tier"},
	};
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct fixture fixture;
		char reported[200];
		int before = check_failures_in_test;
		fixture_open(&fixture);
		fixture.pool.has_tiers = false;
		fixture.call.operation = rows[i].operation;
		fixture.call.body = slice_from(rows[i].body);
		fixture.client[0] = (struct header){SLICE("Content-Encoding"), slice_from(rows[i].coding)};
		fixture.call.headers.count = rows[i].coding ? 1 : 0;
		fixture.decide.prepare = prepare;
		fixture.edits = *rows[i].edits;
		CHECK_INT(begin_and_make(&fixture), rows[i].refusal ? ERROR_INVALID : 0);
		CHECK(!fixture.made);
		CHECK_SLICE(fixture.refusal, slice_from(rows[i].refusal));
		snprintf(reported, sizeof reported, "prepare: %s: %s", rows[i].edit,
		         rows[i].refusal ? rows[i].refusal : "The body is no JSON object.");
		CHECK_INT(fixture.reported_count, 1);
		CHECK_STRING(fixture.reported[0], reported);
		if (check_failures_in_test > before)
			printf("  row %zu\n", i);
		fixture_close(&fixture);
	}
}

// In a header there is always room.
TEST(needs_no_body_for_a_guardrail_in_headers_that_may_be_partial) {
	struct fixture fixture;
	fixture_open(&fixture);
	fixture.call.operation = OPERATION_INVOKE_MODEL;
	fixture.call.body = SLICE("not JSON");
	fixture.decide.prepare = prepare;
	fixture.edits = PARTIAL;
	CHECK_INT(begin_and_make(&fixture), 0);
	CHECK(!fixture.made->has_body);
	CHECK_SLICE(header_of(&fixture, "x-amzn-bedrock-guardrailidentifier"), SLICE("g"));
	CHECK(!fixture.body.shape);
	fixture_close(&fixture);
}

TEST(reports_omitted_tiers_that_prepare_did_not_set) {
	struct fixture fixture;
	fixture_open(&fixture);
	fixture.call.body = SLICE("[]");
	fixture.selected.tier = TIER_FLEX;
	CHECK_INT(begin_and_make(&fixture), 0);
	CHECK(!fixture.made);
	CHECK_INT(fixture.reported_count, 1);
	CHECK_STRING(fixture.reported[0], "tier: service_tier: The body is no JSON object.");
	fixture_close(&fixture);
}

// The attempt's end says nothing about a tier that was not sent.
TEST(an_omitted_tier_is_not_recorded_as_served) {
	const struct attempt_result succeeded = {.end = ATTEMPT_SUCCEEDED, .ttft_ms = -1};
	for (int is_written = 0; is_written < 2; is_written++) {
		struct fixture fixture;
		fixture_open(&fixture);
		fixture.call.body = is_written ? SLICE("{}") : SLICE("[]");
		fixture.decide.prepare = prepare;
		fixture.edits.tier = TIER_FLEX;
		CHECK_INT(begin_and_make(&fixture), 0);
		CHECK_INT(route_attempt_ended(fixture.routing, 0, &succeeded, 0).kind, STEP_RETURN);
		fixture.routing = NULL;
		CHECK_INT(fixture.model.state->served_tiers, is_written ? tier_bit(TIER_FLEX) : 0);
		fixture_close(&fixture);
	}
}

TEST(leaves_count_tokens_alone) {
	struct fixture fixture;
	fixture_open(&fixture);
	fixture.call.operation = OPERATION_COUNT_TOKENS;
	fixture.call.body = SLICE("not JSON");
	fixture.selected.tier = TIER_FLEX;
	CHECK_INT(begin_and_make(&fixture), 0);
	CHECK(!fixture.made);
	CHECK_INT(fixture.reported_count, 0);
	fixture_close(&fixture);
}

// With any amount of room it either fails with ERROR_MEMORY or makes the edits, and nothing leaks.
TEST(survives_a_full_arena) {
	const struct header wished[] = {{SLICE("x-wished"), SLICE("a value of some length")}};
	int full = 0, made = 0;
	for (size_t room = 0; room < 2048; room += 16) {
		struct fixture fixture;
		fixture_open(&fixture);
		fixture.selected.tier = TIER_FLEX;
		fixture.selected.headers = (struct headers){wished, 1};
		fixture_begin(&fixture);
		fixture.arena.limit_bytes = fixture.arena.used_bytes + room;
		int status = make(&fixture);
		CHECK(status == 0 || status == ERROR_MEMORY);
		CHECK((status == 0) == (fixture.made != NULL));
		full += status != 0;
		made += status == 0;
		fixture_close(&fixture);
	}
	CHECK(full > 0 && made > 0);
}

int main(void) {
	log_configure(LOG_OFF, LOG_TEXT);
	RUN(makes_nothing_without_edits);
	RUN(chooses_the_tier);
	RUN(sets_headers);
	RUN(refuses_what_it_cannot_edit);
	RUN(needs_no_body_for_a_guardrail_in_headers_that_may_be_partial);
	RUN(reports_omitted_tiers_that_prepare_did_not_set);
	RUN(an_omitted_tier_is_not_recorded_as_served);
	RUN(leaves_count_tokens_alone);
	RUN(survives_a_full_arena);
	return check_summary();
}
