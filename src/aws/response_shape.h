// SPDX-License-Identifier: Apache-2.0
// What stands where in the response of a model, in the shapes of Converse and of the model families on InvokeModel. It
// is a model's, broken JSON too: what can't be read is unknown, never an error. Each function is one bounded pass.
#ifndef AWS_RESPONSE_SHAPE_H
#define AWS_RESPONSE_SHAPE_H

#include <stdint.h>

#include "base/header.h"
#include "base/json.h"
#include "base/slice.h"

// As the model counted them; -1 where unknown.
struct token_usage {
	int64_t input_tokens;
	int64_t output_tokens;
	int64_t cache_read_tokens;
	int64_t cache_write_tokens;
};

#define TOKEN_USAGE_UNKNOWN ((struct token_usage){-1, -1, -1, -1})

// Texts are borrowed from the body, and empty where absent or written with escapes.
struct response_shape {
	struct token_usage usage; // Converse's
	struct slice stop_reason;
	struct slice tier; // serviceTier.type
};

// Reads a whole response, or the payload of a ConverseStream's `metadata` or `messageStop` event.
void response_shape_read(struct slice body, struct response_shape *shape);

// Tells the texts that the model wrote, in their order: no reasoning, no tools' input.
void response_shape_each_text(struct slice body, json_text_callback on_text, void *owner);

// Tells the text of a ConverseStream's `contentBlockDelta`; nothing of other events.
void response_shape_delta(struct slice payload, json_text_callback on_text, void *owner);

// The tier that served an InvokeModel, by its headers; empty where they don't say.
struct slice response_shape_tier(struct headers headers);

// From the x-amzn-bedrock-*-token-count headers of an InvokeModel response. Sets only what it finds.
void response_shape_read_headers(struct headers headers, struct token_usage *usage);

// From the amazon-bedrock-invocationMetrics in the last chunk of an InvokeModel stream; to be given every chunk's
// payload, of which the others are passed over quickly. Sets only what it finds.
void response_shape_read_chunk(struct slice payload, struct token_usage *usage);

#endif
