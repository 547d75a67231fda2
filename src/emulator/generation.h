// SPDX-License-Identifier: Apache-2.0
// The content of a model's response: made from a plan, the same for the same plan. body.h formats it as a whole body,
// events.h as a stream.
#ifndef EMULATOR_GENERATION_H
#define EMULATOR_GENERATION_H

#include <stdbool.h>
#include <stdint.h>

#include "aws/operation.h"
#include "base/buffer.h"
#include "base/service.h"
#include "base/slice.h"
#include "emulator/family.h"
#include "world/behaviour.h"

struct generation {
	enum operation operation;
	enum family family;
	struct slice model; // the requested id; borrowed
	uint64_t seed;
	uint64_t input_tokens; // apart from those of the cache
	uint64_t cache_read_tokens;
	uint64_t cache_write_tokens;
	uint64_t output_tokens;
	uint64_t tokens_per_delta; // of a stream
	uint64_t first_ms;         // to the first token
	uint64_t last_ms;          // to the last one
	bool cut_short;
	bool refusal;
	enum service_tier tier; // that the request names
};

// `model` is borrowed for the generation's life.
void generation_init(struct generation *generation, enum operation operation, struct slice model,
                     const struct plan *plan);

// All tokens of the request and of its response.
uint64_t generation_total_tokens(const struct generation *generation);

// Appends up to `count` tokens of the text from `first` on. The text needs no escapes in JSON. Its first token, or the
// last one of a refusal, is the model's id, so that a response shows which model gave it.
void generation_append_text(const struct generation *generation, uint64_t first, uint64_t count, struct buffer *out);

// A pseudorandom number of the seed, always the same for the same `index`.
uint64_t generation_number(const struct generation *generation, uint64_t index);

#endif
