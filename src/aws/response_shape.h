// SPDX-License-Identifier: Apache-2.0
// The layout of a model's responses, for Converse and for the model families of InvokeModel. A response is untrusted
// and may be broken JSON: values that can't be read are unknown, which is no error. Each function is one bounded pass.
#ifndef AWS_RESPONSE_SHAPE_H
#define AWS_RESPONSE_SHAPE_H

#include "base/header.h"
#include "base/json.h"
#include "base/json_walk.h"
#include "base/service.h"
#include "base/slice.h"

// Members of Converse's responses, which the emulator writes.
#define RESPONSE_STOP_REASON "stopReason"
#define RESPONSE_TIER "serviceTier"
#define RESPONSE_TIER_TYPE "type"
#define RESPONSE_USAGE "usage"
#define RESPONSE_INPUT_TOKENS "inputTokens"
#define RESPONSE_OUTPUT_TOKENS "outputTokens"
#define RESPONSE_CACHE_READ_TOKENS "cacheReadInputTokens"
#define RESPONSE_CACHE_WRITE_TOKENS "cacheWriteInputTokens"

// InvokeModel's metrics: an object in the last chunk of a stream; else headers.
#define RESPONSE_METRICS "amazon-bedrock-invocationMetrics"
#define RESPONSE_METRICS_INPUT_TOKENS "inputTokenCount"
#define RESPONSE_METRICS_OUTPUT_TOKENS "outputTokenCount"
#define RESPONSE_TIER_HEADER "x-amzn-bedrock-service-tier"
#define RESPONSE_INPUT_TOKENS_HEADER "x-amzn-bedrock-input-token-count"
#define RESPONSE_OUTPUT_TOKENS_HEADER "x-amzn-bedrock-output-token-count"

// Texts are borrowed from the body; empty if absent or if they contain escapes.
struct response_shape {
	struct token_usage usage; // only of Converse
	struct slice stop_reason;
	struct slice tier; // serviceTier.type
	uint64_t tokens;   // the work of another pass: values, ends of containers, and the reader's other steps
};

// Reads a complete response, or the payload of a ConverseStream's `metadata` or `messageStop` event.
void response_shape_read(struct slice body, struct response_shape *shape);

// The same pass, in slices. `body` and `shape` are borrowed until it is over.
struct response_scan {
	struct json_walk walk;
	struct response_shape *shape;
};

void response_scan_begin(struct response_scan *scan, struct slice body, struct response_shape *shape);
// Reads on by at most `bytes`. True once the whole body has been read.
bool response_scan_step(struct response_scan *scan, size_t bytes);

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
