// SPDX-License-Identifier: Apache-2.0
// One try of a request on one model: signs and sends it, collects or relays the response, and reports its end once.
// Routing decides whether the response is good enough and what comes next.
#ifndef MUX_ATTEMPT_H
#define MUX_ATTEMPT_H

#include <stdbool.h>
#include <stdint.h>

#include "aws/response_shape.h"
#include "base/arena.h"
#include "base/buffer.h"
#include "base/list.h"
#include "http/exchange.h"
#include "mux/mux.h"
#include "mux/relay.h"
#include "mux/slice_queue.h"
#include "mux/version.h"
#include "mux/worker.h"
#include "route/request.h"

struct request_edits;
struct attempt;

// An upstream's error response, to be passed on to the client.
struct upstream_error {
	struct headers headers;
	struct slice body;
};

// Callbacks to the owner. None is called from within attempt_start or attempt_cancel. Each may cancel the attempt.
struct attempt_events {
	// Around each turn of the attempt (an event of its exchange, or its timer): its memory must live until `drop`.
	void (*hold)(void *owner);
	void (*drop)(void *owner);
	// A stream's content begins: the head is in the attempt, frames follow.
	void (*on_committed)(struct attempt *attempt);
	// Whole frames for the client, borrowed for the call. Returns false when the client's buffer is full: frames then
	// pause until attempt_resume.
	bool (*on_frames)(struct attempt *attempt, struct slice frames);
	// The attempt has ended: see attempt->result. Called exactly once, last, unless the attempt is cancelled.
	void (*on_ended)(struct attempt *attempt);
};

// What an attempt works with; borrowed for its life unless noted.
struct attempt_order {
	const struct attempt_events *events;
	void *owner;
	struct mux_worker *worker;
	const struct mux_call *call;
	struct arena *arena;
	const struct target *target;
	uint64_t stream_idle_ms;
	char *payload_hash;          // of the client's body, see sign.h
	bool reads_response;         // whether the policy may read a whole response
	struct request_edits *edits; // owned by the attempt if attempt_start returns one; NULL: send what the client sent
};

// Lives in its request's arena, which must outlive the attempt's end.
struct attempt {
	struct list link; // for the owner's use
	struct attempt_order order;
	const struct model *model; // NULL for an operation without a model
	uint32_t id;
	uint64_t timeout_ms; // from the start to the last byte, or to the commit of a stream

	struct exchange *exchange; // NULL before the start and after the end
	struct timer timer;
	uint64_t started_ms;
	uint64_t last_byte_ms;
	int64_t ttft_ms;
	bool paused;
	bool ended;
	struct sliced_work
	    slices; // a large body is edited and hashed before it is sent, a large response read before the end
	struct sigv4_payload *hashing; // while it is hashed
	size_t hashed_bytes;
	bool lacks_credentials; // it could not be signed: it fails at the next turn of the loop
	unsigned turns;         // on the stack

	int status;
	struct headers headers;     // of the response, to be passed on
	struct response_scan *scan; // of a large response
	struct buffer body;         // a whole response or an error; freed after the turn in which the attempt ends
	bool streaming;             // the response is an event stream, handled by `relay`
	struct relay relay;
	struct upstream_error error;  // if the failure has a status
	struct attempt_result result; // once it has ended
};

// Starts the attempt of a STEP_SEND, which is borrowed for the call. NULL if the arena has no room.
struct attempt *attempt_start(const struct attempt_order *order, const struct step *step);

// Ends it as cancelled, without a callback. Does nothing if it has ended.
void attempt_cancel(struct attempt *attempt);

// Breaks off a committed stream because the program is about to exit. Calls on_frames and on_ended, as when the
// upstream breaks off; the owner must hold the attempt's memory meanwhile.
void attempt_stop(struct attempt *attempt);

// The client has room again: frames continue.
void attempt_resume(struct attempt *attempt);

// Empty for an operation without a model.
struct slice attempt_model_name(const struct attempt *attempt);

// The whole response of an attempt that has succeeded and is not a stream; borrowed until the end of its turn.
struct response attempt_response(const struct attempt *attempt);

// Frees what isn't in the arena. Does nothing before the attempt has ended and its last turn is over, or if called
// again.
void attempt_release(struct attempt *attempt);

#endif
