// SPDX-License-Identifier: Apache-2.0
// The text is made of words drawn by the seed, token by token, so that any part of it can be written without the text
// before it.
#include "emulator/generation.h"

enum { SENTENCE_TOKENS = 12, LEAD_TOKENS = 2, DELTA_TOKENS_MAX = 16 };

// A delta carries about what a model generates in this time, like the service's deltas.
#define DELTA_MS 50.0

static const char *const words[] = {
    "a",     "the",    "train",  "signal", "leaves",  "waits",  "platform", "line",     "points",  "switch",  "clear",
    "green", "amber",  "box",    "lever",  "track",   "north",  "south",    "morning",  "night",   "express", "local",
    "goods", "engine", "bridge", "tunnel", "yard",    "driver", "guard",    "ticket",   "slow",    "fast",    "early",
    "late",  "over",   "under",  "along",  "before",  "after",  "runs",     "stops",    "passes",  "carries", "turns",
    "holds", "rings",  "bell",   "block",  "section", "and",    "with",     "from",     "to",      "on",      "by",
    "while", "then",   "again",  "quiet",  "heavy",   "steady", "branch",   "junction", "station",
};
enum { WORD_COUNT = sizeof words / sizeof *words };

// The text of a refusal, in tokens.
static const char *const refusal_words[] = {
    "I'm", " sorry,", " but", " I", " can't", " help", " with", " that", " request.",
};
enum { REFUSAL_COUNT = sizeof refusal_words / sizeof *refusal_words };

uint64_t generation_number(const struct generation *generation, uint64_t index) {
	uint64_t z = generation->seed + (index + 1) * 0x9e3779b97f4a7c15;
	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return z ^ z >> 31;
}

void generation_init(struct generation *generation, enum operation operation, struct slice model,
                     const struct plan *plan) {
	*generation = (struct generation){
	    .operation = operation,
	    .family = family_of(model),
	    .model = model,
	    .seed = plan->seed,
	    .input_tokens = plan->input_tokens - plan->cache_read_tokens - plan->cache_write_tokens,
	    .cache_read_tokens = plan->cache_read_tokens,
	    .cache_write_tokens = plan->cache_write_tokens,
	    .output_tokens = plan->output_tokens,
	    .cut_short = plan->cut_short,
	    .refusal = plan->refusal,
	};
	if (plan->refusal && (!plan->cut_short || plan->output_tokens > REFUSAL_COUNT)) {
		generation->output_tokens = REFUSAL_COUNT + 1;
		generation->cut_short = false;
	}
	double tokens = plan->token_ms > 0 ? DELTA_MS / plan->token_ms : DELTA_TOKENS_MAX;
	generation->tokens_per_delta = tokens >= DELTA_TOKENS_MAX ? DELTA_TOKENS_MAX : tokens < 1 ? 1 : (uint64_t)tokens;
	generation->first_ms = (uint64_t)plan->first_ms;
	generation->last_ms = (uint64_t)(plan->first_ms + plan->token_ms * (double)(generation->output_tokens - 1));
}

uint64_t generation_total_tokens(const struct generation *generation) {
	return generation->input_tokens + generation->cache_read_tokens + generation->cache_write_tokens +
	       generation->output_tokens;
}

// Ids are printable ASCII; the two characters that JSON would escape occur in no real id and are left out.
static void append_model(const struct generation *generation, struct buffer *out) {
	for (size_t i = 0; i < generation->model.len; i++)
		if (generation->model.ptr[i] != '"' && generation->model.ptr[i] != '\\')
			buffer_append_byte(out, generation->model.ptr[i]);
}

static void append_word(const struct generation *generation, uint64_t index, struct buffer *out) {
	const char *word = words[generation_number(generation, index) % WORD_COUNT];
	uint64_t place = (index - LEAD_TOKENS) % SENTENCE_TOKENS;
	bool last = index + 1 == generation->output_tokens;
	buffer_append_byte(out, ' ');
	buffer_append_byte(out, place == 0 ? (char)(*word - 'a' + 'A') : *word);
	buffer_append(out, slice_from(word + 1));
	if (place == SENTENCE_TOKENS - 1 || (last && !generation->cut_short))
		buffer_append_byte(out, '.');
}

static void append_token(const struct generation *generation, uint64_t index, struct buffer *out) {
	if (generation->refusal) {
		if (index < REFUSAL_COUNT) {
			buffer_append(out, slice_from(refusal_words[index]));
			return;
		}
		buffer_append(out, SLICE(" ("));
		append_model(generation, out);
		buffer_append_byte(out, ')');
	} else if (index == 0) {
		append_model(generation, out);
	} else if (index < LEAD_TOKENS) {
		buffer_append(out, SLICE(" says:"));
	} else {
		append_word(generation, index, out);
	}
}

void generation_append_text(const struct generation *generation, uint64_t first, uint64_t count, struct buffer *out) {
	uint64_t end = first + count < generation->output_tokens ? first + count : generation->output_tokens;
	for (uint64_t i = first; i < end; i++)
		append_token(generation, i, out);
}
