// SPDX-License-Identifier: Apache-2.0
// A streamed answer on its way through: holds frames back until content starts (the commit), then passes on whole
// frames with right checksums, and judges how the stream ended (design, section 2, "Commit"). Pure: fed bytes, tells an
// output.
#ifndef MUX_RELAY_H
#define MUX_RELAY_H

#include <stdbool.h>
#include <stddef.h>

#include "aws/eventstream.h"
#include "aws/operation.h"
#include "base/arena.h"
#include "base/buffer.h"
#include "base/slice.h"
#include "route/decide.h"

// Where a stream goes. Either call may be given an owner whose client has gone; it then does nothing.
struct relay_output {
	void (*commit)(void *owner);                     // content starts; frames follow
	void (*frames)(void *owner, struct slice bytes); // whole frames, borrowed for the call
};

enum relay_phase { RELAY_HOLDING, RELAY_FLOWING, RELAY_STOPPED, RELAY_OVER };

enum relay_verdict {
	RELAY_MORE,      // feed on
	RELAY_SUCCEEDED, // over, and good
	RELAY_FAILED,    // over; `failure` says how. After the commit the client has been sent the frame that says so.
};

struct relay {
	enum operation operation;
	const struct relay_output *output;
	void *owner;
	struct eventstream_decoder decoder;
	struct buffer held;
	enum relay_phase phase;
	struct slice run; // whole frames of the fed bytes, not yet passed on
	struct usage usage;
	struct arena *arena;    // of the texts of the failure
	struct failure failure; // kind, status, name, message, type, fault
	struct slice payload;   // of an exception before the commit: the service's own JSON
};

// `output` and `arena` outlive the relay. hold_bytes: a hold that grows to this commits.
void relay_init(struct relay *relay, enum operation operation, size_t frame_bytes, size_t hold_bytes,
                struct arena *arena, const struct relay_output *output, void *owner);
void relay_free(struct relay *relay);

// Takes the next bytes of the stream. After RELAY_SUCCEEDED or RELAY_FAILED nothing more may be fed.
enum relay_verdict relay_feed(struct relay *relay, struct slice bytes);

// The stream came to its end; answers RELAY_SUCCEEDED or RELAY_FAILED. `broken` says what happened to its bytes ("it
// was reset", "it fell silent"), its texts live for ever; NULL: they ended cleanly.
enum relay_verdict relay_finish(struct relay *relay, const struct failure *broken);

bool relay_is_committed(const struct relay *relay);

#endif
