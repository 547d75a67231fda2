// SPDX-License-Identifier: Apache-2.0
// Scenarios are read whole, or refused with every mistake.
#include "../check.h"

#include "base/buffer.h"
#include "base/service.h"
#include "world/scenario.h"

#include "base/problem.h"
#include "build.h"

static const char *const exceptions[] = {"ThrottlingException", "ServiceUnavailableException", NULL};

static void build_good(struct document *document) {
	put_number(document, "seed", 9);
	put_number(document, "duration_ms", 1000);
	put_number(document, "traffic/rate", 50);
	put_number(document, "traffic/streaming", 0.5);
	put_number(document, "traffic/input_tokens/1", 5);
	put_number(document, "traffic/input_tokens/2", 20);
	put_number(document, "models/b/ttft_ms/p50", 100);
	put_number(document, "models/b/ttft_ms/p99", 400);
	put_number(document, "models/b/tokens_per_second/p50", 90);
	put_number(document, "models/b/tokens_per_second/p99", 20);
	put_number(document, "models/b/concurrency", 4);
	put_number(document, "models/b/quota/rpm", 100);
	put_number(document, "models/b/quota/tpm", 20000);
	put_number(document, "models/b/prompt_cache/ttl_ms", 60000);
	put_number(document, "models/b/refusal_share", 0.25);
	put_string(document, "models/b/faults/1/fault", "ThrottlingException");
	put_number(document, "models/b/faults/1/from_ms", 10);
	put_number(document, "models/b/faults/1/to_ms", 20);
	put_number(document, "models/b/faults/1/share", 0.5);
	put_number(document, "models/b/faults/1/retry_after_ms", 1500);
	put_string(document, "models/b/faults/1/tier", "flex");
	put_string(document, "models/b/tiers/1", "default");
	put_string(document, "models/b/tiers/2", "flex");
	put_string(document, "models/b/faults/2/fault", "stall");
	put_string(document, "models/b/faults/2/after", "messageStop");
	put_string(document, "models/b/faults/3/fault/exception", "ServiceUnavailableException");
	put_number(document, "models/b/faults/3/fault/after", 7);
	put_string(document, "models/b/faults/4/fault/exception", "ThrottlingException");
	put_table(document, "models/a");
}

static int read(const struct document *document, struct scenario *scenario, struct buffer *text) {
	struct problems problems = {0};
	int status = scenario_read(document, "world.lua", exceptions, &problems, scenario);
	buffer_init(text, 65536);
	problems_format(&problems, text);
	problems_free(&problems);
	return status;
}

static void check_model(const struct scenario_model *model) {
	CHECK_STRING(model->id, "b");
	CHECK_NEAR(model->ttft_ms.p99, 400, 0);
	CHECK_NEAR(model->tokens_per_second.p99, 20, 0);
	CHECK_INT(model->concurrency, 4);
	CHECK_INT(model->quota.rpm, 100);
	CHECK_INT(model->quota.tpm, 20000);
	CHECK_INT(model->prompt_cache.ttl_ms, 60000);
	CHECK_NEAR(model->prompt_cache.ttft_share, 0.2, 0);
	CHECK_NEAR(model->refusal_share, 0.25, 0);
	CHECK_INT(model->faults.count, 4);
	const struct scenario_fault *faults = model->faults.list;
	CHECK_INT(faults[0].trouble, SCENARIO_EXCEPTION);
	CHECK_STRING(faults[0].exception, "ThrottlingException");
	CHECK_INT(faults[0].from_ms, 10);
	CHECK_INT(faults[0].to_ms, 20);
	CHECK_NEAR(faults[0].share, 0.5, 0);
	CHECK_INT(faults[0].retry_after_ms, 1500);
	CHECK(faults[0].after == SCENARIO_AFTER_UNSET);
	CHECK_INT(faults[0].tiers, tier_bit(TIER_FLEX));
	CHECK_INT(faults[1].tiers, 0);
	CHECK_INT(model->tiers, tier_bit(TIER_DEFAULT) | tier_bit(TIER_FLEX));
	CHECK_INT(faults[1].trouble, SCENARIO_STALL);
	CHECK(faults[1].after == SCENARIO_AFTER_STOP);
	CHECK_NEAR(faults[1].share, 1, 0);
	CHECK(faults[1].to_ms > 1000000000000);
	CHECK_INT(faults[2].after, 7);
	CHECK_INT(faults[3].after, 0);
}

TEST(a_scenario_is_read_whole) {
	struct document document = {0};
	struct scenario scenario;
	struct buffer text;
	build_good(&document);
	CHECK_INT(read(&document, &scenario, &text), 0);
	CHECK_SLICE(buffer_slice(&text), SLICE(""));
	CHECK_INT(scenario.seed, 9);
	CHECK_INT(scenario.duration_ms, 1000);
	CHECK_NEAR(scenario.traffic.streaming, 0.5, 0);
	CHECK_INT(scenario.traffic.input_tokens.to, 20);
	CHECK_INT(scenario.traffic.output_tokens.from, 100);
	CHECK_INT(scenario.models.count, 2);
	CHECK_STRING(scenario.models.list[0].id, "a");
	CHECK_NEAR(scenario.models.list[0].ttft_ms.p50, 300, 0);
	check_model(&scenario.models.list[1]);
	scenario_free(&scenario);
	document_free(&document);
	buffer_free(&text);
}

struct mistake {
	const char *path;
	const char *text; // NULL: `number`
	double number;
	const char *complaint; // found in the message
};

static const struct mistake mistakes[] = {
    {"sead", NULL, 1, "sead: expected a known key (did you mean seed?)"},
    {"seed", NULL, 0.5, "seed: expected a whole number"},
    {"duration_ms", NULL, 0, "duration_ms: expected"},
    {"models", "x", 0, "models: expected a table with a model's id as each key, found string \"x\""},
    {"models/b/ttft_ms", NULL, 5, "models[\"b\"].ttft_ms: expected a table, found number 5"},
    {"models/b/ttft_ms/p99", NULL, 50, "models[\"b\"].ttft_ms: expected p99 not below p50"},
    {"models/b/ttft_ms/p50", NULL, 0, "models[\"b\"].ttft_ms: expected p99 not below p50, and both above 0 or both 0"},
    {"models/b/tokens_per_second/p99", NULL, 91, "tokens_per_second: expected p99, the slow end"},
    {"models/b/tokens_per_second/p99", NULL, 0, "tokens_per_second: expected p99, the slow end"},
    {"models/b/tokens_per_second/p98", NULL, 1, "p98: expected a known key (did you mean p99?)"},
    {"models/b/concurrency", NULL, 0, "concurrency: expected a whole number from 1"},
    {"models/b/quota/rpm", "many", 0, "models[\"b\"].quota.rpm: expected"},
    {"models/b/prompt_cache/ttft_share", NULL, 2, "models[\"b\"].prompt_cache.ttft_share: expected"},
    {"models/b/refusal_share", NULL, 1.5, "refusal_share: expected a number from 0 to 1"},
    {"models/b/faults", "x", 0, "models[\"b\"].faults: expected a list"},
    {"models/b/faults/x", NULL, 1, "models[\"b\"].faults: expected a list"},
    {"models/b/faults/1/fault", "ThrotlingException", 0, "(did you mean ThrottlingException?), found string"},
    {"models/b/faults/2/fault", "stal", 0, "(did you mean stall?)"},
    {"models/b/faults/2/fault", NULL, 3, "models[\"b\"].faults[2].fault: expected an exception's name"},
    {"models/b/faults/1/to_ms", NULL, 10, "models[\"b\"].faults[1]: expected to_ms after from_ms"},
    {"models/b/faults/1/share", NULL, -1, "models[\"b\"].faults[1].share: expected"},
    {"models/b/faults/2/after", "end", 0, "faults[2].after: expected a whole number of events"},
    {"models/b/faults/2/after", NULL, 1.5, "faults[2].after: expected a whole number of events"},
    {"models/b/faults/3/fault/exception", "stall", 0, "faults[3].fault.exception: expected"},
    {"models/b/faults/3/fault/exeption", "x", 0, "(did you mean exception?)"},
    {"models/b c", NULL, 1, "expected an id of 1 to 2048 printable ASCII characters"},
    {"traffic/input_tokens/1", NULL, 21, "traffic.input_tokens: expected { FEWEST, MOST }"},
    {"traffic/input_tokens/3", NULL, 21, "traffic.input_tokens: expected { FEWEST, MOST }"},
    {"traffic/output_tokens", NULL, 3, "traffic.output_tokens: expected { FEWEST, MOST }"},
};

TEST(each_mistake_is_reported) {
	for (size_t i = 0; i < sizeof mistakes / sizeof *mistakes; i++) {
		const struct mistake *mistake = &mistakes[i];
		struct document document = {0};
		struct scenario scenario;
		struct buffer text;
		build_good(&document);
		document_free(place(&document, mistake->path));
		if (mistake->text)
			put_string(&document, mistake->path, mistake->text);
		else
			put_number(&document, mistake->path, mistake->number);
		CHECK_INT(read(&document, &scenario, &text), ERROR_INVALID);
		buffer_append_byte(&text, '\0');
		if (!strstr(text.ptr, mistake->complaint))
			printf("  %s: said \"%s\", without \"%s\"\n", mistake->path, text.ptr, mistake->complaint);
		CHECK(strstr(text.ptr, mistake->complaint));
		buffer_free(&text);
		document_free(&document);
	}
}

TEST(all_mistakes_are_reported_at_once) {
	struct document document = {0};
	struct scenario scenario;
	struct buffer text;
	build_good(&document);
	put_number(&document, "models/a/concurrency", -1);
	put_number(&document, "models/b/refusal_share", 3);
	put_string(&document, "models/b/faults/1/fault", "nonsense-nonsense");
	put_number(&document, "trafic", 1);
	CHECK_INT(read(&document, &scenario, &text), ERROR_INVALID);
	size_t lines = 0;
	for (size_t i = 0; i < text.len; i++)
		lines += text.ptr[i] == '\n';
	CHECK_INT(lines, 4);
	CHECK(slice_starts(buffer_slice(&text), SLICE("world.lua")));
	buffer_free(&text);
	document_free(&document);
}

TEST(a_scenario_needs_models) {
	struct document document = {.kind = DOCUMENT_TABLE};
	struct scenario scenario;
	struct buffer text;
	CHECK_INT(read(&document, &scenario, &text), ERROR_INVALID);
	buffer_append_byte(&text, '\0');
	CHECK(strstr(text.ptr, "models"));
	buffer_free(&text);
	put_table(&document, "models");
	CHECK_INT(read(&document, &scenario, &text), ERROR_INVALID);
	buffer_free(&text);
	document_free(&document);
}

TEST(the_healthy_world_has_every_model) {
	struct scenario scenario;
	scenario_read_healthy(&scenario);
	CHECK_INT(scenario.models.count, 1);
	CHECK_STRING(scenario.models.list[0].id, "*");
	CHECK_INT(scenario.models.list[0].faults.count, 0);
	scenario_free(&scenario);
}

int main(void) {
	RUN(a_scenario_is_read_whole);
	RUN(each_mistake_is_reported);
	RUN(all_mistakes_are_reported_at_once);
	RUN(a_scenario_needs_models);
	RUN(the_healthy_world_has_every_model);
	return check_summary();
}
