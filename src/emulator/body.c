// SPDX-License-Identifier: Apache-2.0
// One function for the form of each family. Member names and order are those of recorded responses of the service.
#include "emulator/body.h"

#include <inttypes.h>

static bool converses(const struct generation *generation) {
	return generation->operation == OPERATION_CONVERSE || generation->operation == OPERATION_CONVERSE_STREAM;
}

const char *body_stop_reason(const struct generation *generation) {
	switch (converses(generation) ? FAMILY_NOVA : generation->family) {
	case FAMILY_TITAN:
		return generation->cut_short ? "LENGTH" : "FINISH";
	case FAMILY_LLAMA:
	case FAMILY_MISTRAL:
		return generation->cut_short ? "length" : "stop";
	default:
		return generation->cut_short ? "max_tokens" : "end_turn";
	}
}

void body_append_cache(const struct generation *generation, struct buffer *out) {
	const char *unit = converses(generation) ? "s" : "Count";
	if (generation->cache_read_tokens + generation->cache_write_tokens > 0)
		buffer_printf(out, ",\"cacheReadInputToken%s\":%" PRIu64 ",\"cacheWriteInputToken%s\":%" PRIu64, unit,
		              generation->cache_read_tokens, unit, generation->cache_write_tokens);
}

void body_append_anthropic_cache(const struct generation *generation, struct buffer *out) {
	if (generation->cache_read_tokens + generation->cache_write_tokens > 0)
		buffer_printf(out, ",\"cache_creation_input_tokens\":%" PRIu64 ",\"cache_read_input_tokens\":%" PRIu64,
		              generation->cache_write_tokens, generation->cache_read_tokens);
}

static void append_usage(const struct generation *generation, struct buffer *out) {
	buffer_printf(out, ",\"usage\":{\"inputTokens\":%" PRIu64 ",\"outputTokens\":%" PRIu64 ",\"totalTokens\":%" PRIu64,
	              generation->input_tokens, generation->output_tokens, generation_total_tokens(generation));
	body_append_cache(generation, out);
	buffer_append(out, SLICE("}}"));
}

static void append_all_text(const struct generation *generation, struct buffer *out) {
	generation_append_text(generation, 0, generation->output_tokens, out);
}

// Converse's message, which is Nova's too.
static void append_message(const struct generation *generation, struct buffer *out) {
	buffer_append(out, SLICE("\"output\":{\"message\":{\"content\":[{\"text\":\""));
	append_all_text(generation, out);
	buffer_printf(out, "\"}],\"role\":\"assistant\"}},\"stopReason\":\"%s\"", body_stop_reason(generation));
	append_usage(generation, out);
}

static void append_converse(const struct generation *generation, struct buffer *out) {
	buffer_printf(out, "{\"metrics\":{\"latencyMs\":%" PRIu64 "},", generation->last_ms);
	if (generation->tier)
		buffer_printf(out, "\"serviceTier\":{\"type\":\"%s\"},", generation->tier);
	append_message(generation, out);
}

static void append_anthropic(const struct generation *generation, struct buffer *out) {
	buffer_printf(out, "{\"id\":\"msg_bdrk_%016" PRIx64 "\",\"type\":\"message\",\"role\":\"assistant\",\"model\":",
	              generation_number(generation, 0));
	buffer_append_json(out, generation->model);
	buffer_append(out, SLICE(",\"content\":[{\"type\":\"text\",\"text\":\""));
	append_all_text(generation, out);
	buffer_printf(out,
	              "\"}],\"stop_reason\":\"%s\",\"stop_sequence\":null,"
	              "\"usage\":{\"input_tokens\":%" PRIu64 ",\"output_tokens\":%" PRIu64,
	              body_stop_reason(generation), generation->input_tokens, generation->output_tokens);
	body_append_anthropic_cache(generation, out);
	buffer_append(out, SLICE("}}"));
}

static void append_titan(const struct generation *generation, struct buffer *out) {
	buffer_printf(out,
	              "{\"inputTextTokenCount\":%" PRIu64 ",\"results\":[{\"tokenCount\":%" PRIu64 ",\"outputText\":\"",
	              generation->input_tokens, generation->output_tokens);
	append_all_text(generation, out);
	buffer_printf(out, "\",\"completionReason\":\"%s\"}]}", body_stop_reason(generation));
}

static void append_llama(const struct generation *generation, struct buffer *out) {
	buffer_append(out, SLICE("{\"generation\":\""));
	append_all_text(generation, out);
	buffer_printf(
	    out, "\",\"prompt_token_count\":%" PRIu64 ",\"generation_token_count\":%" PRIu64 ",\"stop_reason\":\"%s\"}",
	    generation->input_tokens, generation->output_tokens, body_stop_reason(generation));
}

static void append_mistral(const struct generation *generation, struct buffer *out) {
	buffer_append(out, SLICE("{\"outputs\":[{\"text\":\""));
	append_all_text(generation, out);
	buffer_printf(out, "\",\"stop_reason\":\"%s\"}]}", body_stop_reason(generation));
}

void body_append(const struct generation *generation, struct buffer *out) {
	if (generation->operation == OPERATION_COUNT_TOKENS) {
		buffer_printf(out, "{\"inputTokens\":%" PRIu64 "}", generation->input_tokens);
		return;
	}
	if (generation->operation == OPERATION_CONVERSE) {
		append_converse(generation, out);
		return;
	}
	switch (generation->family) {
	case FAMILY_ANTHROPIC:
		append_anthropic(generation, out);
		break;
	case FAMILY_TITAN:
		append_titan(generation, out);
		break;
	case FAMILY_LLAMA:
		append_llama(generation, out);
		break;
	case FAMILY_MISTRAL:
		append_mistral(generation, out);
		break;
	case FAMILY_NOVA:
		buffer_append_byte(out, '{');
		append_message(generation, out);
		break;
	}
}
