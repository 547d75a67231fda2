// SPDX-License-Identifier: Apache-2.0
// Each family's stream in three parts: lead, deltas, tail. An event is a pure function of generation and number. The
// forms are those of recorded streams of the service.
#include "emulator/events.h"

#include <inttypes.h>

#include "aws/eventstream.h"
#include "aws/response_event.h"
#include "aws/response_shape.h"
#include "base/base64.h"
#include "base/error.h"
#include "base/json_writer.h"
#include "emulator/body.h"

enum { SCRATCH_BYTES = 65536 };

// A stream has leading events, deltas of text, and trailing events. Each function writes members of the event's object.
struct event_shape {
	unsigned lead;
	unsigned tail;
	void (*write_lead)(const struct generation *generation, unsigned index, struct json_writer *json);
	void (*write_delta)(const struct generation *generation, uint64_t first, struct json_writer *json);
	void (*write_tail)(const struct generation *generation, unsigned index, struct json_writer *json);
};

static void write_text(const struct generation *generation, const char *key, uint64_t first, struct json_writer *json) {
	json_begin_string(json, key);
	generation_append_text(generation, first, generation->tokens_per_delta, json->out);
	json_end_string(json);
}

static void write_word(const char *key, const char *word, struct json_writer *json) {
	json_write_string(json, key, slice_from(word));
}

// The service's metrics, in the last chunk of each family.
static void write_metrics(const struct generation *generation, struct json_writer *json) {
	json_begin_object(json, RESPONSE_METRICS);
	json_write_unsigned(json, RESPONSE_METRICS_INPUT_TOKENS, generation->input_tokens);
	json_write_unsigned(json, RESPONSE_METRICS_OUTPUT_TOKENS, generation->output_tokens);
	json_write_unsigned(json, "invocationLatency", generation->last_ms);
	json_write_unsigned(json, "firstByteLatency", generation->first_ms);
	json_end_object(json);
}

// ConverseStream; the event's type is a header of the frame.

static const char *const converse_tail_types[] = {RESPONSE_EVENT_BLOCK_STOP, RESPONSE_EVENT_STOP,
                                                  RESPONSE_EVENT_METADATA};

static void converse_lead(const struct generation *generation, unsigned index, struct json_writer *json) {
	(void)generation;
	(void)index;
	write_word("role", "assistant", json);
}

static void converse_delta(const struct generation *generation, uint64_t first, struct json_writer *json) {
	json_write_unsigned(json, "contentBlockIndex", 0);
	json_begin_object(json, "delta");
	write_text(generation, "text", first, json);
	json_end_object(json);
}

static void converse_metadata(const struct generation *generation, struct json_writer *json) {
	body_write_latency(generation, json);
	body_write_usage(generation, json);
	body_write_tier(generation, json);
}

static void converse_tail(const struct generation *generation, unsigned index, struct json_writer *json) {
	if (index == 0)
		json_write_unsigned(json, "contentBlockIndex", 0);
	else if (index == 1)
		write_word(RESPONSE_STOP_REASON, body_stop_reason(generation), json);
	else
		converse_metadata(generation, json);
}

static void nova_lead(const struct generation *generation, unsigned index, struct json_writer *json) {
	(void)generation;
	(void)index;
	json_begin_object(json, RESPONSE_EVENT_START);
	write_word("role", "assistant", json);
	json_end_object(json);
}

static void nova_delta(const struct generation *generation, uint64_t first, struct json_writer *json) {
	json_begin_object(json, RESPONSE_EVENT_BLOCK_DELTA);
	json_begin_object(json, "delta");
	write_text(generation, "text", first, json);
	json_end_object(json);
	json_write_unsigned(json, "contentBlockIndex", 0);
	json_end_object(json);
}

static void nova_metadata(const struct generation *generation, struct json_writer *json) {
	json_begin_object(json, RESPONSE_EVENT_METADATA);
	body_write_usage(generation, json);
	json_write_raw(json, "metrics", SLICE("{}"));
	json_write_raw(json, "trace", SLICE("{}"));
	json_end_object(json);
	write_metrics(generation, json);
}

static void nova_tail(const struct generation *generation, unsigned index, struct json_writer *json) {
	if (index == 2) {
		nova_metadata(generation, json);
		return;
	}
	json_begin_object(json, index == 0 ? RESPONSE_EVENT_BLOCK_STOP : RESPONSE_EVENT_STOP);
	if (index == 0)
		json_write_unsigned(json, "contentBlockIndex", 0);
	else
		write_word(RESPONSE_STOP_REASON, body_stop_reason(generation), json);
	json_end_object(json);
}

static void anthropic_start(const struct generation *generation, struct json_writer *json) {
	write_word("type", "message_start", json);
	json_begin_object(json, "message");
	body_write_anthropic_id(generation, json);
	write_word("type", "message", json);
	write_word("role", "assistant", json);
	json_write_string(json, "model", generation->model);
	json_write_raw(json, "content", SLICE("[]"));
	json_write_null(json, "stop_reason");
	json_write_null(json, "stop_sequence");
	json_begin_object(json, "usage");
	json_write_unsigned(json, "input_tokens", generation->input_tokens);
	json_write_unsigned(json, "output_tokens", 1);
	body_write_anthropic_cache(generation, json);
	json_end_object(json);
	json_end_object(json);
}

static void anthropic_lead(const struct generation *generation, unsigned index, struct json_writer *json) {
	if (index == 0) {
		anthropic_start(generation, json);
		return;
	}
	write_word("type", "content_block_start", json);
	json_write_unsigned(json, "index", 0);
	json_begin_object(json, "content_block");
	write_word("type", "text", json);
	write_word("text", "", json);
	json_end_object(json);
}

static void anthropic_delta(const struct generation *generation, uint64_t first, struct json_writer *json) {
	write_word("type", "content_block_delta", json);
	json_write_unsigned(json, "index", 0);
	json_begin_object(json, "delta");
	write_word("type", "text_delta", json);
	write_text(generation, "text", first, json);
	json_end_object(json);
}

static void anthropic_end(const struct generation *generation, struct json_writer *json) {
	write_word("type", "message_delta", json);
	json_begin_object(json, "delta");
	write_word("stop_reason", body_stop_reason(generation), json);
	json_write_null(json, "stop_sequence");
	json_end_object(json);
	json_begin_object(json, "usage");
	json_write_unsigned(json, "output_tokens", generation->output_tokens);
	json_end_object(json);
}

static void anthropic_tail(const struct generation *generation, unsigned index, struct json_writer *json) {
	if (index == 0) {
		write_word("type", "content_block_stop", json);
		json_write_unsigned(json, "index", 0);
	} else if (index == 1) {
		anthropic_end(generation, json);
	} else {
		write_word("type", "message_stop", json);
		write_metrics(generation, json);
	}
}

static void titan_delta(const struct generation *generation, uint64_t first, struct json_writer *json) {
	write_text(generation, "outputText", first, json);
	json_write_unsigned(json, "index", 0);
	json_write_null(json, "totalOutputTextTokenCount");
	json_write_null(json, "completionReason");
	json_write_null(json, "inputTextTokenCount");
}

static void titan_tail(const struct generation *generation, unsigned index, struct json_writer *json) {
	(void)index;
	write_word("outputText", "", json);
	json_write_unsigned(json, "index", 0);
	json_write_unsigned(json, "totalOutputTextTokenCount", generation->output_tokens);
	write_word("completionReason", body_stop_reason(generation), json);
	json_write_unsigned(json, "inputTextTokenCount", generation->input_tokens);
	write_metrics(generation, json);
}

static void llama_delta(const struct generation *generation, uint64_t first, struct json_writer *json) {
	uint64_t made = first + generation->tokens_per_delta;
	write_text(generation, "generation", first, json);
	if (first == 0)
		json_write_unsigned(json, "prompt_token_count", generation->input_tokens);
	else
		json_write_null(json, "prompt_token_count");
	json_write_unsigned(json, "generation_token_count",
	                    made < generation->output_tokens ? made : generation->output_tokens);
	json_write_null(json, "stop_reason");
}

static void llama_tail(const struct generation *generation, unsigned index, struct json_writer *json) {
	(void)index;
	write_word("generation", "", json);
	json_write_null(json, "prompt_token_count");
	json_write_unsigned(json, "generation_token_count", generation->output_tokens);
	write_word("stop_reason", body_stop_reason(generation), json);
	write_metrics(generation, json);
}

static void mistral_delta(const struct generation *generation, uint64_t first, struct json_writer *json) {
	json_begin_array(json, "outputs");
	json_begin_object(json, NULL);
	write_text(generation, "text", first, json);
	json_write_null(json, "stop_reason");
	json_end_object(json);
	json_end_array(json);
}

static void mistral_tail(const struct generation *generation, unsigned index, struct json_writer *json) {
	(void)index;
	json_begin_array(json, "outputs");
	json_begin_object(json, NULL);
	write_word("text", "", json);
	write_word("stop_reason", body_stop_reason(generation), json);
	json_end_object(json);
	json_end_array(json);
	write_metrics(generation, json);
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

// The service pads its events, so that their lengths reveal nothing about the text.
static void write_padding(const struct generation *generation, uint64_t index, struct json_writer *json) {
	static const char padding[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
	json_write_string(json, "p", slice_of(padding, 1 + generation_number(generation, index) % (sizeof padding - 1)));
}

static struct slice converse_type(uint64_t index, uint64_t deltas) {
	if (index == 0)
		return SLICE(RESPONSE_EVENT_START);
	if (index <= deltas)
		return SLICE(RESPONSE_EVENT_BLOCK_DELTA);
	return slice_from(converse_tail_types[index - deltas - 1]);
}

static void write_event(const struct generation *generation, uint64_t index, struct json_writer *json) {
	const struct event_shape *shape = shape_of(generation);
	uint64_t deltas = delta_count(generation);
	if (index < shape->lead)
		shape->write_lead(generation, (unsigned)index, json);
	else if (index < shape->lead + deltas)
		shape->write_delta(generation, (index - shape->lead) * generation->tokens_per_delta, json);
	else
		shape->write_tail(generation, (unsigned)(index - shape->lead - deltas), json);
}

// The payload of an InvokeModel stream's frame: the event as base64.
static struct buffer *write_chunk(const struct generation *generation, uint64_t index, struct events_scratch *scratch) {
	struct buffer *event = &scratch->json, *chunk = &scratch->chunk;
	struct json_writer json;
	buffer_clear(chunk);
	json_writer_init(&json, chunk);
	json_begin_object(&json, NULL);
	json_begin_string(&json, "bytes");
	base64_encode(buffer_slice(event), chunk);
	json_end_string(&json);
	write_padding(generation, index, &json);
	json_end_object(&json);
	chunk->failed |= event->failed;
	return chunk;
}

int events_append(const struct generation *generation, uint64_t index, struct events_scratch *scratch,
                  struct buffer *out) {
	bool is_converse = generation->operation == OPERATION_CONVERSE_STREAM;
	struct buffer *payload = &scratch->json;
	struct json_writer json;
	buffer_clear(payload);
	json_writer_init(&json, payload);
	json_begin_object(&json, NULL);
	write_event(generation, index, &json);
	if (is_converse)
		write_padding(generation, index, &json);
	json_end_object(&json);
	if (!is_converse)
		payload = write_chunk(generation, index, scratch);
	struct slice type = is_converse ? converse_type(index, delta_count(generation)) : SLICE(RESPONSE_EVENT_CHUNK);
	return payload->failed ? ERROR_LIMIT : eventstream_encode_event(type, buffer_slice(payload), out);
}
