// SPDX-License-Identifier: Apache-2.0
// Shared by the emulator's own files: the running emulator, and one open request. For the loop's thread only.
#ifndef EMULATOR_EMULATOR_STATE_H
#define EMULATOR_EMULATOR_STATE_H

#include "base/random.h"
#include "emulator/authentication.h"
#include "emulator/counters.h"
#include "emulator/emulator.h"
#include "emulator/events.h"
#include "emulator/generation.h"
#include "emulator/prompt.h"
#include "http/server.h"
#include "world/world.h"

struct emulator {
	struct loop *loop;
	struct server *server;
	struct world *world;
	struct authentication *authentication;
	struct counters counters;
	struct random_source random; // of request ids
	double speed;
	uint64_t started_ms;
	bool controllable;            // the listener is a loopback one
	struct buffer body;           // scratch: a whole response
	struct buffer frames;         // scratch: what a stream sends next
	struct events_scratch events; // scratch: one event
};

// Milliseconds since the scenario's start, in its own time.
uint64_t emulator_now_ms(const struct emulator *emulator);

// It ends in exactly one of two ways: `over` (the emulator ended it) or `gone` (the client did).
struct emulator_response {
	struct emulator *emulator;
	struct server_call *call;
	struct visit visit;
	struct generation generation;
	struct timer timer;
	uint64_t served_ms; // loop time
	uint64_t next_event;
	bool started; // the head was sent
	bool struck;  // the fault has happened
	bool full;    // the client reads too slowly
	bool resets;  // the connection is reset once what was written has left
	bool acting;  // within response_act, which frees it if needed
	bool over;
	bool gone;
};

// Starts the response to a request for the model, which proceeds by timers from then on. Sets *call_owner first.
void response_begin(struct emulator *emulator, struct server_call *call, enum operation operation,
                    struct behaviour *behaviour, const struct prompt *prompt, void **call_owner);
void response_on_writable(struct emulator_response *response);
void response_on_gone(struct emulator_response *response);

// Milliseconds since the model began to work on it, in the scenario's time.
double response_elapsed_ms(const struct emulator_response *response);
// Sets the timer for that time.
void response_wake_at(struct emulator_response *response, double elapsed_ms);
struct counter *response_counter(struct emulator_response *response);
// Records that the fault happened and counts it once.
void response_strike(struct emulator_response *response);
// Resets the connection a moment later, since a reset discards what was written but not sent yet.
void response_reset_soon(struct emulator_response *response);

// Each sends what is due now, and sets `over` when it has ended the call.
void whole_act(struct emulator_response *response);
void stream_act(struct emulator_response *response);

#endif
