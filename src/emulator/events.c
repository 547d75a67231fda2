// SPDX-License-Identifier: Apache-2.0
// Each family's stream in three parts: lead, deltas, tail. An event is a pure function of generation and number. The
// forms are those of recorded streams of the service.
#include "emulator/events.h"

#include <inttypes.h>

#include "aws/eventstream.h"
#include "base/base64.h"
#include "base/error.h"
#include "emulator/body.h"

enum { SCRATCH_BYTES = 65536 };

// A stream is `lead` events, then deltas of text, then `tail` events.
struct event_shape {
	unsigned lead;
	unsigned tail;
	void (*append_lead)(const struct generation *generation, unsigned index, struct buffer *json);
	void (*append_delta)(const struct generation *generation, uint64_t first, struct buffer *json);
	void (*append_tail)(const struct generation *generation, unsigned index, struct buffer *json);
};

static void append_text(const struct generation *generation, uint64_t first, struct buffer *json) {
	generation_append_text(generation, first, generation->tokens_per_delta, json);
}

// The service's own metrics, in the last chunk of every family.
static void append_metrics(const struct generation *generation, struct buffer *json) {
	buffer_printf(json,
	              "\"amazon-bedrock-invocationMetrics\":{\"inputTokenCount\":%" PRIu64 ",\"outputTokenCount\":%" PRIu64
	              ",\"invocationLatency\":%" PRIu64 ",\"firstByteLatency\":%" PRIu64 "}",
	              generation->input_tokens, generation->output_tokens, generation->last_ms, generation->first_ms);
}

// ConverseStream; the event's type is a header of the frame.

static const char *const converse_tail_types[] = {"contentBlockStop", "messageStop", "metadata"};

static void converse_lead(const struct generation *generation, unsigned index, struct buffer *json) {
	(void)generation;
	(void)index;
	buffer_append(json, SLICE("{\"role\":\"assistant\""));
}

static void converse_delta(const struct generation *generation, uint64_t first, struct buffer *json) {
	buffer_append(json, SLICE("{\"contentBlockIndex\":0,\"delta\":{\"text\":\""));
	append_text(generation, first, json);
	buffer_append(json, SLICE("\"}"));
}

static void converse_metadata(const struct generation *generation, struct buffer *json) {
	buffer_printf(json,
	              "{\"metrics\":{\"latencyMs\":%" PRIu64 "},\"usage\":{\"inputTokens\":%" PRIu64
	              ",\"outputTokens\":%" PRIu64 ",\"totalTokens\":%" PRIu64,
	              generation->last_ms, generation->input_tokens, generation->output_tokens,
	              generation_total_tokens(generation));
	body_append_cache(generation, json);
	buffer_append_byte(json, '}');
	if (generation->tier)
		buffer_printf(json, ",\"serviceTier\":{\"type\":\"%s\"}", generation->tier);
}

static void converse_tail(const struct generation *generation, unsigned index, struct buffer *json) {
	if (index == 0)
		buffer_append(json, SLICE("{\"contentBlockIndex\":0"));
	else if (index == 1)
		buffer_printf(json, "{\"stopReason\":\"%s\"", body_stop_reason(generation));
	else
		converse_metadata(generation, json);
}

static void nova_lead(const struct generation *generation, unsigned index, struct buffer *json) {
	(void)generation;
	(void)index;
	buffer_append(json, SLICE("{\"messageStart\":{\"role\":\"assistant\"}}"));
}

static void nova_delta(const struct generation *generation, uint64_t first, struct buffer *json) {
	buffer_append(json, SLICE("{\"contentBlockDelta\":{\"delta\":{\"text\":\""));
	append_text(generation, first, json);
	buffer_append(json, SLICE("\"},\"contentBlockIndex\":0}}"));
}

static void nova_tail(const struct generation *generation, unsigned index, struct buffer *json) {
	if (index == 0) {
		buffer_append(json, SLICE("{\"contentBlockStop\":{\"contentBlockIndex\":0}}"));
	} else if (index == 1) {
		buffer_printf(json, "{\"messageStop\":{\"stopReason\":\"%s\"}}", body_stop_reason(generation));
	} else {
		buffer_printf(json, "{\"metadata\":{\"usage\":{\"inputTokens\":%" PRIu64 ",\"outputTokens\":%" PRIu64,
		              generation->input_tokens, generation->output_tokens);
		body_append_cache(generation, json);
		buffer_append(json, SLICE("},\"metrics\":{},\"trace\":{}},"));
		append_metrics(generation, json);
		buffer_append_byte(json, '}');
	}
}

static void anthropic_lead(const struct generation *generation, unsigned index, struct buffer *json) {
	if (index == 1) {
		buffer_append(json, SLICE("{\"type\":\"content_block_start\",\"index\":0,"
		                          "\"content_block\":{\"type\":\"text\",\"text\":\"\"}}"));
		return;
	}
	buffer_printf(json,
	              "{\"type\":\"message_start\",\"message\":{\"id\":\"msg_bdrk_%016" PRIx64
	              "\",\"type\":\"message\",\"role\":\"assistant\",\"model\":",
	              generation_number(generation, 0));
	buffer_append_json(json, generation->model);
	buffer_printf(json,
	              ",\"content\":[],\"stop_reason\":null,\"stop_sequence\":null,"
	              "\"usage\":{\"input_tokens\":%" PRIu64 ",\"output_tokens\":1",
	              generation->input_tokens);
	body_append_anthropic_cache(generation, json);
	buffer_append(json, SLICE("}}}"));
}

static void anthropic_delta(const struct generation *generation, uint64_t first, struct buffer *json) {
	buffer_append(json, SLICE("{\"type\":\"content_block_delta\",\"index\":0,"
	                          "\"delta\":{\"type\":\"text_delta\",\"text\":\""));
	append_text(generation, first, json);
	buffer_append(json, SLICE("\"}}"));
}

static void anthropic_tail(const struct generation *generation, unsigned index, struct buffer *json) {
	if (index == 0) {
		buffer_append(json, SLICE("{\"type\":\"content_block_stop\",\"index\":0}"));
	} else if (index == 1) {
		buffer_printf(json,
		              "{\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"%s\",\"stop_sequence\":null},"
		              "\"usage\":{\"output_tokens\":%" PRIu64 "}}",
		              body_stop_reason(generation), generation->output_tokens);
	} else {
		buffer_append(json, SLICE("{\"type\":\"message_stop\","));
		append_metrics(generation, json);
		buffer_append_byte(json, '}');
	}
}

static void titan_delta(const struct generation *generation, uint64_t first, struct buffer *json) {
	buffer_append(json, SLICE("{\"outputText\":\""));
	append_text(generation, first, json);
	buffer_append(json, SLICE("\",\"index\":0,\"totalOutputTextTokenCount\":null,\"completionReason\":null,"
	                          "\"inputTextTokenCount\":null}"));
}

static void titan_tail(const struct generation *generation, unsigned index, struct buffer *json) {
	(void)index;
	buffer_printf(json,
	              "{\"outputText\":\"\",\"index\":0,\"totalOutputTextTokenCount\":%" PRIu64
	              ",\"completionReason\":\"%s\",\"inputTextTokenCount\":%" PRIu64 ",",
	              generation->output_tokens, body_stop_reason(generation), generation->input_tokens);
	append_metrics(generation, json);
	buffer_append_byte(json, '}');
}

static void llama_delta(const struct generation *generation, uint64_t first, struct buffer *json) {
	uint64_t made = first + generation->tokens_per_delta;
	buffer_append(json, SLICE("{\"generation\":\""));
	append_text(generation, first, json);
	buffer_append(json, SLICE("\",\"prompt_token_count\":"));
	if (first == 0)
		buffer_printf(json, "%" PRIu64, generation->input_tokens);
	else
		buffer_append(json, SLICE("null"));
	buffer_printf(json, ",\"generation_token_count\":%" PRIu64 ",\"stop_reason\":null}",
	              made < generation->output_tokens ? made : generation->output_tokens);
}

static void llama_tail(const struct generation *generation, unsigned index, struct buffer *json) {
	(void)index;
	buffer_printf(json,
	              "{\"generation\":\"\",\"prompt_token_count\":null,\"generation_token_count\":%" PRIu64
	              ",\"stop_reason\":\"%s\",",
	              generation->output_tokens, body_stop_reason(generation));
	append_metrics(generation, json);
	buffer_append_byte(json, '}');
}

static void mistral_delta(const struct generation *generation, uint64_t first, struct buffer *json) {
	buffer_append(json, SLICE("{\"outputs\":[{\"text\":\""));
	append_text(generation, first, json);
	buffer_append(json, SLICE("\",\"stop_reason\":null}]}"));
}

static void mistral_tail(const struct generation *generation, unsigned index, struct buffer *json) {
	(void)index;
	buffer_printf(json, "{\"outputs\":[{\"text\":\"\",\"stop_reason\":\"%s\"}],", body_stop_reason(generation));
	append_metrics(generation, json);
	buffer_append_byte(json, '}');
}

static const struct event_shape *shape_of(const struct generation *generation) {
	static const struct event_shape converse = {1, 3, converse_lead, converse_delta, converse_tail};
	static const struct event_shape families[] = {
	    [FAMILY_NOVA] = {1, 3, nova_lead, nova_delta, nova_tail},
	    [FAMILY_ANTHROPIC] = {2, 3, anthropic_lead, anthropic_delta, anthropic_tail},
	    [FAMILY_TITAN] = {0, 1, NULL, titan_delta, titan_tail},
	    [FAMILY_LLAMA] = {0, 1, NULL, llama_delta, llama_tail},
	    [FAMILY_MISTRAL] = {0, 1, NULL, mistral_delta, mistral_tail},
	};
	return generation->operation == OPERATION_CONVERSE_STREAM ? &converse : &families[generation->family];
}

static uint64_t delta_count(const struct generation *generation) {
	return (generation->output_tokens + generation->tokens_per_delta - 1) / generation->tokens_per_delta;
}

uint64_t events_count(const struct generation *generation) {
	const struct event_shape *shape = shape_of(generation);
	return shape->lead + delta_count(generation) + shape->tail;
}

uint64_t events_stop(const struct generation *generation) {
	return events_count(generation) - (generation->operation == OPERATION_CONVERSE_STREAM ? 2 : 1);
}

uint64_t events_tokens_due(const struct generation *generation, uint64_t index) {
	unsigned lead = shape_of(generation)->lead;
	if (index < lead)
		return 1;
	uint64_t tokens = (index - lead + 1) * generation->tokens_per_delta;
	return tokens < generation->output_tokens ? tokens : generation->output_tokens;
}

void events_scratch_init(struct events_scratch *scratch) {
	buffer_init(&scratch->json, SCRATCH_BYTES);
	buffer_init(&scratch->chunk, SCRATCH_BYTES);
}

void events_scratch_free(struct events_scratch *scratch) {
	buffer_free(&scratch->json);
	buffer_free(&scratch->chunk);
}

// The service pads its events so that their length doesn't reveal the text.
static void append_padding(const struct generation *generation, uint64_t index, struct buffer *json) {
	static const char padding[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
	buffer_append(json, SLICE(",\"p\":\""));
	buffer_append(json, slice_of(padding, 1 + generation_number(generation, index) % (sizeof padding - 1)));
	buffer_append(json, SLICE("\"}"));
}

static struct slice converse_type(uint64_t index, uint64_t deltas) {
	if (index == 0)
		return SLICE("messageStart");
	if (index <= deltas)
		return SLICE("contentBlockDelta");
	return slice_from(converse_tail_types[index - deltas - 1]);
}

int events_append(const struct generation *generation, uint64_t index, struct events_scratch *scratch,
                  struct buffer *out) {
	const struct event_shape *shape = shape_of(generation);
	uint64_t deltas = delta_count(generation);
	struct buffer *json = &scratch->json;
	buffer_clear(json);
	if (index < shape->lead)
		shape->append_lead(generation, (unsigned)index, json);
	else if (index < shape->lead + deltas)
		shape->append_delta(generation, (index - shape->lead) * generation->tokens_per_delta, json);
	else
		shape->append_tail(generation, (unsigned)(index - shape->lead - deltas), json);
	struct slice type = SLICE("chunk");
	if (generation->operation == OPERATION_CONVERSE_STREAM) {
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
	append_padding(generation, index, json);
	return json->failed ? ERROR_LIMIT : eventstream_encode_event(type, buffer_slice(json), out);
}
