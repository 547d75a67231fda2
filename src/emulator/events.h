// SPDX-License-Identifier: Apache-2.0
// Streamed answers as event-stream frames: ConverseStream's events, and the chunks of InvokeModelWithResponseStream in
// the shape of each family. Any event can be written by its number, so that a stream keeps no more than that.
#ifndef EMULATOR_EVENTS_H
#define EMULATOR_EVENTS_H

#include <stdint.h>

#include "base/buffer.h"
#include "emulator/generation.h"

// How many events the whole stream has.
uint64_t events_count(const struct generation *generation);

// The number of messageStop in a ConverseStream, else that of the last event: what comes before it is no whole answer.
uint64_t events_stop(const struct generation *generation);

// Tokens that must have been made before the event can be sent, the event's own included.
uint64_t events_tokens_due(const struct generation *generation, uint64_t index);

// Scratch space for events_append; init with buffer_init and a limit of a frame.
struct events_scratch {
	struct buffer json;
	struct buffer chunk;
};
void events_scratch_init(struct events_scratch *scratch);
void events_scratch_free(struct events_scratch *scratch);

// Appends the frame of event `index`. 0, or as eventstream_encode.
int events_append(const struct generation *generation, uint64_t index, struct events_scratch *scratch,
                  struct buffer *out);

#endif
