// SPDX-License-Identifier: Apache-2.0
// A request as the files that carry it out share it: request.c, which does its steps, and sink.c, which tells its sink.
#ifndef MUX_REQUEST_INTERNAL_H
#define MUX_REQUEST_INTERNAL_H

#include <stdbool.h>
#include <stdint.h>

#include "aws/sigv4.h"
#include "base/arena.h"
#include "base/list.h"
#include "mux/answer.h"
#include "mux/attempt.h"
#include "mux/mux.h"
#include "mux/version.h"
#include "mux/worker.h"
#include "route/request.h"
#include "route/wait_queue.h"

// What a client is told to wait after a failure that no model's state says more about.
enum { RETRY_MS = 1000 };

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
	struct kept_error kept; // the last upstream error
	struct failure last_failure;
	bool has_failed;

	unsigned depth;
	bool submitting;
	bool begun;
	bool cancelled;
	bool over;
	struct step ending; // waits for the timer where its kind isn't STEP_NONE
};

// The attempts so far, and the name of the last one's model (empty where there was none).
uint32_t delivery_attempts(const struct mux_request *request);
struct slice delivery_last_model(const struct mux_request *request);

// Tells the sink that an answer begins: `content_length` is -1 for a stream. A sink that has cancelled hears nothing.
void delivery_head(struct mux_request *request, const struct attempt *attempt, int64_t content_length);

// Tells it the attempt's answer, whole or what is left of a stream, and that it is done; the request is over then.
void delivery_response(struct mux_request *request, const struct attempt *attempt);

// Tells it, as the last thing too, that there is no answer, and why.
void delivery_failure(struct mux_request *request, const struct step *step);

#endif
