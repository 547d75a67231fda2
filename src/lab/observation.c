// SPDX-License-Identifier: Apache-2.0
// The text of a decision is short, and equal for equal decisions, so that a printer can group cases by it.
#include "lab/observation.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/json_writer.h"
#include "base/memory.h"

#define REFUSED "refused with 503, as on_error says"

enum { WORDS_BYTES = 16 << 10, JSON_BYTES = 4 << 20, NAMES_SHOWN = 4 };

void observation_init(struct observation *observation, const char *hook, const char *case_name, size_t model_count) {
	*observation = (struct observation){.hook = hook, .case_name = memory_string(slice_from(case_name))};
	observation->model_count = model_count;
	observation->chosen = memory_new(model_count, sizeof *observation->chosen);
	buffer_init(&observation->words, WORDS_BYTES);
	buffer_init(&observation->json, JSON_BYTES);
	buffer_init(&observation->options, WORDS_BYTES);
	buffer_init(&observation->options_json, JSON_BYTES);
}

void observation_free(struct observation *observation) {
	buffer_free(&observation->words);
	buffer_free(&observation->json);
	buffer_free(&observation->options);
	buffer_free(&observation->options_json);
	free(observation->case_name);
	free(observation->chosen);
	free(observation->reason);
}

void observation_count(struct observation *observation, const struct driver_decision *decision, bool exactly) {
	const struct call_report *report = decision->report;
	if (!exactly && (observation->cpu_ns == 0 || decision->cpu_ns < observation->cpu_ns))
		observation->cpu_ns = decision->cpu_ns;
	if (!report)
		return;
	observation->calls++;
	if (exactly && report->instructions > observation->instructions)
		observation->instructions = report->instructions;
	if (report->peak_bytes > observation->peak_bytes)
		observation->peak_bytes = report->peak_bytes;
	if (report->ending != ENDING_OK && observation->mistakes++ == 0)
		observation->mistake = *report;
}

// These write an option twice: into the text, and as a member of a JSON object.

static void write_headers(struct observation *observation, struct json_writer *json, struct headers headers) {
	json_begin_array(json, "headers");
	for (size_t i = 0; i < headers.count; i++) {
		buffer_printf(&observation->options, "%s%.*s", i ? " " : ", headers ", SLICE_ARGS(headers.list[i].name));
		json_write_string(json, NULL, headers.list[i].name);
	}
	json_end_array(json);
}

static void write_number(struct observation *observation, struct json_writer *json, const char *name, uint64_t number) {
	if (number == 0) {
		json_write_null(json, name);
		return;
	}
	buffer_printf(&observation->options, ", %s %" PRIu64, name, number);
	json_write_unsigned(json, name, number);
}

static void write_text(struct observation *observation, struct json_writer *json, const char *name, struct slice text) {
	if (text.len)
		buffer_printf(&observation->options, ", %s %.*s", name, SLICE_ARGS(text));
	json_write_optional(json, name, text);
}

static void write_flag(struct observation *observation, struct json_writer *json, const char *name, bool flag) {
	if (flag)
		buffer_printf(&observation->options, ", %s", name);
	json_write_boolean(json, name, flag);
}

static void write_tier(struct observation *observation, struct json_writer *json, const char *name,
                       enum service_tier tier) {
	write_text(observation, json, name, slice_from(service_tier_names[tier]));
}

static void note_selection(struct observation *observation, const struct selection *selection) {
	if (selection->model)
		observation->chosen[selection->model->index]++;
	else
		observation->none++;
	if (observation->decisions > 1)
		return;
	const struct attempt_options *options = &selection->options;
	struct json_writer json;
	json_writer_init(&json, &observation->options_json);
	write_number(observation, &json, "timeout_ms", options->timeout_ms);
	write_number(observation, &json, "ttft_ms", options->ttft_ms);
	write_number(observation, &json, "hedge_after_ms", options->hedge_after_ms);
	write_tier(observation, &json, "tier", options->tier);
	write_headers(observation, &json, options->headers);
	observation->reason = memory_string(selection->reason);
}

static void note_classification(struct observation *observation, const struct classification *c) {
	struct buffer *words = &observation->words;
	buffer_printf(words, "%s, %s", verdict_names[c->verdict], outcome_names[c->outcome]);
	if (c->verdict == VERDICT_RETRY)
		buffer_printf(words, ", after %" PRIu64 " ms", c->after_ms);
	if (c->counts)
		buffer_append(words, SLICE(", counts against the breaker"));
	if (c->throttle && c->cooldown_ms)
		buffer_printf(words, ", cooldown %" PRIu64 " ms as asked", c->cooldown_ms);
	else if (c->throttle)
		buffer_append(words, SLICE(", cooldown 1000 ms, doubling"));
	else if (c->cooldown_ms)
		buffer_printf(words, ", %s %" PRIu64 " ms", c->deprioritizes ? "deprioritized for" : "cooldown",
		              c->cooldown_ms);
	struct json_writer json;
	json_writer_init(&json, &observation->json);
	json_begin_object(&json, NULL);
	json_write_string(&json, "verdict", slice_from(verdict_names[c->verdict]));
	json_write_string(&json, "outcome", slice_from(outcome_names[c->outcome]));
	json_write_boolean(&json, "counts", c->counts);
	json_write_unsigned(&json, "cooldown_ms", c->cooldown_ms);
	json_write_boolean(&json, "doubles", c->throttle && !c->cooldown_ms);
	json_write_boolean(&json, "orders_only", c->deprioritizes);
	json_write_unsigned(&json, "after_ms", c->after_ms);
	json_end_object(&json);
}

static void note_undecided(struct observation *observation, const struct driver_decision *decision) {
	if (!decision->selection)
		buffer_append(&observation->words, SLICE(REFUSED));
	else if (observation->none++ == 0 && !observation->reason)
		observation->reason = memory_string(SLICE(REFUSED));
}

static void note_acceptance(struct observation *observation, const struct driver_decision *decision) {
	bool accepted = decision->acceptance == RESPONSE_ACCEPTED;
	if (accepted)
		buffer_append(&observation->words, SLICE("accepted"));
	else
		buffer_printf(&observation->words, "refused: %.*s", SLICE_ARGS(decision->reason));
	struct json_writer json;
	json_writer_init(&json, &observation->json);
	json_begin_object(&json, NULL);
	json_write_boolean(&json, "accepted", accepted);
	json_write_string(&json, "reason", decision->reason);
	json_end_object(&json);
}

static void note_edits(struct observation *observation, const struct edits *edits) {
	struct json_writer json;
	json_writer_init(&json, &observation->json);
	json_begin_object(&json, NULL);
	write_tier(observation, &json, "service_tier", edits->tier);
	write_text(observation, &json, "guardrail", edits->guardrail_identifier);
	write_text(observation, &json, "guardrail_version", edits->guardrail_version);
	write_text(observation, &json, "guardrail_trace", edits->guardrail_trace);
	write_flag(observation, &json, "guardrail_partial", edits->is_partial);
	write_number(observation, &json, "max_tokens", (uint64_t)edits->max_tokens);
	write_flag(observation, &json, "required", edits->is_required);
	write_headers(observation, &json, edits->headers);
	json_end_object(&json);
	struct slice options = slice_from_offset(buffer_slice(&observation->options), 2);
	buffer_append(&observation->words, options.len ? options : SLICE("nothing"));
}

void observation_note(struct observation *observation, const struct driver_decision *decision) {
	bool is_first = observation->decisions++ == 0;
	bool by_policy = decision->report && decision->report->ending == ENDING_OK;
	if (is_first)
		observation->decided_by = decision->is_undecided ? DECIDED_BY_ON_ERROR
		                          : by_policy            ? DECIDED_BY_POLICY
		                                                 : DECIDED_BY_DEFAULT;
	if (decision->is_undecided && (is_first || decision->selection))
		note_undecided(observation, decision);
	else if (decision->selection)
		note_selection(observation, decision->selection);
	else if (!is_first)
		return;
	else if (decision->classification)
		note_classification(observation, decision->classification);
	else if (decision->edits)
		note_edits(observation, decision->edits);
	else if (strcmp(observation->hook, "accept") == 0)
		note_acceptance(observation, decision);
}

void observation_note_unasked(struct observation *observation, const struct step *last) {
	struct buffer *words = &observation->words;
	buffer_append(words, SLICE("not asked: "));
	if (last->kind == STEP_FAIL && last->error == ROUTE_NO_MODELS_AVAILABLE && last->why == NO_MODELS_NOT_SERVED)
		buffer_append(words, SLICE("no model serves it"));
	else if (last->kind == STEP_FAIL && last->error == ROUTE_NO_MODELS_AVAILABLE)
		buffer_printf(words, "no model is eligible, the first returns in %" PRIu64 " ms", last->retry_after_ms);
	else if (last->kind == STEP_FAIL && last->error == ROUTE_RETRIES_EXHAUSTED)
		buffer_append(words, SLICE("models or retries were used up before"));
	else if (last->kind == STEP_FAIL && last->error == ROUTE_DEADLINE_EXCEEDED)
		buffer_append(words, SLICE("the deadline passed before"));
	else if (last->kind == STEP_FAIL)
		buffer_append(words, SLICE("a failure was the answer before"));
	else
		buffer_append(words, SLICE("an answer came before"));
}

// Returns the model with the highest count in `chosen`, sets *count and clears the count; NULL when all are 0.
static const struct model *take_most_chosen(size_t *chosen, const struct pool *pool, size_t *count) {
	size_t best = 0;
	for (size_t i = 1; i < pool->count; i++)
		if (chosen[i] > chosen[best])
			best = i;
	*count = chosen[best];
	chosen[best] = 0;
	return *count ? &pool->models[best] : NULL;
}

static void write_share(struct observation *observation, const char *name, size_t count, size_t shown) {
	size_t percent = (count * 100 + observation->decisions / 2) / observation->decisions;
	buffer_printf(&observation->words, "%s%s", shown ? ", " : "", name);
	if (count < observation->decisions)
		buffer_printf(&observation->words, " %zu %%", percent);
}

// The chosen models, the most frequent first.
static void write_choices(struct observation *observation, struct json_writer *json, const struct pool *pool) {
	size_t count, shown = 0, rest = 0;
	const struct model *model;
	size_t *left = memory_new(pool->count, sizeof *left);
	memcpy(left, observation->chosen, pool->count * sizeof *left);
	json_begin_object(json, "models");
	while (observation->decisions && (model = take_most_chosen(left, pool, &count)) != NULL) {
		json_write_unsigned(json, model->name, count);
		if (shown < NAMES_SHOWN)
			write_share(observation, model->name, count, shown);
		else
			rest++;
		shown++;
	}
	free(left);
	json_end_object(json);
	json_write_unsigned(json, "none", observation->none);
	if (rest)
		buffer_printf(&observation->words, ", %zu more", rest);
	if (observation->none)
		write_share(observation, "none", observation->none, shown);
}

static void close_selection(struct observation *observation, const struct pool *pool) {
	struct json_writer json;
	json_writer_init(&json, &observation->json);
	json_begin_object(&json, NULL);
	write_choices(observation, &json, pool);
	json_write_members(&json, buffer_slice(&observation->options_json));
	json_write_string(&json, "reason", slice_from(observation->reason));
	json_end_object(&json);
	buffer_append(&observation->words, buffer_slice(&observation->options));
	if (observation->reason && *observation->reason)
		buffer_printf(&observation->words, " (%s)", observation->reason);
}

void observation_close(struct observation *observation, const struct pool *pool) {
	bool selected = strcmp(observation->hook, "select") == 0 && observation->decisions;
	if (selected)
		close_selection(observation, pool);
	if (observation->json.len == 0)
		buffer_append(&observation->json, SLICE("{}"));
	if (observation->words.len == 0)
		buffer_append(&observation->words, observation->mistakes ? SLICE("nothing") : SLICE("ran"));
}
