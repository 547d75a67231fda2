// SPDX-License-Identifier: Apache-2.0
// One function for the form of each family. Member names and order are those of recorded responses of the service.
#include "emulator/body.h"

#include <inttypes.h>

#include "aws/response_shape.h"

const char *body_stop_reason(const struct generation *generation) {
	switch (operation_is_converse(generation->operation) ? FAMILY_NOVA : generation->family) {
	case FAMILY_TITAN:
		return generation->cut_short ? "LENGTH" : "FINISH";
	case FAMILY_LLAMA:
	case FAMILY_MISTRAL:
		return generation->cut_short ? "length" : "stop";
	default:
		return generation->cut_short ? "max_tokens" : "end_turn";
	}
}

static bool is_cached(const struct generation *generation) {
	return generation->cache_read_tokens + generation->cache_write_tokens > 0;
}

// Nova names the cached tokens otherwise than Converse, and a chunk of its streams has no total.
void body_write_usage(const struct generation *generation, struct json_writer *json) {
	bool is_converse = operation_is_converse(generation->operation);
	json_begin_object(json, RESPONSE_USAGE);
	json_write_unsigned(json, RESPONSE_INPUT_TOKENS, generation->input_tokens);
	json_write_unsigned(json, RESPONSE_OUTPUT_TOKENS, generation->output_tokens);
	if (generation->operation != OPERATION_INVOKE_MODEL_STREAM)
		json_write_unsigned(json, "totalTokens", generation_total_tokens(generation));
	if (is_cached(generation)) {
		json_write_unsigned(json, is_converse ? RESPONSE_CACHE_READ_TOKENS : "cacheReadInputTokenCount",
		                    generation->cache_read_tokens);
		json_write_unsigned(json, is_converse ? RESPONSE_CACHE_WRITE_TOKENS : "cacheWriteInputTokenCount",
		                    generation->cache_write_tokens);
	}
	json_end_object(json);
}

void body_write_tier(const struct generation *generation, struct json_writer *json) {
	if (generation->tier == TIER_NONE)
		return;
	json_begin_object(json, RESPONSE_TIER);
	json_write_string(json, RESPONSE_TIER_TYPE, slice_from(service_tier_names[generation->tier]));
	json_end_object(json);
}

void body_write_latency(const struct generation *generation, struct json_writer *json) {
	json_begin_object(json, "metrics");
	json_write_unsigned(json, "latencyMs", generation->last_ms);
	json_end_object(json);
}

void body_write_anthropic_cache(const struct generation *generation, struct json_writer *json) {
	if (!is_cached(generation))
		return;
	json_write_unsigned(json, "cache_creation_input_tokens", generation->cache_write_tokens);
	json_write_unsigned(json, "cache_read_input_tokens", generation->cache_read_tokens);
}

void body_write_anthropic_id(const struct generation *generation, struct json_writer *json) {
	json_begin_string(json, "id");
	buffer_printf(json->out, "msg_bdrk_%016" PRIx64, generation_number(generation, 0));
	json_end_string(json);
}

static void write_text(const struct generation *generation, const char *key, struct json_writer *json) {
	json_begin_string(json, key);
	generation_append_text(generation, 0, generation->output_tokens, json->out);
	json_end_string(json);
}

static void write_stop_reason(const struct generation *generation, const char *key, struct json_writer *json) {
	json_write_string(json, key, slice_from(body_stop_reason(generation)));
}

// Converse's message, which is Nova's too.
static void write_message(const struct generation *generation, struct json_writer *json) {
	json_begin_object(json, "output");
	json_begin_object(json, "message");
	json_begin_array(json, "content");
	json_begin_object(json, NULL);
	write_text(generation, "text", json);
	json_end_object(json);
	json_end_array(json);
	json_write_string(json, "role", SLICE("assistant"));
	json_end_object(json);
	json_end_object(json);
	write_stop_reason(generation, RESPONSE_STOP_REASON, json);
	body_write_usage(generation, json);
}

static void write_converse(const struct generation *generation, struct json_writer *json) {
	body_write_latency(generation, json);
	body_write_tier(generation, json);
	write_message(generation, json);
}

static void write_anthropic(const struct generation *generation, struct json_writer *json) {
	body_write_anthropic_id(generation, json);
	json_write_string(json, "type", SLICE("message"));
	json_write_string(json, "role", SLICE("assistant"));
	json_write_string(json, "model", generation->model);
	json_begin_array(json, "content");
	json_begin_object(json, NULL);
	json_write_string(json, "type", SLICE("text"));
	write_text(generation, "text", json);
	json_end_object(json);
	json_end_array(json);
	write_stop_reason(generation, "stop_reason", json);
	json_write_null(json, "stop_sequence");
	json_begin_object(json, "usage");
	json_write_unsigned(json, "input_tokens", generation->input_tokens);
	json_write_unsigned(json, "output_tokens", generation->output_tokens);
	body_write_anthropic_cache(generation, json);
	json_end_object(json);
}

static void write_titan(const struct generation *generation, struct json_writer *json) {
	json_write_unsigned(json, "inputTextTokenCount", generation->input_tokens);
	json_begin_array(json, "results");
	json_begin_object(json, NULL);
	json_write_unsigned(json, "tokenCount", generation->output_tokens);
	write_text(generation, "outputText", json);
	write_stop_reason(generation, "completionReason", json);
	json_end_object(json);
	json_end_array(json);
}

static void write_llama(const struct generation *generation, struct json_writer *json) {
	write_text(generation, "generation", json);
	json_write_unsigned(json, "prompt_token_count", generation->input_tokens);
	json_write_unsigned(json, "generation_token_count", generation->output_tokens);
	write_stop_reason(generation, "stop_reason", json);
}

static void write_mistral(const struct generation *generation, struct json_writer *json) {
	json_begin_array(json, "outputs");
	json_begin_object(json, NULL);
	write_text(generation, "text", json);
	write_stop_reason(generation, "stop_reason", json);
	json_end_object(json);
	json_end_array(json);
}

void body_append(const struct generation *generation, struct buffer *out) {
	static void (*const families[])(const struct generation *generation, struct json_writer *json) = {
	    [FAMILY_ANTHROPIC] = write_anthropic, [FAMILY_TITAN] = write_titan,  [FAMILY_LLAMA] = write_llama,
	    [FAMILY_MISTRAL] = write_mistral,     [FAMILY_NOVA] = write_message,
	};
	struct json_writer json;
	json_writer_init(&json, out);
	json_begin_object(&json, NULL);
	if (generation->operation == OPERATION_COUNT_TOKENS)
		json_write_unsigned(&json, "inputTokens", generation->input_tokens);
	else if (generation->operation == OPERATION_CONVERSE)
		write_converse(generation, &json);
	else
		families[generation->family](generation, &json);
	json_end_object(&json);
}
