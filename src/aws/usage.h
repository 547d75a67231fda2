// SPDX-License-Identifier: Apache-2.0
// What a model counted, read from answers in passing. Answers are a model's, broken JSON too: what can't be read is
// unknown, never an error. Each function is one bounded pass over its text.
#ifndef AWS_USAGE_H
#define AWS_USAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/header.h"
#include "base/slice.h"

// -1 where unknown.
struct token_usage {
	int64_t input_tokens;
	int64_t output_tokens;
	int64_t cache_read_tokens;
	int64_t cache_write_tokens;
};

#define TOKEN_USAGE_UNKNOWN ((struct token_usage){-1, -1, -1, -1})

// From the `usage` member of a Converse answer or of the payload of a ConverseStream `metadata` event, which look
// alike. Sets only what it finds.
void usage_read_converse(struct slice body, struct token_usage *usage);

// From the x-amzn-bedrock-*-token-count headers of an InvokeModel answer. Sets only what it finds.
void usage_read_headers(struct headers headers, struct token_usage *usage);

// From the amazon-bedrock-invocationMetrics in the last chunk of an InvokeModel stream; to be given every chunk's
// payload, of which the others are passed over quickly. Sets only what it finds.
void usage_read_chunk(struct slice payload, struct token_usage *usage);

// `stopReason` of a Converse answer or of a `messageStop` payload; borrowed, empty where there is none.
struct slice usage_stop_reason(struct slice body);

#endif
