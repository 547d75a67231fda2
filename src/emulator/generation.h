// SPDX-License-Identifier: Apache-2.0
// What a model answers, as content: made from a plan, the same for the same plan. How it goes on the wire is the
// business of body.h (whole) and events.h (as a stream).
#ifndef EMULATOR_GENERATION_H
#define EMULATOR_GENERATION_H

#include <stdbool.h>
#include <stdint.h>

#include "aws/operation.h"
#include "base/buffer.h"
#include "base/slice.h"
#include "emulator/family.h"
#include "world/behaviour.h"

struct generation {
	enum operation operation;
	enum family family;
	struct slice model; // the id that was asked for; borrowed
	uint64_t seed;
	uint64_t input_tokens; // beside those of the cache
	uint64_t cache_read_tokens;
	uint64_t cache_write_tokens;
	uint64_t output_tokens;
	uint64_t tokens_per_delta; // of a stream
	uint64_t first_ms;         // to the first token
	uint64_t last_ms;          // to the last one
	bool cut_short;
	bool refusal;
	const char *tier; // the service tier that was asked for by name; NULL for none
};

void generation_init(struct generation *generation, enum operation operation, struct slice model,
                     const struct plan *plan);

// All tokens of the request and of its answer.
uint64_t generation_total_tokens(const struct generation *generation);

// Appends `count` tokens of the text from `first` on; the end of the text is the end. Needs no escapes in JSON. The
// first token is the model's id, so that whoever reads an answer sees who gave it; of a refusal it is the last one.
void generation_append_text(const struct generation *generation, uint64_t first, uint64_t count, struct buffer *out);

// A number from the reply's seed that is the same each time for the same `index`.
uint64_t generation_number(const struct generation *generation, uint64_t index);

#endif
