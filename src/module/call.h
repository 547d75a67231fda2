// SPDX-License-Identifier: Apache-2.0
// One call through the engine, waited for: whole answers are collected, streams are taken frame by frame. Knows no Lua:
// nothing here can be left by an error half way, and whoever owns the structure may stop it at any point.
//
// While the host has control a stream is paused, so that neither its memory nor its time limits run away.
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
#include "base/uuid.h"
#include "module/engine.h"

enum { CALL_HEADERS_MAX = 4 };

// Why there is no answer, or no more of it. Texts are the call's.
struct call_failure {
	enum error_type type;
	int status; // 0 where no answer had one
	struct slice name, message;
	struct slice code;      // NO_MODELS_AVAILABLE and such; may be empty
	int64_t retry_after_ms; // -1: none is known
};

struct call {
	struct list link;            // among the engine's calls
	struct engine *engine;       // NULL where it was not begun, is over, or its engine was closed
	struct mux_request *request; // NULL when none is under way
	enum operation operation;
	struct arena arena; // every text below
	struct slice asked; // the model
	struct header headers[CALL_HEADERS_MAX];
	size_t header_count;
	struct buffer body;     // what is sent
	struct buffer response; // what came: a whole body, or frames not taken yet
	size_t taken;           // bytes of `answer` that were given out as frames
	struct eventstream_decoder decoder;
	bool paused;

	char own_id[UUID_BYTES];
	struct slice request_id; // the upstream's where it gave one
	struct slice model;      // that answered, or of the last attempt; empty where there was none
	struct slice content_type;
	uint32_t attempts;
	uint64_t latency_ms; // once ended
	bool ended;
	bool failed;
	bool orphaned; // its engine was closed before it had ended
	struct call_failure failure;
};

// Readies a zeroed structure for its request: `asked`, headers and body are then the caller's to fill, from the arena.
void call_init(struct call *call, struct engine *engine, enum operation operation);
void call_add_header(struct call *call, struct slice name, struct slice value);

// Sends it.
void call_start(struct call *call);

// Waits for the end of a whole answer: true with it in `answer`, false with `failure`.
bool call_finish(struct call *call);

// Waits until a stream's first frame or its end is here.
void call_await_content(struct call *call);

enum call_progress {
	CALL_FRAME, // an event
	CALL_ENDED,
	CALL_FAILED, // `failure` says how
};

// The next event of a stream, waited for; borrowed until the next call.
enum call_progress call_next(struct call *call, struct eventstream_frame *frame);

// Makes the call a failed one; name and message live for ever.
void call_fail(struct call *call, enum error_type type, int status, struct slice name, struct slice message);

// Gives up what is under way, so that the upstream sees it at once, and frees all but the texts. Again does nothing.
void call_stop(struct call *call);
// Stops every call of an engine that is about to go.
void call_stop_all(struct engine *engine);
// Frees the texts too; a call that was only zeroed is fine.
void call_free(struct call *call);

#endif
