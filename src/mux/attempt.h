// SPDX-License-Identifier: Apache-2.0
// One try of a request on one model: signed, sent, its answer collected or relayed, its end reported once. Decides
// nothing: whether the answer is good enough and what comes next is routing's business.
#ifndef MUX_ATTEMPT_H
#define MUX_ATTEMPT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buffer.h"
#include "base/list.h"
#include "http/exchange.h"
#include "mux/mux.h"
#include "mux/relay.h"
#include "mux/version.h"
#include "mux/worker.h"
#include "route/request.h"

struct request_edits;
struct attempt;

// The name of the failure of an attempt that found no credentials to sign with.

// What an upstream said no with, to be passed on.
struct upstream_error {
	struct headers headers;
	struct slice body;
};

// Told to the owner; none comes from within attempt_start or attempt_cancel. The owner may cancel the attempt in any.
struct attempt_events {
	// Brackets every turn of the attempt's work: what the attempt stands in must live until drop.
	void (*hold)(void *owner);
	void (*drop)(void *owner);
	// A stream's content begins: its head is in the attempt, its bytes follow.
	void (*on_committed)(struct attempt *attempt);
	// Whole frames for the client. False when the client is full: nothing more until attempt_resume.
	bool (*on_frames)(struct attempt *attempt, struct slice frames);
	// It ended, as attempt->result says: exactly once, and last.
	void (*on_ended)(struct attempt *attempt);
};

// Lives in its request's arena, which must outlive its end.
struct attempt {
	struct list link; // the owner's
	const struct attempt_events *events;
	void *owner;
	struct mux_worker *worker;
	const struct mux_call *call;
	struct arena *arena;
	const struct target *target;
	const struct model *model;   // NULL for an operation that is on none
	struct request_edits *edits; // NULL: it sends what the client sent
	uint32_t id;
	uint64_t timeout_ms; // to the last byte, or to the commit
	uint64_t stream_idle_ms;

	struct exchange *exchange; // NULL before the start and after the end
	struct timer timer;
	uint64_t started_ms;
	uint64_t last_byte_ms;
	int64_t ttft_ms;
	bool paused;
	bool ended;
	bool unsigned_request; // found no credentials: ends at the next turn of the loop
	unsigned turns;        // of its work that are on the stack

	int status;
	struct headers headers; // of the answer, to be passed on
	struct buffer body;     // a whole answer or an error; freed behind the turn in which it ended
	bool streaming;         // the answer is an event stream, judged by `relay`
	struct relay relay;
	struct upstream_error error;  // where the failure has a status
	struct attempt_result result; // once it has ended
};

// What attempt_start needs to know; everything is borrowed for the attempt's life.
struct attempt_order {
	const struct attempt_events *events;
	void *owner;
	struct mux_worker *worker;
	const struct mux_call *call;
	struct arena *arena;
	const struct target *target;
	const struct step *step; // a STEP_SEND; borrowed for the call
	uint64_t stream_idle_ms;
	char *payload_hash;          // of the client's body, see sign.h
	struct request_edits *edits; // the attempt's once it is under way; NULL for none
};

// A new attempt, under way; NULL when the arena has no room.
struct attempt *attempt_start(const struct attempt_order *plan);

// Stops it without an event; an attempt that has ended stays as it is.
void attempt_cancel(struct attempt *attempt);

// Breaks off a stream that has been committed, since the program is about to end. on_frames and on_ended follow from
// within, as when the upstream breaks off; the owner holds what the attempt stands in.
void attempt_stop(struct attempt *attempt);

// The client has room again.
void attempt_resume(struct attempt *attempt);

// Empty for an operation that is on no model.
struct slice attempt_model_name(const struct attempt *attempt);

// The whole answer of an attempt that has succeeded and has passed nothing on yet; borrowed until its turn is over.
struct response attempt_response(const struct attempt *attempt);

// Frees what isn't the arena's, once the attempt has ended and its last turn is over; before, and twice, does nothing.
void attempt_release(struct attempt *attempt);

#endif
