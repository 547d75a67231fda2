// SPDX-License-Identifier: Apache-2.0
// What stands where in the body of a request to a model, in the shapes of Converse and of the model families on
// InvokeModel. One pass finds all that is wanted: no tree, no copy, linear time. What isn't the JSON of a known shape
// yields nothing, never an error; of a body that breaks off, what stands before the break counts.
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

// Everything is borrowed from the body, as it stands there.
struct request_shape {
	struct slice metadata; // the object `requestMetadata`; empty where absent
	struct slice tier;     // serviceTier.type, if it is there once in a whole body; empty otherwise
	bool takes_tier;       // the body is a whole object with one serviceTier at most, so that one can be written
	int64_t max_tokens;    // the limit of the response's tokens; -1 where absent or no whole number
	uint64_t input_tokens; // an estimate: a quarter of the bytes of all texts
	// What a prompt begins with, as JSON; empty where absent.
	struct slice system;
	struct slice tools;
	struct slice tool_config; // Converse's tools
	struct slice first_message;
};

void request_shape_read(struct slice body, struct request_shape *shape);

// Tells the texts of the body in their order: strings under the keys "text", "content", "prompt" and "inputText".
void request_shape_each_text(struct slice body, json_text_callback on_text, void *owner);

// The tier that a request asks for by itself: Converse's stands in its body, of which `shape` was read (NULL where it
// couldn't be), InvokeModel's in its headers. Empty where it says nothing clear.
struct slice request_shape_tier(enum operation operation, struct headers headers, const struct request_shape *shape);

// Whether a tier can be written into the request: into a Converse body of that shape, or into InvokeModel's headers.
bool request_shape_takes_tier(enum operation operation, const struct request_shape *shape);

// Appends a Converse body that asks this of a model; `max_tokens` of 0 is no limit. Check out->failed.
void request_shape_write(struct slice prompt, uint64_t max_tokens, struct buffer *out);

// Where edits of a body go, by its members' names.
#define REQUEST_TIER "serviceTier"
#define REQUEST_TIER_TYPE "type"
#define REQUEST_GUARDRAIL "guardrailConfig"
#define REQUEST_CONFIG "inferenceConfig"
#define REQUEST_MAX_TOKENS "maxTokens"

// The headers that InvokeModel has in their place.
#define REQUEST_TIER_HEADER "x-amzn-bedrock-service-tier"
#define REQUEST_GUARDRAIL_HEADER "x-amzn-bedrock-guardrailidentifier"
#define REQUEST_GUARDRAIL_VERSION_HEADER "x-amzn-bedrock-guardrailversion"
#define REQUEST_TRACE_HEADER "x-amzn-bedrock-trace"

// Where the bodies of the model families have their limits of tokens: a member of the outermost object, or of an object
// in it. Ended by an empty path.
extern const struct json_path *const request_limits;

#endif
