// SPDX-License-Identifier: Apache-2.0
// A request, as the files that implement it share it: request.c executes routing's steps, unrouted.c handles calls
// without a model, delivery.c calls the sink.
#ifndef MUX_REQUEST_INTERNAL_H
#define MUX_REQUEST_INTERNAL_H

#include <stdbool.h>
#include <stdint.h>

#include "aws/sigv4.h"
#include "base/arena.h"
#include "base/list.h"
#include "mux/attempt.h"
#include "mux/mux.h"
#include "mux/request_body.h"
#include "mux/version.h"
#include "mux/worker.h"
#include "route/error_response.h"
#include "route/request.h"
#include "route/wait_queue.h"

// How a call without a model ended.
struct unrouted_completion {
	struct request_result result;
	struct error_response response;
};

struct mux_request {
	struct mux_worker *worker;
	struct mux_version *version;
	struct mux_call call;
	const struct mux_sink *sink;
	void *owner;
	struct arena arena;
	struct route route;
	struct request_attributes attributes;
	struct request_body body;
	struct sliced_work reading;    // of a large body, before routing begins
	struct route_request *routing; // NULL for a call without a model: its only attempt decides
	struct waiter waiter;          // queued while no model is available, or behind other requests
	struct timer timer;            // for any other STEP_WAIT, and for `ending`
	uint64_t started_ms;
	char payload_hash[SIGV4_HEX_BYTES]; // of the client's body; empty until a signature needs it

	struct list attempts; // all of them, in the order of their ids
	struct attempt *committed;
	struct unrouted_completion unrouted; // if `routing` is NULL

	unsigned depth; // callbacks of the request on the stack
	bool submitting;
	bool begun;
	bool cancelled;
	bool over;
	struct step ending; // the last step, deferred to the timer; STEP_NONE: none
};

// The attempt of that id; NULL if it never started.
struct attempt *request_attempt(const struct mux_request *request, uint32_t id);
// NULL if no attempt has started.
struct attempt *request_last_attempt(const struct mux_request *request);

// For calls without a model: the first step, which sends the only attempt.
struct step unrouted_begin(const struct mux_request *request);
// The last step: STEP_RETURN if the attempt succeeded; else STEP_FAIL for its failure, or, without one, for `error`.
struct step unrouted_end(struct mux_request *request, enum route_error error);
// Cancels the attempt; returns the last step.
struct step unrouted_stop(struct mux_request *request);

// Sends a response's head to the sink, unless the request is cancelled. `content_length` is -1 for a stream.
void delivery_send_head(struct mux_request *request, const struct attempt *attempt, int64_t content_length);

// Sends a whole response that is still held, marks the request over and calls on_done, unless the request is cancelled.
// `step` is a STEP_RETURN or STEP_FAIL.
void delivery_end(struct mux_request *request, const struct step *step);

#endif
