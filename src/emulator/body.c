// SPDX-License-Identifier: Apache-2.0
// One function for each family's form. Member names and order are those of recorded answers of the service.
#include "emulator/body.h"

#include <inttypes.h>

static bool converses(const struct reply *reply) {
	return reply->operation == OPERATION_CONVERSE || reply->operation == OPERATION_CONVERSE_STREAM;
}

const char *body_stop_reason(const struct reply *reply) {
	switch (converses(reply) ? FAMILY_NOVA : reply->family) {
	case FAMILY_TITAN:
		return reply->cut_short ? "LENGTH" : "FINISH";
	case FAMILY_LLAMA:
	case FAMILY_MISTRAL:
		return reply->cut_short ? "length" : "stop";
	default:
		return reply->cut_short ? "max_tokens" : "end_turn";
	}
}

void body_append_cache(const struct reply *reply, struct buffer *out) {
	const char *unit = converses(reply) ? "s" : "Count";
	if (reply->cache_read_tokens + reply->cache_write_tokens > 0)
		buffer_printf(out, ",\"cacheReadInputToken%s\":%" PRIu64 ",\"cacheWriteInputToken%s\":%" PRIu64, unit,
		              reply->cache_read_tokens, unit, reply->cache_write_tokens);
}

void body_append_anthropic_cache(const struct reply *reply, struct buffer *out) {
	if (reply->cache_read_tokens + reply->cache_write_tokens > 0)
		buffer_printf(out, ",\"cache_creation_input_tokens\":%" PRIu64 ",\"cache_read_input_tokens\":%" PRIu64,
		              reply->cache_write_tokens, reply->cache_read_tokens);
}

static void append_usage(const struct reply *reply, struct buffer *out) {
	buffer_printf(out, ",\"usage\":{\"inputTokens\":%" PRIu64 ",\"outputTokens\":%" PRIu64 ",\"totalTokens\":%" PRIu64,
	              reply->input_tokens, reply->output_tokens, reply_total_tokens(reply));
	body_append_cache(reply, out);
	buffer_append(out, SLICE("}}"));
}

static void append_all_text(const struct reply *reply, struct buffer *out) {
	reply_append_text(reply, 0, reply->output_tokens, out);
}

// Converse's message, which is Nova's too.
static void append_message(const struct reply *reply, struct buffer *out) {
	buffer_append(out, SLICE("\"output\":{\"message\":{\"content\":[{\"text\":\""));
	append_all_text(reply, out);
	buffer_printf(out, "\"}],\"role\":\"assistant\"}},\"stopReason\":\"%s\"", body_stop_reason(reply));
	append_usage(reply, out);
}

static void append_converse(const struct reply *reply, struct buffer *out) {
	buffer_printf(out, "{\"metrics\":{\"latencyMs\":%" PRIu64 "},", reply->last_ms);
	if (reply->tier)
		buffer_printf(out, "\"serviceTier\":{\"type\":\"%s\"},", reply->tier);
	append_message(reply, out);
}

static void append_anthropic(const struct reply *reply, struct buffer *out) {
	buffer_printf(out, "{\"id\":\"msg_bdrk_%016" PRIx64 "\",\"type\":\"message\",\"role\":\"assistant\",\"model\":",
	              reply_number(reply, 0));
	buffer_append_json(out, reply->model);
	buffer_append(out, SLICE(",\"content\":[{\"type\":\"text\",\"text\":\""));
	append_all_text(reply, out);
	buffer_printf(out,
	              "\"}],\"stop_reason\":\"%s\",\"stop_sequence\":null,"
	              "\"usage\":{\"input_tokens\":%" PRIu64 ",\"output_tokens\":%" PRIu64,
	              body_stop_reason(reply), reply->input_tokens, reply->output_tokens);
	body_append_anthropic_cache(reply, out);
	buffer_append(out, SLICE("}}"));
}

static void append_titan(const struct reply *reply, struct buffer *out) {
	buffer_printf(out,
	              "{\"inputTextTokenCount\":%" PRIu64 ",\"results\":[{\"tokenCount\":%" PRIu64 ",\"outputText\":\"",
	              reply->input_tokens, reply->output_tokens);
	append_all_text(reply, out);
	buffer_printf(out, "\",\"completionReason\":\"%s\"}]}", body_stop_reason(reply));
}

static void append_llama(const struct reply *reply, struct buffer *out) {
	buffer_append(out, SLICE("{\"generation\":\""));
	append_all_text(reply, out);
	buffer_printf(
	    out, "\",\"prompt_token_count\":%" PRIu64 ",\"generation_token_count\":%" PRIu64 ",\"stop_reason\":\"%s\"}",
	    reply->input_tokens, reply->output_tokens, body_stop_reason(reply));
}

static void append_mistral(const struct reply *reply, struct buffer *out) {
	buffer_append(out, SLICE("{\"outputs\":[{\"text\":\""));
	append_all_text(reply, out);
	buffer_printf(out, "\",\"stop_reason\":\"%s\"}]}", body_stop_reason(reply));
}

void body_append(const struct reply *reply, struct buffer *out) {
	if (reply->operation == OPERATION_COUNT_TOKENS) {
		buffer_printf(out, "{\"inputTokens\":%" PRIu64 "}", reply->input_tokens);
		return;
	}
	if (reply->operation == OPERATION_CONVERSE) {
		append_converse(reply, out);
		return;
	}
	switch (reply->family) {
	case FAMILY_ANTHROPIC:
		append_anthropic(reply, out);
		break;
	case FAMILY_TITAN:
		append_titan(reply, out);
		break;
	case FAMILY_LLAMA:
		append_llama(reply, out);
		break;
	case FAMILY_MISTRAL:
		append_mistral(reply, out);
		break;
	case FAMILY_NOVA:
		buffer_append_byte(out, '{');
		append_message(reply, out);
		break;
	}
}
