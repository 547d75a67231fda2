// SPDX-License-Identifier: Apache-2.0
// Each family's stream as three pieces: lead, deltas, tail. An event is a pure function of reply and number, which is
// all that a stream has to keep between two writes. Forms are those of recorded streams of the service.
#include "emulator/events.h"

#include <inttypes.h>

#include "aws/eventstream.h"
#include "base/error.h"
#include "base/base64.h"
#include "emulator/body.h"

enum { SCRATCH_BYTES = 65536 };

// A stream is some events, then deltas of text, then some more events.
struct shape {
	unsigned lead;
	unsigned tail;
	void (*append_lead)(const struct reply *reply, unsigned index, struct buffer *json);
	void (*append_delta)(const struct reply *reply, uint64_t first, struct buffer *json);
	void (*append_tail)(const struct reply *reply, unsigned index, struct buffer *json);
};

static void append_text(const struct reply *reply, uint64_t first, struct buffer *json) {
	reply_append_text(reply, first, reply->tokens_per_delta, json);
}

// The service's own numbers, in the last chunk of any family.
static void append_metrics(const struct reply *reply, struct buffer *json) {
	buffer_printf(json,
	              "\"amazon-bedrock-invocationMetrics\":{\"inputTokenCount\":%" PRIu64 ",\"outputTokenCount\":%" PRIu64
	              ",\"invocationLatency\":%" PRIu64 ",\"firstByteLatency\":%" PRIu64 "}",
	              reply->input_tokens, reply->output_tokens, reply->last_ms, reply->first_ms);
}

// ConverseStream; the event's type is a header of the frame.

static const char *const converse_tail_types[] = {"contentBlockStop", "messageStop", "metadata"};

static void converse_lead(const struct reply *reply, unsigned index, struct buffer *json) {
	(void)reply;
	(void)index;
	buffer_append(json, SLICE("{\"role\":\"assistant\""));
}

static void converse_delta(const struct reply *reply, uint64_t first, struct buffer *json) {
	buffer_append(json, SLICE("{\"contentBlockIndex\":0,\"delta\":{\"text\":\""));
	append_text(reply, first, json);
	buffer_append(json, SLICE("\"}"));
}

static void converse_metadata(const struct reply *reply, struct buffer *json) {
	buffer_printf(json,
	              "{\"metrics\":{\"latencyMs\":%" PRIu64 "},\"usage\":{\"inputTokens\":%" PRIu64
	              ",\"outputTokens\":%" PRIu64 ",\"totalTokens\":%" PRIu64,
	              reply->last_ms, reply->input_tokens, reply->output_tokens, reply_total_tokens(reply));
	body_append_cache(reply, json);
	buffer_append_byte(json, '}');
	if (reply->tier)
		buffer_printf(json, ",\"serviceTier\":{\"type\":\"%s\"}", reply->tier);
}

static void converse_tail(const struct reply *reply, unsigned index, struct buffer *json) {
	if (index == 0)
		buffer_append(json, SLICE("{\"contentBlockIndex\":0"));
	else if (index == 1)
		buffer_printf(json, "{\"stopReason\":\"%s\"", body_stop_reason(reply));
	else
		converse_metadata(reply, json);
}

static void nova_lead(const struct reply *reply, unsigned index, struct buffer *json) {
	(void)reply;
	(void)index;
	buffer_append(json, SLICE("{\"messageStart\":{\"role\":\"assistant\"}}"));
}

static void nova_delta(const struct reply *reply, uint64_t first, struct buffer *json) {
	buffer_append(json, SLICE("{\"contentBlockDelta\":{\"delta\":{\"text\":\""));
	append_text(reply, first, json);
	buffer_append(json, SLICE("\"},\"contentBlockIndex\":0}}"));
}

static void nova_tail(const struct reply *reply, unsigned index, struct buffer *json) {
	if (index == 0) {
		buffer_append(json, SLICE("{\"contentBlockStop\":{\"contentBlockIndex\":0}}"));
	} else if (index == 1) {
		buffer_printf(json, "{\"messageStop\":{\"stopReason\":\"%s\"}}", body_stop_reason(reply));
	} else {
		buffer_printf(json, "{\"metadata\":{\"usage\":{\"inputTokens\":%" PRIu64 ",\"outputTokens\":%" PRIu64,
		              reply->input_tokens, reply->output_tokens);
		body_append_cache(reply, json);
		buffer_append(json, SLICE("},\"metrics\":{},\"trace\":{}},"));
		append_metrics(reply, json);
		buffer_append_byte(json, '}');
	}
}

static void anthropic_lead(const struct reply *reply, unsigned index, struct buffer *json) {
	if (index == 1) {
		buffer_append(json, SLICE("{\"type\":\"content_block_start\",\"index\":0,"
		                          "\"content_block\":{\"type\":\"text\",\"text\":\"\"}}"));
		return;
	}
	buffer_printf(json,
	              "{\"type\":\"message_start\",\"message\":{\"id\":\"msg_bdrk_%016" PRIx64
	              "\",\"type\":\"message\",\"role\":\"assistant\",\"model\":",
	              reply_number(reply, 0));
	buffer_append_json(json, reply->model);
	buffer_printf(json,
	              ",\"content\":[],\"stop_reason\":null,\"stop_sequence\":null,"
	              "\"usage\":{\"input_tokens\":%" PRIu64 ",\"output_tokens\":1",
	              reply->input_tokens);
	body_append_anthropic_cache(reply, json);
	buffer_append(json, SLICE("}}}"));
}

static void anthropic_delta(const struct reply *reply, uint64_t first, struct buffer *json) {
	buffer_append(json, SLICE("{\"type\":\"content_block_delta\",\"index\":0,"
	                          "\"delta\":{\"type\":\"text_delta\",\"text\":\""));
	append_text(reply, first, json);
	buffer_append(json, SLICE("\"}}"));
}

static void anthropic_tail(const struct reply *reply, unsigned index, struct buffer *json) {
	if (index == 0) {
		buffer_append(json, SLICE("{\"type\":\"content_block_stop\",\"index\":0}"));
	} else if (index == 1) {
		buffer_printf(json,
		              "{\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"%s\",\"stop_sequence\":null},"
		              "\"usage\":{\"output_tokens\":%" PRIu64 "}}",
		              body_stop_reason(reply), reply->output_tokens);
	} else {
		buffer_append(json, SLICE("{\"type\":\"message_stop\","));
		append_metrics(reply, json);
		buffer_append_byte(json, '}');
	}
}

static void titan_delta(const struct reply *reply, uint64_t first, struct buffer *json) {
	buffer_append(json, SLICE("{\"outputText\":\""));
	append_text(reply, first, json);
	buffer_append(json, SLICE("\",\"index\":0,\"totalOutputTextTokenCount\":null,\"completionReason\":null,"
	                          "\"inputTextTokenCount\":null}"));
}

static void titan_tail(const struct reply *reply, unsigned index, struct buffer *json) {
	(void)index;
	buffer_printf(json,
	              "{\"outputText\":\"\",\"index\":0,\"totalOutputTextTokenCount\":%" PRIu64
	              ",\"completionReason\":\"%s\",\"inputTextTokenCount\":%" PRIu64 ",",
	              reply->output_tokens, body_stop_reason(reply), reply->input_tokens);
	append_metrics(reply, json);
	buffer_append_byte(json, '}');
}

static void llama_delta(const struct reply *reply, uint64_t first, struct buffer *json) {
	uint64_t made = first + reply->tokens_per_delta;
	buffer_append(json, SLICE("{\"generation\":\""));
	append_text(reply, first, json);
	buffer_append(json, SLICE("\",\"prompt_token_count\":"));
	if (first == 0)
		buffer_printf(json, "%" PRIu64, reply->input_tokens);
	else
		buffer_append(json, SLICE("null"));
	buffer_printf(json, ",\"generation_token_count\":%" PRIu64 ",\"stop_reason\":null}",
	              made < reply->output_tokens ? made : reply->output_tokens);
}

static void llama_tail(const struct reply *reply, unsigned index, struct buffer *json) {
	(void)index;
	buffer_printf(json,
	              "{\"generation\":\"\",\"prompt_token_count\":null,\"generation_token_count\":%" PRIu64
	              ",\"stop_reason\":\"%s\",",
	              reply->output_tokens, body_stop_reason(reply));
	append_metrics(reply, json);
	buffer_append_byte(json, '}');
}

static void mistral_delta(const struct reply *reply, uint64_t first, struct buffer *json) {
	buffer_append(json, SLICE("{\"outputs\":[{\"text\":\""));
	append_text(reply, first, json);
	buffer_append(json, SLICE("\",\"stop_reason\":null}]}"));
}

static void mistral_tail(const struct reply *reply, unsigned index, struct buffer *json) {
	(void)index;
	buffer_printf(json, "{\"outputs\":[{\"text\":\"\",\"stop_reason\":\"%s\"}],", body_stop_reason(reply));
	append_metrics(reply, json);
	buffer_append_byte(json, '}');
}

static const struct shape *shape_of(const struct reply *reply) {
	static const struct shape converse = {1, 3, converse_lead, converse_delta, converse_tail};
	static const struct shape families[] = {
	    [FAMILY_NOVA] = {1, 3, nova_lead, nova_delta, nova_tail},
	    [FAMILY_ANTHROPIC] = {2, 3, anthropic_lead, anthropic_delta, anthropic_tail},
	    [FAMILY_TITAN] = {0, 1, NULL, titan_delta, titan_tail},
	    [FAMILY_LLAMA] = {0, 1, NULL, llama_delta, llama_tail},
	    [FAMILY_MISTRAL] = {0, 1, NULL, mistral_delta, mistral_tail},
	};
	return reply->operation == OPERATION_CONVERSE_STREAM ? &converse : &families[reply->family];
}

static uint64_t delta_count(const struct reply *reply) {
	return (reply->output_tokens + reply->tokens_per_delta - 1) / reply->tokens_per_delta;
}

uint64_t events_count(const struct reply *reply) {
	const struct shape *shape = shape_of(reply);
	return shape->lead + delta_count(reply) + shape->tail;
}

uint64_t events_stop(const struct reply *reply) {
	return events_count(reply) - (reply->operation == OPERATION_CONVERSE_STREAM ? 2 : 1);
}

uint64_t events_tokens_due(const struct reply *reply, uint64_t index) {
	unsigned lead = shape_of(reply)->lead;
	if (index < lead)
		return 1;
	uint64_t tokens = (index - lead + 1) * reply->tokens_per_delta;
	return tokens < reply->output_tokens ? tokens : reply->output_tokens;
}

void events_scratch_init(struct events_scratch *scratch) {
	buffer_init(&scratch->json, SCRATCH_BYTES);
	buffer_init(&scratch->chunk, SCRATCH_BYTES);
}

void events_scratch_free(struct events_scratch *scratch) {
	buffer_free(&scratch->json);
	buffer_free(&scratch->chunk);
}

// The service pads its events to lengths that tell nothing about the text.
static void append_padding(const struct reply *reply, uint64_t index, struct buffer *json) {
	static const char padding[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
	buffer_append(json, SLICE(",\"p\":\""));
	buffer_append(json, slice_of(padding, 1 + reply_number(reply, index) % (sizeof padding - 1)));
	buffer_append(json, SLICE("\"}"));
}

static struct slice converse_type(uint64_t index, uint64_t deltas) {
	if (index == 0)
		return SLICE("messageStart");
	if (index <= deltas)
		return SLICE("contentBlockDelta");
	return slice_from(converse_tail_types[index - deltas - 1]);
}

int events_append(const struct reply *reply, uint64_t index, struct events_scratch *scratch, struct buffer *out) {
	const struct shape *shape = shape_of(reply);
	uint64_t deltas = delta_count(reply);
	struct buffer *json = &scratch->json;
	buffer_clear(json);
	if (index < shape->lead)
		shape->append_lead(reply, (unsigned)index, json);
	else if (index < shape->lead + deltas)
		shape->append_delta(reply, (index - shape->lead) * reply->tokens_per_delta, json);
	else
		shape->append_tail(reply, (unsigned)(index - shape->lead - deltas), json);
	struct slice type = SLICE("chunk");
	if (reply->operation == OPERATION_CONVERSE_STREAM) {
		type = converse_type(index, deltas);
	} else {
		struct buffer *chunk = &scratch->chunk;
		buffer_clear(chunk);
		buffer_append(chunk, SLICE("{\"bytes\":\""));
		base64_encode(buffer_slice(json), chunk);
		buffer_append_byte(chunk, '"');
		chunk->failed |= json->failed;
		json = chunk;
	}
	append_padding(reply, index, json);
	return json->failed ? ERROR_LIMIT : eventstream_encode_event(type, buffer_slice(json), out);
}
