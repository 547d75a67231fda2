// SPDX-License-Identifier: Apache-2.0
// Traffic leaves nothing behind in a VM: the memory stays flat over a hundred thousand calls of all hooks, which read
// everything that they are shown.
#include "fixture.h"

enum { ROUNDS = 100000, WINDOW = 10000 };

static const char policy[] =
    "local shared = require 'signalbox.shared' local choose = require 'signalbox.select'\n"
    "local classify = require 'signalbox.classify'\n"
    "local function read(model)\n"
    "  local sum = model.weight + model.inflight + model.latency_ms + model.p95_ms + model.error_rate + "
    "model.headroom\n"
    "  return model.name .. model.id .. model.breaker .. sum .. model.quota.rpm .. model.price.input .. #model.serves\n"
    "end\n"
    "return { models = {\n"
    "  { id = ('a'):rep(100), name = 'a', quota = { rpm = 9 }, price = { input = 1 }, serves = { '*' }, tags = { n = 1 "
    "} },\n"
    "  { id = 'b', quota = { rpm = 9 }, price = { input = 1 }, serves = { '*' }, fallback = true } },\n"
    "  select = function(request, models)\n"
    "    for _, model in ipairs(models) do read(model) end\n"
    "    local text = request:text() .. request.headers['x-tenant'] .. request.metadata.tenant .. #request.tried\n"
    "    shared.incr('rounds') shared.set('last', text)\n"
    "    return choose.weighted(models), { headers = { ['x-a'] = text:gsub('%c', '') }, tier = 'flex' }, text\n"
    "  end,\n"
    "  classify = function(failure, request, model)\n"
    "    local verdict, options = classify.default(failure)\n"
    "    return verdict, { counts = options.counts, cooldown_ms = #failure.message + #request:body().messages }\n"
    "  end,\n"
    "  accept = function(response) return response:text() ~= '' and response.usage.input_tokens > 0, "
    "response.stop_reason end,\n"
    "  prepare = function(request) return { max_tokens = request.max_tokens, headers = { ['x-id'] = request.id } } "
    "end,\n"
    "  finish = function(request, result) read(result.model) shared.incr(result.outcome, result.usage.output_tokens) "
    "end,\n"
    "  tick = function(now_ms, models) for _, model in ipairs(models) do model.weight = model.weight + 0.01 end end,\n"
    "}";

static const struct header headers[] = {{{"X-Tenant", 8}, {"blue", 4}}};

static void call_all_hooks(struct fixture *fixture, uint64_t now_ms) {
	static const struct failure failure = {.kind = FAILURE_HTTP, .status = 503, .message = {"busy", 4}};
	const struct model *model = &policy_pool(fixture->policy)->models[0];
	const struct decide *decide = policy_decide(fixture->policy, 0);
	struct response response = {.status = 200,
	                            .body = SLICE("{\"content\":[{\"text\":\"Hello\"}],\"stop_reason\":\"end_turn\"}"),
	                            .usage = {1, 2, 3, 4}};
	struct request_result result = {.outcome = OUTCOME_SUCCESS, .model = model, .usage = {1, 2, 3, 4}};
	struct slice reason;
	struct edits edits = {0};
	fixture_select(fixture, NULL);
	decide->prepare(decide->self, fixture->request, model, &edits);
	fixture_classify(fixture, &failure);
	CHECK(decide->accept(decide->self, &response, fixture->request, model, &reason));
	decide->finish(decide->self, fixture->request, &result);
	policy_tick(fixture->policy, 0, now_ms);
}

static void note_peak(void *owner, const char *hook, const struct call_report *report) {
	size_t *peak_bytes = owner;
	(void)hook;
	if (report->peak_bytes > *peak_bytes)
		*peak_bytes = report->peak_bytes;
}

TEST(memory_is_flat) {
	struct fixture fixture;
	size_t peak_bytes = 0, early_bytes = 0;
	fixture_init(&fixture);
	fixture.attributes.headers = (struct headers){headers, 1};
	fixture.attributes.body = SLICE("{\"messages\":[{\"role\":\"user\",\"content\":[{\"text\":\"Hello\\nyou\"}]}],"
	                                "\"max_tokens\":10,\"requestMetadata\":{\"tenant\":\"blue\"}}");
	fixture_load(&fixture, policy);
	CHECK_STRING(fixture_problems(&fixture), "");
	policy_on_call(fixture.policy, 0, note_peak, &peak_bytes);
	for (uint64_t round = 1; round <= ROUNDS && fixture.errors == 0; round++) {
		call_all_hooks(&fixture, 1000 * round);
		if (round % WINDOW)
			continue;
		if (round == WINDOW)
			early_bytes = peak_bytes;
		else
			CHECK(peak_bytes <= early_bytes + early_bytes / 16);
		peak_bytes = 0;
	}
	CHECK_STRING(fixture.detail, "");
	fixture_free(&fixture);
}

int main(void) {
	RUN(memory_is_flat);
	return check_summary();
}
