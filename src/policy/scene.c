// SPDX-License-Identifier: Apache-2.0
// Words are short, and the same for the same decision: whoever prints scenes may fold those that say the same.
#include "policy/scene.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/memory.h"

enum { WORDS_BYTES = 16 << 10, JSON_BYTES = 4 << 20, NAMES_SHOWN = 4 };

void scene_init(struct scene *scene, const char *hook, const char *situation, size_t model_count) {
	*scene = (struct scene){.hook = hook, .situation = memory_string(slice_from(situation))};
	scene->model_count = model_count;
	scene->chosen = memory_new(model_count, sizeof *scene->chosen);
	buffer_init(&scene->words, WORDS_BYTES);
	buffer_init(&scene->json, JSON_BYTES);
	buffer_init(&scene->options, WORDS_BYTES);
	buffer_init(&scene->options_json, JSON_BYTES);
}

void scene_free(struct scene *scene) {
	buffer_free(&scene->words);
	buffer_free(&scene->json);
	buffer_free(&scene->options);
	buffer_free(&scene->options_json);
	free(scene->situation);
	free(scene->chosen);
	free(scene->reason);
}

void scene_count(struct scene *scene, const struct stage_decision *decision, bool exactly) {
	const struct call_report *report = decision->report;
	if (!exactly && (scene->cpu_ns == 0 || decision->cpu_ns < scene->cpu_ns))
		scene->cpu_ns = decision->cpu_ns;
	if (!report)
		return;
	scene->calls++;
	if (exactly && report->instructions > scene->instructions)
		scene->instructions = report->instructions;
	if (report->peak_bytes > scene->peak_bytes)
		scene->peak_bytes = report->peak_bytes;
	if (report->ending != ENDING_OK && scene->mistakes++ == 0)
		scene->mistake = *report;
}

static void write_headers(struct scene *scene, struct headers headers) {
	buffer_printf(&scene->options_json, ",\"headers\":[");
	for (size_t i = 0; i < headers.count; i++) {
		buffer_printf(&scene->options, "%s%.*s", i ? " " : ", headers ", SLICE_ARGS(headers.list[i].name));
		if (i)
			buffer_append_byte(&scene->options_json, ',');
		buffer_append_json(&scene->options_json, headers.list[i].name);
	}
	buffer_append_byte(&scene->options_json, ']');
}

static void write_number(struct scene *scene, const char *name, uint64_t number) {
	if (number == 0) {
		buffer_printf(&scene->options_json, ",\"%s\":null", name);
		return;
	}
	buffer_printf(&scene->options, ", %s %" PRIu64, name, number);
	buffer_printf(&scene->options_json, ",\"%s\":%" PRIu64, name, number);
}

static void write_text(struct scene *scene, const char *name, struct slice text) {
	buffer_printf(&scene->options_json, ",\"%s\":", name);
	if (text.len == 0) {
		buffer_append(&scene->options_json, SLICE("null"));
		return;
	}
	buffer_printf(&scene->options, ", %s %.*s", name, SLICE_ARGS(text));
	buffer_append_json(&scene->options_json, text);
}

static void write_tier(struct scene *scene, const char *name, enum service_tier tier) {
	write_text(scene, name, slice_from(service_tier_names[tier]));
}

static void note_selection(struct scene *scene, const struct selection *selection) {
	if (selection->model)
		scene->chosen[selection->model->index]++;
	else
		scene->none++;
	if (scene->decisions > 1)
		return;
	const struct attempt_options *options = &selection->options;
	write_number(scene, "timeout_ms", options->timeout_ms);
	write_number(scene, "ttft_ms", options->ttft_ms);
	write_number(scene, "hedge_after_ms", options->hedge_after_ms);
	write_tier(scene, "tier", options->tier);
	write_headers(scene, options->headers);
	scene->reason = memory_string(selection->reason);
}

static const char *bool_text(bool value) {
	return value ? "true" : "false";
}

static void note_classification(struct scene *scene, const struct classification *c) {
	struct buffer *words = &scene->words;
	buffer_printf(words, "%s, %s", verdict_names[c->verdict], outcome_names[c->outcome]);
	if (c->verdict == VERDICT_RETRY)
		buffer_printf(words, ", after %" PRIu64 " ms", c->after_ms);
	if (c->counts)
		buffer_append(words, SLICE(", counts against the breaker"));
	if (c->throttle && c->cooldown_ms)
		buffer_printf(words, ", rests %" PRIu64 " ms as asked", c->cooldown_ms);
	else if (c->throttle)
		buffer_append(words, SLICE(", rests 1000 ms, doubling"));
	else if (c->cooldown_ms)
		buffer_printf(words, ", %s %" PRIu64 " ms", c->orders_only ? "stands behind for" : "rests", c->cooldown_ms);
	buffer_printf(&scene->json,
	              "{\"verdict\":\"%s\",\"outcome\":\"%s\",\"counts\":%s,\"cooldown_ms\":%" PRIu64
	              ",\"doubles\":%s,\"orders_only\":%s,\"after_ms\":%" PRIu64 "}",
	              verdict_names[c->verdict], outcome_names[c->outcome], bool_text(c->counts), c->cooldown_ms,
	              bool_text(c->throttle && !c->cooldown_ms), bool_text(c->orders_only), c->after_ms);
}

static void note_judgement(struct scene *scene, const struct stage_decision *decision) {
	if (decision->accepted)
		buffer_append(&scene->words, SLICE("accepted"));
	else
		buffer_printf(&scene->words, "refused: %.*s", SLICE_ARGS(decision->reason));
	buffer_printf(&scene->json, "{\"accepted\":%s,\"reason\":", bool_text(decision->accepted));
	buffer_append_json(&scene->json, decision->reason);
	buffer_append_byte(&scene->json, '}');
}

static void note_edits(struct scene *scene, const struct edits *edits) {
	write_tier(scene, "service_tier", edits->tier);
	write_text(scene, "guardrail", edits->guardrail_identifier);
	write_text(scene, "guardrail_version", edits->guardrail_version);
	write_text(scene, "guardrail_trace", edits->guardrail_trace);
	write_number(scene, "max_tokens", (uint64_t)edits->max_tokens);
	write_headers(scene, edits->headers);
	struct slice options = slice_from_offset(buffer_slice(&scene->options), 2);
	buffer_append(&scene->words, options.len ? options : SLICE("nothing"));
	buffer_printf(&scene->json, "{%.*s}", SLICE_ARGS(slice_from_offset(buffer_slice(&scene->options_json), 1)));
}

void scene_note(struct scene *scene, const struct stage_decision *decision) {
	bool is_first = scene->decisions++ == 0;
	bool by_policy = decision->report && decision->report->ending == ENDING_OK;
	if (is_first)
		scene->decided_by = by_policy ? DECIDED_BY_POLICY : DECIDED_BY_DEFAULT;
	if (decision->selection)
		note_selection(scene, decision->selection);
	else if (!is_first)
		return;
	else if (decision->classification)
		note_classification(scene, decision->classification);
	else if (decision->edits)
		note_edits(scene, decision->edits);
	else if (strcmp(scene->hook, "accept") == 0)
		note_judgement(scene, decision);
}

void scene_note_unasked(struct scene *scene, const struct step *last) {
	struct buffer *words = &scene->words;
	buffer_append(words, SLICE("not asked: "));
	if (last->kind == STEP_FAIL && last->error == ROUTE_NO_MODELS_AVAILABLE && last->why == NO_MODELS_NOT_SERVED)
		buffer_append(words, SLICE("no model serves it"));
	else if (last->kind == STEP_FAIL && last->error == ROUTE_NO_MODELS_AVAILABLE)
		buffer_printf(words, "no model is eligible, the first returns in %" PRIu64 " ms", last->retry_after_ms);
	else if (last->kind == STEP_FAIL && last->error == ROUTE_RETRIES_EXHAUSTED)
		buffer_append(words, SLICE("models or retries were used up before"));
	else if (last->kind == STEP_FAIL && last->error == ROUTE_DEADLINE)
		buffer_append(words, SLICE("the deadline passed before"));
	else if (last->kind == STEP_FAIL)
		buffer_append(words, SLICE("a failure was the answer before"));
	else
		buffer_append(words, SLICE("an answer came before"));
}

// The chosen model of the highest count that isn't taken yet, whose count it takes; NULL when none is left.
static const struct model *take_most_chosen(size_t *chosen, const struct pool *pool, size_t *count) {
	size_t best = 0;
	for (size_t i = 1; i < pool->count; i++)
		if (chosen[i] > chosen[best])
			best = i;
	*count = chosen[best];
	chosen[best] = 0;
	return *count ? &pool->models[best] : NULL;
}

static void write_share(struct scene *scene, const char *name, size_t count, size_t shown) {
	size_t percent = (count * 100 + scene->decisions / 2) / scene->decisions;
	buffer_printf(&scene->words, "%s%s", shown ? ", " : "", name);
	if (count < scene->decisions)
		buffer_printf(&scene->words, " %zu %%", percent);
}

static void close_selection(struct scene *scene, const struct pool *pool) {
	size_t count, shown = 0, rest = 0;
	const struct model *model;
	size_t *left = memory_new(pool->count, sizeof *left);
	memcpy(left, scene->chosen, pool->count * sizeof *left);
	buffer_append(&scene->json, SLICE("{\"models\":{"));
	while (scene->decisions && (model = take_most_chosen(left, pool, &count)) != NULL) {
		if (shown)
			buffer_append_byte(&scene->json, ',');
		buffer_append_json(&scene->json, slice_from(model->name));
		buffer_printf(&scene->json, ":%zu", count);
		if (shown < NAMES_SHOWN)
			write_share(scene, model->name, count, shown);
		else
			rest++;
		shown++;
	}
	free(left);
	if (rest)
		buffer_printf(&scene->words, ", %zu more", rest);
	if (scene->none)
		write_share(scene, "none", scene->none, shown);
	buffer_append(&scene->words, buffer_slice(&scene->options));
	if (scene->reason && *scene->reason)
		buffer_printf(&scene->words, " (%s)", scene->reason);
	buffer_printf(&scene->json, "},\"none\":%zu", scene->none);
	buffer_append(&scene->json, buffer_slice(&scene->options_json));
	buffer_append(&scene->json, SLICE(",\"reason\":"));
	buffer_append_json(&scene->json, slice_from(scene->reason));
	buffer_append_byte(&scene->json, '}');
}

void scene_close(struct scene *scene, const struct pool *pool) {
	bool selected = strcmp(scene->hook, "select") == 0 && scene->decisions;
	if (selected)
		close_selection(scene, pool);
	if (scene->json.len == 0)
		buffer_append(&scene->json, SLICE("{}"));
	if (scene->words.len == 0)
		buffer_append(&scene->words, scene->mistakes ? SLICE("nothing") : SLICE("ran"));
}
