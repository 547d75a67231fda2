// SPDX-License-Identifier: Apache-2.0
// One model's circuit breaker. A plain structure without a lock (that of model_state guards it); zeroed is new and
// closed. Times are monotonic milliseconds, given by the caller; settings come with each call, since policy versions
// may differ.
#ifndef ROUTE_BREAKER_H
#define ROUTE_BREAKER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "route/model.h"
#include "route/state.h"

// How many failures are remembered: the largest failure_threshold.
enum { BREAKER_FAILURES_KEPT = 100 };

struct breaker {
	enum breaker_state state;
	bool forced_open;
	uint32_t epoch; // counts changes of state, to tell probes of an earlier half-open period from the present ones
	uint64_t opened_at_ms;
	uint64_t successes; // of the present probes
	uint64_t probes;    // admitted, neither committed nor ended; including those of an earlier half-open period
	uint64_t failures_ms[BREAKER_FAILURES_KEPT];
	size_t failure_count;
	size_t failure_next;
};

// What an admitted attempt holds. Exactly one of breaker_succeeded, breaker_failed and breaker_released gives it back.
struct breaker_permit {
	uint32_t epoch;
	bool probe;   // counts in `probes`
	bool settled; // its success was counted at its commit
};

// The state as of now_ms: an open breaker whose recovery time is over is half-open, even before a probe is admitted.
enum breaker_state breaker_state_at(const struct breaker *breaker, const struct breaker_settings *settings,
                                    uint64_t now_ms);

// When an open breaker admits probes: UINT64_MAX if it is forced open; 0 if it is not open.
uint64_t breaker_opens_ms(const struct breaker *breaker, const struct breaker_settings *settings);

// Whether breaker_admit would admit. Has no effect.
bool breaker_would_admit(const struct breaker *breaker, const struct breaker_settings *settings, uint64_t now_ms);

// Admits an attempt. False, with nothing changed, if the breaker is open, or half-open with all probes in flight.
bool breaker_admit(struct breaker *breaker, const struct breaker_settings *settings, uint64_t now_ms,
                   struct breaker_permit *permit);

// The attempt's stream has begun to flow. For a probe that is its success: another probe may follow, and a later
// failure of the stream counts separately. In a closed breaker nothing counts before the end.
void breaker_committed(struct breaker *breaker, const struct breaker_settings *settings, struct breaker_permit *permit);

void breaker_succeeded(struct breaker *breaker, const struct breaker_settings *settings, struct breaker_permit *permit);

// The attempt ended in a failure that counts.
void breaker_failed(struct breaker *breaker, const struct breaker_settings *settings, struct breaker_permit *permit,
                    uint64_t now_ms);

// The attempt ended, but neither for nor against the model.
void breaker_released(struct breaker *breaker, struct breaker_permit *permit);

// Opens the breaker until breaker_close.
void breaker_force_open(struct breaker *breaker, uint64_t now_ms);

// Closes the breaker and forgets its failures. Probes in flight stay counted until they end.
void breaker_close(struct breaker *breaker);

// How many failures are within failure_window_ms.
size_t breaker_recent_failures(const struct breaker *breaker, const struct breaker_settings *settings, uint64_t now_ms);

#endif
