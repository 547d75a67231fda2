// SPDX-License-Identifier: Apache-2.0
// One call through the engine, and waiting for it: a whole response is collected, a stream is taken frame by frame. No
// function here calls Lua, so no Lua error can leave one half way; the owner of the structure may stop the call at any
// point.
//
// While the host has control a stream is paused: its memory doesn't grow, and its time limits don't expire.
#ifndef MODULE_CALL_H
#define MODULE_CALL_H

#include <stdbool.h>
#include <stdint.h>

#include "aws/eventstream.h"
#include "aws/operation.h"
#include "base/arena.h"
#include "base/buffer.h"
#include "base/error.h"
#include "base/header.h"
#include "base/list.h"
#include "base/random.h"
#include "module/engine.h"

enum { CALL_HEADERS_MAX = 4 };

// Why there is no response, or only a part of it. The call owns the texts.
struct call_failure {
	enum error_type type;
	int status; // 0 if no response had one
	struct slice name, message;
	struct slice code;      // NO_MODELS_AVAILABLE and such; may be empty
	int64_t retry_after_ms; // -1: none is known
};

struct call {
	struct list link;            // among the engine's calls
	struct engine *engine;       // NULL before call_init, after call_stop, and once the engine was closed
	struct mux_request *request; // NULL if none is in flight
	enum operation operation;
	struct arena arena; // of every text below
	struct slice asked; // the requested model
	struct header headers[CALL_HEADERS_MAX];
	size_t header_count;
	struct buffer body;     // what is sent
	struct buffer response; // what was received: a whole body, or frames not taken yet
	size_t taken;           // bytes of `response` that were returned as frames
	struct eventstream_decoder decoder;
	bool paused;

	char own_id[UUID_BYTES];
	struct slice request_id; // the upstream's if it sent one, else own_id
	struct slice model;      // of the response, or of the last attempt; empty without an attempt
	struct slice content_type;
	uint32_t attempts;
	uint64_t latency_ms; // once ended
	bool ended;
	bool failed;
	bool orphaned; // the engine was closed before the call had ended
	struct call_failure failure;
};

// Prepares a zeroed structure. The caller then fills `asked`, headers and body, with texts from the arena.
void call_init(struct call *call, struct engine *engine, enum operation operation);
void call_add_header(struct call *call, struct slice name, struct slice value);

// Sends the request.
void call_start(struct call *call);

// Waits for the end of a whole response: true with the body in `response`, false with `failure`.
bool call_finish(struct call *call);

// Waits until bytes of a stream or its end have arrived.
void call_await_content(struct call *call);

enum call_progress {
	CALL_FRAME, // an event
	CALL_ENDED,
	CALL_FAILED, // `failure` says why
};

// Waits for the next event of a stream; *frame is borrowed until the next call of this function.
enum call_progress call_next(struct call *call, struct eventstream_frame *frame);

// Marks the call as failed. name and message are static or from the call's arena.
void call_fail(struct call *call, enum error_type type, int status, struct slice name, struct slice message);

// Cancels the request if it is in flight, so that the upstream sees it at once, and frees all but the texts. A second
// call does nothing.
void call_stop(struct call *call);
// Stops every call of an engine that is about to be freed.
void call_stop_all(struct engine *engine);
// Stops the call and frees the texts too. A zeroed call is allowed.
void call_free(struct call *call);

#endif
