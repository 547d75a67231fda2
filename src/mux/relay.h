// SPDX-License-Identifier: Apache-2.0
// A streamed response on its way to the client: holds frames until content starts (the commit), then passes on whole
// frames with valid checksums, and decides whether the stream succeeded. Pure: it is fed bytes and calls an output.
#ifndef MUX_RELAY_H
#define MUX_RELAY_H

#include <stdbool.h>
#include <stddef.h>

#include "aws/eventstream.h"
#include "aws/operation.h"
#include "base/arena.h"
#include "base/buffer.h"
#include "base/service.h"
#include "base/slice.h"
#include "route/decide.h"

// Receives a stream. Both functions must do nothing if the owner's client has gone.
struct relay_output {
	void (*commit)(void *owner);                     // content starts; frames follow
	void (*frames)(void *owner, struct slice bytes); // whole frames, borrowed for the call
};

enum relay_phase {
	RELAY_HOLDING, // before the commit
	RELAY_FLOWING, // after it
	RELAY_STOPPED, // the message is whole, though the stream may go on
	RELAY_OVER,
};

enum relay_verdict {
	RELAY_MORE,      // feed the next bytes
	RELAY_SUCCEEDED, // the stream has ended well
	RELAY_FAILED,    // it has failed, see `failure`; after the commit the client has been sent a frame that says so
};

struct relay {
	enum operation operation;
	const struct relay_output *output;
	void *owner;
	struct eventstream_decoder decoder;
	struct buffer held;
	enum relay_phase phase;
	struct slice run; // adjacent whole frames in the fed bytes, not yet passed on
	struct token_usage usage;
	struct arena *arena;    // for the failure's texts
	struct failure failure; // without times and tier
	struct slice payload;   // of an exception before the commit: the service's JSON
};

// `output` and `arena` must outlive the relay. A frame larger than frame_bytes is corrupt. The relay commits when it
// would hold more than hold_bytes.
void relay_init(struct relay *relay, enum operation operation, size_t frame_bytes, size_t hold_bytes,
                struct arena *arena, const struct relay_output *output, void *owner);
void relay_free(struct relay *relay);

// Handles the next bytes of the stream. After RELAY_SUCCEEDED or RELAY_FAILED nothing more may be fed.
enum relay_verdict relay_feed(struct relay *relay, struct slice bytes);

// Ends the stream; returns RELAY_SUCCEEDED or RELAY_FAILED. `broken` is the failure that cut it off (a reset, a stall),
// with static texts; NULL: its bytes ended cleanly.
enum relay_verdict relay_finish(struct relay *relay, const struct failure *broken);

// Whether frames flow to the client.
bool relay_is_committed(const struct relay *relay);

#endif
