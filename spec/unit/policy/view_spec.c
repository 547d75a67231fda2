// SPDX-License-Identifier: Apache-2.0
// The fields of the views: each row is a Lua condition that holds inside the hook.
#include "fixture.h"

#define POLICY                                                                                                         \
	"local kept = {}\n"                                                                                                \
	"return { models = { { id = 'first-id', name = 'first', weight = 2.5, serves = { 'chat', 'x-*' }, family = "       \
	"'nova',\n"                                                                                                        \
	"region = 'eu-west-1', endpoint = 'http://127.0.0.1:1', credentials = 'other', timeout_ms = 7000,\n"               \
	"tier = 'flex', quota = { rpm = 60 }, output_token_weight = 5, price = { input = 0.25 },\n"                        \
	"tags = { team = 'search', list = { 1, 2 } } }, { id = 'second' }, { id = 'third', fallback = true } },\n"

static const struct header headers[] = {
    {{"Content-Type", 12}, {"application/json", 16}}, {{"X-Tenant", 8}, {"blue", 4}}, {{"x-tenant", 8}, {"green", 5}}};

static const char body[] =
    "{\"messages\":[{\"role\":\"user\",\"content\":[{\"text\":\"Hello \\\"you\\\"\\n\\u00e9\"}]}],"
    "\"system\":[{\"text\":\"Be brief\"}],\"inferenceConfig\":{\"maxTokens\":512},"
    "\"requestMetadata\":{\"tenant\":\"blue\",\"n\":\"1\"}}";

static void init(struct fixture *fixture) {
	fixture_init(fixture);
	fixture->attributes.headers = (struct headers){headers, 3};
	fixture->attributes.body = slice_from(body);
	fixture->attributes.streaming = true;
	fixture->attributes.caller = SLICE("key-1");
}

static void check_condition(const char *hook, const char *condition) {
	struct fixture fixture;
	char text[4096];
	init(&fixture);
	if (strcmp(hook, "select") == 0)
		snprintf(text, sizeof text,
		         POLICY "select = function(request, models) local model = models[1]\n"
		                "if %s then return models[2] end return models[3] end }",
		         condition);
	else
		snprintf(text, sizeof text,
		         POLICY "classify = function(failure, request, model)\n"
		                "if %s then return 'retry' end return 'fail' end }",
		         condition);
	fixture_load(&fixture, text);
	CHECK_STRING(fixture_problems(&fixture), "");
	if (strcmp(hook, "select") == 0)
		CHECK_STRING(fixture_select(&fixture, NULL), "second");
	else
		CHECK_INT(fixture_classify(&fixture, &(struct failure){.kind = FAILURE_HTTP,
		                                                       .status = 503,
		                                                       .name = SLICE("ServiceUnavailableException"),
		                                                       .message = SLICE("busy"),
		                                                       .type = TYPE_MODEL_UNAVAILABLE,
		                                                       .fault = FAULT_MODEL,
		                                                       .retry_after_ms = 1500,
		                                                       .latency_ms = 12,
		                                                       .tier = TIER_PRIORITY})
		              .verdict,
		          VERDICT_RETRY);
	CHECK_STRING(fixture.detail, "");
	if (check_failures_in_test)
		printf("  in: %s\n", condition);
	fixture_free(&fixture);
}

TEST(the_request_s_fields) {
	static const char *const rows[] = {
	    "request.id == 'request-1'",
	    "request.operation == 'Converse'",
	    "request.streaming == true",
	    "request.model == 'chat'",
	    "request.caller == 'key-1'",
	    "request.headers['content-type'] == 'application/json'",
	    "request.headers['x-tenant'] == 'blue' and request.headers['X-Tenant'] == nil",
	    "request.metadata.tenant == 'blue' and request.metadata.absent == nil",
	    "request.bytes == 186",
	    "request.input_tokens == 8",
	    "request.max_tokens == 512",
	    "request.attempt == 1",
	    "#request.tried == 0",
	    "request.elapsed_ms == 0",
	    "request:text() == 'Hello \"you\"\\n\\u{e9}\\nBe brief'",
	    "request:body().messages[1].role == 'user'",
	    "math.type(request:body().inferenceConfig.maxTokens) == 'integer'",
	    "request.text ~= nil and not pcall(request.text)",
	    "not pcall(function() return request.modle end)",
	    "select(2, pcall(function() return request.modle end)):find(\"did you mean 'model'\", 1, true)",
	    "not pcall(function() request.model = 'x' end)",
	    "not pcall(function() request.headers.x = 'x' end)",
	    "not pcall(function() return request[1] end)",
	    "type(request) == 'userdata' and getmetatable(request) == false",
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		check_condition("select", rows[i]);
}

TEST(the_models_fields) {
	static const char *const rows[] = {
	    "#models == 3 and #models.primary == 2 and #models.fallback == 1",
	    "models[4] == nil and models[0] == nil and models.primary[3] == nil",
	    "select(2, pcall(function() return models.primry end)):find(\"did you mean 'primary'\", 1, true)",
	    "select(2, pcall(function() return models.foo end)):find(\"a list of models has no field 'foo'\", 1, true)",
	    "not pcall(function() return models.primary.primary end) and not pcall(function() return models[{}] end)",
	    "models.primary[1] == models[1] and models.fallback[1] == models[3]",
	    "(function() local n = 0 for i, m in ipairs(models) do n = n + i end return n end)() == 6",
	    "(function() local n = 0 for i, m in pairs(models) do n = n + i end return n end)() == 6",
	    "(function() local n = 0 for i, m in ipairs(models.primary) do n = n + #m.name end return n end)() == 11",
	    "(function() local n = 0 for i, x in ipairs { 5, 6, nil, 7 } do n = n + x end return n end)() == 11",
	    "(function() local f, l, i = ipairs(models) return l == models and i == 0 and f(l, 3) == nil and f(l, -1) == "
	    "nil\n"
	    "and f(nil, math.maxinteger) == nil and f(l, 'x') == 1 and not pcall(ipairs) end)()",
	    "model.id == 'first-id' and model.name == 'first' and models[2].name == 'second'",
	    "model.weight == 2.5 and models[2].weight == 1",
	    "model.fallback == false and models[3].fallback == true",
	    "#model.serves == 2 and model.serves[2] == 'x-*' and models[2].serves == nil",
	    "model.family == 'nova' and models[2].family == nil",
	    "model.region == 'eu-west-1' and model.endpoint == 'http://127.0.0.1:1' and model.credentials == 'other'",
	    "model.timeout_ms == 7000 and models[2].timeout_ms == 120000",
	    "model.tags.team == 'search' and model.tags.list[2] == 2 and #model.tags.list == 2",
	    "models[2].tags.anything == nil",
	    "not pcall(function() model.tags.team = 'x' end) and not pcall(function() model.tags.list[1] = 5 end)",
	    "model.breaker == 'closed' and model.error_rate == 0 and model.requests_per_minute == 0",
	    "model.inflight == 0 and model.latency_ms == 0 and model.p50_ms == 0 and model.p95_ms == 0",
	    "model.ttft_ms == 0",
	    "model.headroom == 1",
	    "model.tier == 'flex' and models[2].tier == nil",
	    "model.quota.rpm == 60 and model.quota.tpm == nil and models[2].quota == nil and model.quota == model.quota",
	    "model.output_token_weight == 5 and models[2].output_token_weight == 1",
	    "model.price.input == 0.25 and model.price.cache_read == 0 and models[2].price == nil",
	    "not pcall(function() model.quota.rpm = 5 end) and not pcall(function() model.price.input = 5 end)",
	    "model.id == model.id and model.serves == model.serves",
	    "select(2, pcall(function() model.weight = 3 end)):find('in tick only', 1, true)",
	    "not pcall(function() models[1] = nil end) and not pcall(rawset, models, 1, nil)",
	    "not pcall(function() models.primary = nil end) and not pcall(table.remove, models, 1)",
	    "not pcall(table.sort, models) and select('#', table.unpack(models)) == 3",
	    "not pcall(getmetatable(models) or error)",
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		check_condition("select", rows[i]);
}

TEST(the_failure_s_fields) {
	static const char *const rows[] = {
	    "failure.kind == 'http'",
	    "failure.status == 503",
	    "failure.name == 'ServiceUnavailableException'",
	    "failure.message == 'busy'",
	    "failure.type == 'model_unavailable'",
	    "failure.retry_after_ms == 1500",
	    "failure.latency_ms == 12",
	    "model.name == 'first' and request.id == 'request-1'",
	    "failure.tier == 'priority'",
	    "not pcall(function() return failure.tires end)",
	    "not pcall(function() failure.status = 200 end)",
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		check_condition("classify", rows[i]);
}

TEST(unknown_values_are_nil) {
	struct fixture fixture;
	fixture_init(&fixture);
	fixture.attributes.body = (struct slice){0};
	fixture_load(&fixture,
	             POLICY "select = function(request, models)\n"
	                    "assert(request.caller == nil and request.max_tokens == nil and request.bytes == 0)\n"
	                    "assert(request.input_tokens == 0 and request:text() == '' and request:body() == nil)\n"
	                    "assert(request.metadata.x == nil and request.streaming == false)\n"
	                    "return models[2] end,\n"
	                    "classify = function(failure)\n"
	                    "assert(failure.status == nil and failure.retry_after_ms == nil and failure.name == '')\n"
	                    "assert(failure.kind == 'timeout' and failure.tier == nil) return 'retry' end }");
	CHECK_STRING(fixture_select(&fixture, NULL), "second");
	CHECK_INT(fixture_classify(&fixture, &(struct failure){.kind = FAILURE_TIMEOUT, .retry_after_ms = -1}).verdict,
	          VERDICT_RETRY);
	CHECK_STRING(fixture.detail, "");
	fixture_free(&fixture);
}

TEST(using_a_view_after_its_call_raises) {
	struct fixture fixture;
	init(&fixture);
	fixture_load(
	    &fixture, POLICY
	    "select = function(request, models)\n"
	    "if not kept.request then kept.request = request return models[2] end\n"
	    "local message = 'is only valid during the call that it was made for'\n"
	    "for _, use in ipairs { function() return kept.request.id end, function() return kept.request:text() end,\n"
	    "function() return kept.method(kept.request) end, function() return kept.failure.name end,\n"
	    "function() return require 'signalbox.classify'.default(kept.failure) end } do\n"
	    "local ok, problem = pcall(use) assert(not ok and problem:find(message, 1, true), problem) end\n"
	    "assert(kept.model.name == 'first' and kept.model.breaker == 'closed')\n"
	    "return models[2] end,\n"
	    "classify = function(failure, request, model)\n"
	    "kept.failure, kept.model, kept.method = failure, model, request.text\n"
	    "assert(require 'signalbox.classify'.default(failure) == 'fail') return 'retry' end }");
	CHECK_STRING(fixture_problems(&fixture), "");
	CHECK_STRING(fixture_select(&fixture, NULL), "second");
	CHECK_INT(fixture_classify(&fixture, &(struct failure){.fault = FAULT_CALLER}).verdict, VERDICT_RETRY);
	CHECK_STRING(fixture_select(&fixture, NULL), "second");
	CHECK_STRING(fixture.detail, "");
	fixture_free(&fixture);
}

// The lists are kept between calls and refilled when the eligible set changes: they show the present set after any
// other.
TEST(the_lists_follow_the_eligible_set) {
	struct fixture fixture;
	struct random_source random;
	uint64_t last = 0;
	fixture_init(&fixture);
	fixture_load(&fixture,
	             "local models = {} for i = 1, 20 do models[i] = { id = 'm' .. i, fallback = i % 3 == 0 } end\n"
	             "return { models = models, select = function(_, models)\n"
	             "local names, primaries, fallbacks = {}, 0, 0\n"
	             "for i, model in ipairs(models) do names[i] = model.name end\n"
	             "assert(#names == #models and #models == #models.primary + #models.fallback)\n"
	             "for _, m in ipairs(models.primary) do assert(not m.fallback) primaries = primaries + 1 end\n"
	             "for _, m in ipairs(models.fallback) do assert(m.fallback) fallbacks = fallbacks + 1 end\n"
	             "assert(primaries == #models.primary and fallbacks == #models.fallback)\n"
	             "return models[#models], nil, table.concat(names, ' ') end }");
	CHECK_STRING(fixture_problems(&fixture), "");
	const struct pool *pool = policy_pool(fixture.policy);
	const struct decide *decide = policy_decide(fixture.policy, 0);
	random_init(&random, 3);
	for (int round = 0; round < 500; round++) {
		const struct model *list[20];
		struct selection selection = {0};
		char expected[256] = "";
		size_t count = 0;
		// Every second set is the one before without its last models.
		uint64_t chosen = round % 2 ? random_next(&random) : last & 0x3ff;
		last = chosen;
		for (size_t i = 0; i < pool->count; i++)
			if (chosen >> i & 1)
				list[count++] = &pool->models[i];
		if (count == 0)
			continue;
		for (size_t i = 0; i < count; i++) {
			size_t at = strlen(expected);
			snprintf(expected + at, sizeof expected - at, "%s%s", i ? " " : "", list[i]->name);
		}
		decide->select(decide->self, fixture.request, (struct candidates){.list = list, .count = count}, &random,
		               &selection);
		CHECK(selection.model == list[count - 1]);
		CHECK_SLICE(selection.reason, slice_from(expected));
	}
	CHECK_STRING(fixture.detail, "");
	fixture_free(&fixture);
}

TEST(live_fields_come_from_the_model_s_state) {
	struct fixture fixture;
	fixture_init(&fixture);
	fixture_load(&fixture, POLICY "select = function(_, models)\n"
	                              "return models[models[1].breaker == 'open' and 2 or 3] end }");
	CHECK_STRING(fixture_select(&fixture, NULL), "third");
	model_state_force_open(policy_pool(fixture.policy)->models[0].state, 0);
	CHECK_STRING(fixture_select(&fixture, NULL), "second");
	fixture_free(&fixture);
}

// With the settings' default limits a body of nearly 1 MiB can be decoded; a larger one is refused.
TEST(large_bodies) {
	static char text[(1 << 20) + 64];
	for (int larger = 0; larger < 2; larger++) {
		struct fixture fixture;
		size_t filler = (1 << 20) - 32 + (larger ? 64 : 0);
		snprintf(text, sizeof text, "{\"text\":\"%*s\"}", (int)filler - 11, "end");
		init(&fixture);
		fixture.attributes.body = slice_from(text);
		fixture_load(&fixture, POLICY "select = function(request, models)\n"
		                              "local ok, found = pcall(request.body, request)\n"
		                              "if ok then return models[2], nil, found.text:sub(-3) end\n"
		                              "return models[3], nil, found end }");
		struct selection selection;
		CHECK_STRING(fixture_select(&fixture, &selection), larger ? "third" : "second");
		CHECK_STRING(fixture.detail, "");
		if (larger)
			CHECK(memmem(selection.reason.ptr, selection.reason.len, "too large", 9));
		else
			CHECK_SLICE(selection.reason, SLICE("end"));
		fixture_free(&fixture);
	}
}

// A client may repeatedly send a body that exceeds every budget: that is an error, not an overrun, which would disable
// the hook. Metadata that is too large counts as absent.
TEST(a_client_can_t_disable_a_hook) {
	enum { BYTES = 12 << 20 };
	static const struct {
		const char *begin, *middle, *end;
		size_t bytes;
		const char *uses;
		int errors;
	} rows[] = {
	    {"{\"x\":[", "[],", "1]}", 1 << 20, "request:body()", 8},
	    {"{\"x\":[", "{\"a\":\"\"},", "1]}", 1 << 20, "request:body()", 8},
	    {"{\"text\":\"", "word", "\"}", BYTES, "request:text()", 8},
	    // Little text, or none, but much to read.
	    {"{\"x\":[", "1,", "1]}", 1 << 20, "request:text()", 8},
	    {"{\"text\":[", "\"\",", "1]}", 1 << 20, "request:text()", 8},
	    {"{\"x\":\"", "\\n", "\"}", 1 << 20, "request:text()", 8},
	    {"{\"requestMetadata\":{\"x\":[", "[],", "1]}}", BYTES, "assert(not request.metadata.x)", 0},
	    {"{\"requestMetadata\":{\"x\":\"\\ud800", "x", "\"}}", 100, "assert(request.metadata.x:find('^\\u{FFFD}x'))",
	     0},
	    {"{\"requestMetadata\":{\"n\":5,", "\"x\":1.5,", "\"y\":0}}", 100,
	     "assert(math.type(request.metadata.n) == 'integer' and request.metadata.x == 1.5)", 0},
	};
	char *text = malloc(BYTES + 64);
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct fixture fixture;
		char policy[256];
		size_t length = strlen(rows[i].begin);
		memcpy(text, rows[i].begin, length);
		size_t piece = strlen(rows[i].middle);
		for (; length + piece + 8 < rows[i].bytes; length += piece)
			memcpy(text + length, rows[i].middle, piece);
		memcpy(text + length, rows[i].end, strlen(rows[i].end));
		init(&fixture);
		fixture.attributes.body = slice_of(text, length + strlen(rows[i].end));
		snprintf(policy, sizeof policy,
		         "return { models = { { id = 'm' } }, select = function(request, models)\n"
		         "local found = %s return models[1] end }",
		         rows[i].uses);
		fixture_load(&fixture, policy);
		for (int call = 0; call < 8; call++)
			CHECK_STRING(fixture_select(&fixture, NULL), "m");
		CHECK_INT(fixture.errors, rows[i].errors);
		CHECK_INT(fixture.disabled, 0);
		CHECK_MENTIONS(fixture.detail, rows[i].errors ? "select: error at" : "");
		if (check_failures_in_test)
			printf("  in: %s of %s\n", rows[i].uses, rows[i].middle);
		fixture_free(&fixture);
	}
	free(text);
}

// A body of the maximum size with little text in it.
TEST(an_image_is_no_text) {
	enum { BYTES = 25 << 20 };
	static const char begin[] = "{\"text\":\"Look\",\"bytes\":\"", end[] = "\",\"text\":\"!\"}";
	struct fixture fixture;
	struct selection selection;
	char *text = malloc(BYTES);
	memset(text, 'A', BYTES);
	memcpy(text, begin, sizeof begin - 1);
	memcpy(text + BYTES - (sizeof end - 1), end, sizeof end - 1);
	init(&fixture);
	fixture.attributes.body = slice_of(text, BYTES);
	fixture_load(&fixture, POLICY "select = function(request, models) return models[1], nil, request:text() end }");
	CHECK_STRING(fixture_select(&fixture, &selection), "first");
	CHECK_SLICE(selection.reason, SLICE("Look\n!"));
	CHECK_STRING(fixture.detail, "");
	fixture_free(&fixture);
	free(text);
}

// Through the routing core: later selections see the earlier attempts.
TEST(tried_models_are_listed) {
	struct fixture fixture;
	struct attempt_result result = {
	    .end = ATTEMPT_FAILED, .failure = {.status = 503, .fault = FAULT_MODEL, .retry_after_ms = -1}, .ttft_ms = -1};
	init(&fixture);
	fixture_load(&fixture,
	             POLICY "select = function(request, models)\n"
	                    "if request.attempt == 1 then assert(#request.tried == 0) return models[1] end\n"
	                    "if request.attempt == 2 then return models[1] end\n"
	                    "assert(request.attempt == 3 and request.elapsed_ms == 60 and #models == 2)\n"
	                    "assert(#request.tried == 1 and request.tried[1] == 'first')\n"
	                    "assert(table.concat(request.tried, ',') == 'first')\n"
	                    "return models.fallback[1] end,\n"
	                    "classify = function(failure, request, model)\n"
	                    "assert(model.name == 'first') return request.attempt == 1 and 'retry' or 'failover' end }");
	CHECK_STRING(fixture_problems(&fixture), "");
	struct step step = route_begin(fixture.request, 1000);
	CHECK_INT(step.kind, STEP_SEND);
	CHECK_STRING(step.model->name, "first");
	step = route_attempt_ended(fixture.request, 0, &result, 1050);
	CHECK_INT(step.kind, STEP_SEND);
	CHECK_STRING(step.model->name, "first");
	step = route_attempt_ended(fixture.request, 1, &result, 1060);
	CHECK_INT(step.kind, STEP_SEND);
	CHECK_STRING(step.model->name, "third");
	CHECK_STRING(fixture.detail, "");
	result = (struct attempt_result){.end = ATTEMPT_SUCCEEDED, .ttft_ms = -1};
	step = route_attempt_ended(fixture.request, 2, &result, 1070);
	CHECK_INT(step.kind, STEP_RETURN);
	fixture_free(&fixture);
}

int main(void) {
	RUN(the_request_s_fields);
	RUN(the_models_fields);
	RUN(the_failure_s_fields);
	RUN(unknown_values_are_nil);
	RUN(using_a_view_after_its_call_raises);
	RUN(the_lists_follow_the_eligible_set);
	RUN(live_fields_come_from_the_model_s_state);
	RUN(tried_models_are_listed);
	RUN(large_bodies);
	RUN(a_client_can_t_disable_a_hook);
	RUN(an_image_is_no_text);
	return check_summary();
}
