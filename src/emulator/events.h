// SPDX-License-Identifier: Apache-2.0
// Streamed responses as event-stream frames: ConverseStream's events, and the chunks of InvokeModelWithResponseStream
// in the shape of each family. An event is a function of its number, so that a stream's only state is that number.
#ifndef EMULATOR_EVENTS_H
#define EMULATOR_EVENTS_H

#include <stdint.h>

#include "base/buffer.h"
#include "emulator/generation.h"

// The number of events of the complete stream.
uint64_t events_count(const struct generation *generation);

// The index of messageStop in a ConverseStream, otherwise of the last event: without it the response isn't complete.
uint64_t events_stop(const struct generation *generation);

// Tokens that must have been generated before the event can be sent, including its own.
uint64_t events_tokens_due(const struct generation *generation, uint64_t index);

// Scratch space for events_append.
struct events_scratch {
	struct buffer json;
	struct buffer chunk;
};
void events_scratch_init(struct events_scratch *scratch);
void events_scratch_free(struct events_scratch *scratch);

// Appends the frame of event `index`. 0, or an error as eventstream_encode returns it.
int events_append(const struct generation *generation, uint64_t index, struct events_scratch *scratch,
                  struct buffer *out);

#endif
