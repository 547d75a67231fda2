// SPDX-License-Identifier: Apache-2.0
// The layout of request bodies, for Converse and for the model families of InvokeModel. One pass finds all values: no
// tree, no copy, linear time. A body of unknown layout has no values, which is no error. Of a broken body, the values
// before the break count.
#ifndef AWS_REQUEST_SHAPE_H
#define AWS_REQUEST_SHAPE_H

#include <stddef.h>
#include <stdbool.h>
#include <stdint.h>

#include "aws/operation.h"
#include "base/buffer.h"
#include "base/header.h"
#include "base/json_walk.h"
#include "base/slice.h"

// All slices are borrowed from the body, unchanged.
struct request_shape {
	struct slice metadata; // the object `requestMetadata`; empty if absent
	struct slice tier;     // serviceTier.type, if it is there once in a complete body; otherwise empty
	bool takes_tier;       // the body is a complete object with one serviceTier at most, so that it can be set
	int64_t max_tokens;    // the limit of the response's tokens; -1 if absent or no whole number
	uint64_t input_tokens; // an estimate: a quarter of the bytes of all texts
	// The beginning of the prompt, as JSON; empty if absent.
	struct slice system;
	struct slice tools;
	struct slice tool_config; // Converse's tools
	struct slice first_message;
};

void request_shape_read(struct slice body, struct request_shape *shape);

// Passes the texts of the body to `on_text`, in their order: strings under the keys "text", "content", "prompt" and
// "inputText".
void request_shape_each_text(struct slice body, json_text_callback on_text, void *owner);

// The tier that the client has asked for: Converse has it in the body, which `shape` describes (NULL if the body
// couldn't be read), InvokeModel in its headers. Empty if there is none or it is ambiguous.
struct slice request_shape_tier(enum operation operation, struct headers headers, const struct request_shape *shape);

// Whether a tier can be set: in a Converse body of that shape, or in InvokeModel's headers.
bool request_shape_takes_tier(enum operation operation, const struct request_shape *shape);

// Appends a Converse body with this prompt; `max_tokens` of 0 sets no limit. Check out->failed.
void request_shape_write(struct slice prompt, uint64_t max_tokens, struct buffer *out);

// The members that edits of a Converse body set.
#define REQUEST_TIER "serviceTier"
#define REQUEST_TIER_TYPE "type"
#define REQUEST_GUARDRAIL "guardrailConfig"
#define REQUEST_CONFIG "inferenceConfig"
#define REQUEST_MAX_TOKENS "maxTokens"

// The headers that InvokeModel has instead.
#define REQUEST_TIER_HEADER "x-amzn-bedrock-service-tier"
#define REQUEST_GUARDRAIL_HEADER "x-amzn-bedrock-guardrailidentifier"
#define REQUEST_GUARDRAIL_VERSION_HEADER "x-amzn-bedrock-guardrailversion"
#define REQUEST_TRACE_HEADER "x-amzn-bedrock-trace"

// The token limits in the bodies of the model families: a member of the outermost object, or of an object in it. Ended
// by an empty path.
extern const struct json_path *const request_limits;

#endif
