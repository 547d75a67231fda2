// SPDX-License-Identifier: Apache-2.0
// What the emulator's own files share: the running emulator, and one request that is being answered. One loop's thread
// only.
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
	struct buffer body;           // scratch: a whole answer
	struct buffer frames;         // scratch: what a stream sends next
	struct events_scratch events; // scratch: one event
};

// Milliseconds of the scenario's time.
uint64_t emulator_now_ms(const struct emulator *emulator);

// Exactly one of these ends is reached: `over` (we ended it) or `gone` (the client did).
struct emulator_response {
	struct emulator *emulator;
	struct server_call *call;
	struct visit visit;
	struct generation generation;
	struct timer timer;
	uint64_t served_ms; // loop time
	uint64_t next_event;
	bool started; // the head is sent
	bool struck;  // the fault has happened
	bool full;    // the client reads slowly
	bool resets;  // the connection is to be reset as soon as what was sent has left
	bool acting;  // within response_act, which frees it where needed
	bool over;
	bool gone;
};

// Takes on a request for the model; sets *call_owner before anything else. It answers by itself from then on.
void response_begin(struct emulator *emulator, struct server_call *call, enum operation operation,
                    struct behaviour *behaviour, const struct prompt *prompt, void **call_owner);
void response_on_writable(struct emulator_response *response);
void response_on_gone(struct emulator_response *response);

// The scenario's milliseconds since the model began to work on it.
double response_elapsed_ms(const struct emulator_response *response);
// Acts again when that much of them has passed.
void response_wake_at(struct emulator_response *response, double elapsed_ms);
struct counter *response_counter(struct emulator_response *response);
// Notes, once, that the fault happened.
void response_strike(struct emulator_response *response);
// Resets the connection a moment later: a reset throws away what has been written but not sent.
void response_reset_soon(struct emulator_response *response);

// Each does what is due now, and sets `over` once it has ended the call.
void whole_act(struct emulator_response *response);
void stream_act(struct emulator_response *response);

#endif
