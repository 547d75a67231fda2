// SPDX-License-Identifier: Apache-2.0
// The layout of a model's responses, for Converse and for the model families of InvokeModel. A response is untrusted
// and may be broken JSON: values that can't be read are unknown, which is no error. Each function is one bounded pass.
#ifndef AWS_RESPONSE_SHAPE_H
#define AWS_RESPONSE_SHAPE_H

#include <stdint.h>

#include "base/header.h"
#include "base/json.h"
#include "base/slice.h"

// As counted by the model; -1: unknown.
struct token_usage {
	int64_t input_tokens;
	int64_t output_tokens;
	int64_t cache_read_tokens;
	int64_t cache_write_tokens;
};

#define TOKEN_USAGE_UNKNOWN ((struct token_usage){-1, -1, -1, -1})

// Texts are borrowed from the body; empty if absent or if they contain escapes.
struct response_shape {
	struct token_usage usage; // only of Converse
	struct slice stop_reason;
	struct slice tier; // serviceTier.type
};

// Reads a complete response, or the payload of a ConverseStream's `metadata` or `messageStop` event.
void response_shape_read(struct slice body, struct response_shape *shape);

// Passes the texts of the model to `on_text`, in their order, without reasoning and tool input.
void response_shape_each_text(struct slice body, json_text_callback on_text, void *owner);

// Passes the text of a ConverseStream's `contentBlockDelta` to `on_text`. Other events have none.
void response_shape_delta(struct slice payload, json_text_callback on_text, void *owner);

// The tier that served an InvokeModel request, from the headers; empty if they don't state it.
struct slice response_shape_tier(struct headers headers);

// Reads the x-amzn-bedrock-*-token-count headers of an InvokeModel response. Sets only the counts that it finds.
void response_shape_read_headers(struct headers headers, struct token_usage *usage);

// Reads amazon-bedrock-invocationMetrics, which the last chunk of an InvokeModel stream has. Call this with the payload
// of every chunk; those without metrics cost little. Sets only the counts that it finds.
void response_shape_read_chunk(struct slice payload, struct token_usage *usage);

#endif
