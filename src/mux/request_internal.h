// SPDX-License-Identifier: Apache-2.0
// A request as the files that carry it out share it: request.c, which does its steps, unrouted.c, which ends one that
// routing has no part in, and sink.c, which tells its sink.
#ifndef MUX_REQUEST_INTERNAL_H
#define MUX_REQUEST_INTERNAL_H

#include <stdbool.h>
#include <stdint.h>

#include "aws/sigv4.h"
#include "base/arena.h"
#include "base/list.h"
#include "mux/attempt.h"
#include "mux/mux.h"
#include "mux/version.h"
#include "mux/worker.h"
#include "route/error_response.h"
#include "route/request.h"
#include "route/wait_queue.h"

// How a request ended that routing had no part in.
struct unrouted_end {
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
	struct route_request *routing; // NULL for a call that is on no model: its one attempt decides
	struct waiter waiter;          // while every model rests, or others wait
	struct timer timer;            // any other WAIT, or an end that must not be told from within mux_submit
	uint64_t started_ms;
	char payload_hash[SIGV4_HEX_BYTES];

	struct list attempts; // all of them, in the order of their ids
	struct attempt *committed;
	struct unrouted_end unrouted; // where `routing` is NULL

	unsigned depth;
	bool submitting;
	bool begun;
	bool cancelled;
	bool over;
	struct step ending; // waits for the timer where its kind isn't STEP_NONE
};

// The attempt of that id; NULL where it never began.
struct attempt *request_attempt(const struct mux_request *request, uint32_t id);
// NULL where none has begun.
struct attempt *request_last_attempt(const struct mux_request *request);

// The last step of a request without routing: the end of its one attempt, or `error`.
struct step unrouted_end(struct mux_request *request, enum route_error error);

// The attempts so far, and the name of the last one's model (empty where there was none).
uint32_t delivery_attempts(const struct mux_request *request);
struct slice delivery_last_model(const struct mux_request *request);

// Tells the sink that an answer begins: `content_length` is -1 for a stream. A sink that has cancelled hears nothing.
void delivery_head(struct mux_request *request, const struct attempt *attempt, int64_t content_length);

// Tells it, as the last thing, how the request ended, after the whole answer where that hasn't been sent; the request
// is over then.
void delivery_end(struct mux_request *request, const struct step *step);

#endif
