// SPDX-License-Identifier: Apache-2.0
// The size of a request's body in tokens, and its limit of output tokens. None of its text is kept.
#ifndef EMULATOR_PROMPT_H
#define EMULATOR_PROMPT_H

#include <stdbool.h>
#include <stdint.h>

#include "aws/operation.h"
#include "aws/request_shape.h"
#include "base/service.h"
#include "base/slice.h"

struct prompt {
	uint64_t input_tokens;  // an estimate by the length of the texts, at least 1
	uint64_t max_tokens;    // 0 if the body sets no limit
	bool has_messages;      // a `messages` array that isn't empty
	uint64_t prefix_tokens; // of the system prompt and the tools, if there is a cache point; else 0
	uint64_t prefix_key;    // a hash of these
	enum service_tier tier; // that the request names
};

// Reads the body of any operation on a model; `shape` is its shape. 0, or ERROR_INVALID if it is no JSON object.
int prompt_read(enum operation operation, struct slice body, const struct request_shape *shape, struct prompt *prompt);

#endif
