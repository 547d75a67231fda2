// SPDX-License-Identifier: Apache-2.0
// One model's circuit breaker. A plain structure without a lock (model_state holds it): zeroed is closed and new. Times
// are monotonic milliseconds, given by the caller; settings come with each call, since policy versions may differ.
#ifndef ROUTE_BREAKER_H
#define ROUTE_BREAKER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "route/model.h"
#include "route/state.h"

// The largest failure_threshold: so many failures are remembered.
enum { BREAKER_FAILURES_KEPT = 100 };

struct breaker {
	enum breaker_state state;
	bool forced_open;
	uint32_t epoch; // counts changes of state: a probe of an earlier half-open is known by it
	uint64_t opened_at_ms;
	uint64_t successes; // of this half-open's probes
	uint64_t probes;    // places taken, also those of an earlier half-open whose attempts have not ended yet
	uint64_t failures_ms[BREAKER_FAILURES_KEPT];
	size_t failure_count;
	size_t failure_next;
};

// What an admitted attempt holds, until it is given back by exactly one of breaker_succeeded, _failed, _released.
struct breaker_permit {
	uint32_t epoch;
	bool probe;   // holds one of the half-open places
	bool settled; // its success was counted at its commit
};

// The state as of now: an open breaker whose recovery time is over is half-open, before anybody has asked for a place.
enum breaker_state breaker_state_at(const struct breaker *breaker, const struct breaker_settings *settings,
                                    uint64_t now_ms);

// Whether breaker_admit would admit. Has no effect.
bool breaker_would_admit(const struct breaker *breaker, const struct breaker_settings *settings, uint64_t now_ms);

// Takes a place for an attempt. False, with nothing taken, when the breaker is open or its half-open places are taken.
bool breaker_admit(struct breaker *breaker, const struct breaker_settings *settings, uint64_t now_ms,
                   struct breaker_permit *permit);

// The attempt's stream has begun to flow. In half-open that is the probe's success: its place is free again, and a
// later failure counts on its own. In closed nothing is settled before the end.
void breaker_committed(struct breaker *breaker, const struct breaker_settings *settings, struct breaker_permit *permit);

void breaker_succeeded(struct breaker *breaker, const struct breaker_settings *settings, struct breaker_permit *permit);

// A failure that counts.
void breaker_failed(struct breaker *breaker, const struct breaker_settings *settings, struct breaker_permit *permit,
                    uint64_t now_ms);

// The attempt's end says nothing about the model: only its place is given back.
void breaker_released(struct breaker *breaker, struct breaker_permit *permit);

// Holds until breaker_close.
void breaker_force_open(struct breaker *breaker, uint64_t now_ms);

// Closed and without a memory of failures. Places of probes under way are given back when those end.
void breaker_close(struct breaker *breaker);

// Failures that are still within the window.
size_t breaker_recent_failures(const struct breaker *breaker, const struct breaker_settings *settings, uint64_t now_ms);

#endif
