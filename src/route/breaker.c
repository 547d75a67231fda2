// SPDX-License-Identifier: Apache-2.0
// The breaker's transitions. A half-open breaker is opened by any failure that counts, even of an old attempt, but
// closed only by probes of the present half-open period. Each probe is released once, however the breaker has changed
// in the meantime.
#include "route/breaker.h"

#include <assert.h>

#include "route/elapsed.h"

const char *const breaker_state_names[] = {
    [BREAKER_CLOSED] = "closed",
    [BREAKER_OPEN] = "open",
    [BREAKER_HALF_OPEN] = "half_open",
};

static void change_state(struct breaker *breaker, enum breaker_state state) {
	breaker->state = state;
	breaker->epoch++;
	breaker->successes = 0;
	breaker->failure_count = 0;
	breaker->failure_next = 0;
}

static void open_breaker(struct breaker *breaker, uint64_t now_ms) {
	change_state(breaker, BREAKER_OPEN);
	breaker->opened_at_ms = now_ms;
}

enum breaker_state breaker_state_at(const struct breaker *breaker, const struct breaker_settings *settings,
                                    uint64_t now_ms) {
	bool recovered = !breaker->forced_open && elapsed_ms(now_ms, breaker->opened_at_ms) >= settings->recovery_time_ms;
	return breaker->state == BREAKER_OPEN && recovered ? BREAKER_HALF_OPEN : breaker->state;
}

uint64_t breaker_opens_ms(const struct breaker *breaker, const struct breaker_settings *settings) {
	if (breaker->forced_open)
		return UINT64_MAX;
	return breaker->state == BREAKER_OPEN ? breaker->opened_at_ms + settings->recovery_time_ms : 0;
}

bool breaker_would_admit(const struct breaker *breaker, const struct breaker_settings *settings, uint64_t now_ms) {
	enum breaker_state state = breaker_state_at(breaker, settings, now_ms);
	return state == BREAKER_CLOSED || (state == BREAKER_HALF_OPEN && breaker->probes < settings->half_open_probes);
}

bool breaker_admit(struct breaker *breaker, const struct breaker_settings *settings, uint64_t now_ms,
                   struct breaker_permit *permit) {
	if (!breaker_would_admit(breaker, settings, now_ms))
		return false;
	if (breaker->state == BREAKER_OPEN)
		change_state(breaker, BREAKER_HALF_OPEN);
	*permit = (struct breaker_permit){.epoch = breaker->epoch, .probe = breaker->state == BREAKER_HALF_OPEN};
	breaker->probes += permit->probe;
	return true;
}

void breaker_released(struct breaker *breaker, struct breaker_permit *permit) {
	if (!permit->probe)
		return;
	assert(breaker->probes > 0);
	breaker->probes--;
	permit->probe = false;
}

static bool is_current_probe(const struct breaker *breaker, const struct breaker_permit *permit) {
	return breaker->state == BREAKER_HALF_OPEN && permit->probe && permit->epoch == breaker->epoch;
}

static void count_probe_success(struct breaker *breaker, const struct breaker_settings *settings) {
	breaker->successes++;
	if (breaker->successes >= settings->success_threshold)
		change_state(breaker, BREAKER_CLOSED);
}

void breaker_committed(struct breaker *breaker, const struct breaker_settings *settings,
                       struct breaker_permit *permit) {
	if (is_current_probe(breaker, permit)) {
		permit->settled = true;
		count_probe_success(breaker, settings);
	}
	breaker_released(breaker, permit);
}

void breaker_succeeded(struct breaker *breaker, const struct breaker_settings *settings,
                       struct breaker_permit *permit) {
	if (is_current_probe(breaker, permit))
		count_probe_success(breaker, settings);
	else if (breaker->state == BREAKER_CLOSED && !permit->settled)
		breaker->failure_count = 0;
	breaker_released(breaker, permit);
}

// The time of a failure, counted back from the last one, which is 0.
static uint64_t failure_at(const struct breaker *breaker, size_t back) {
	return breaker->failures_ms[(breaker->failure_next + BREAKER_FAILURES_KEPT - 1 - back) % BREAKER_FAILURES_KEPT];
}

static void count_failure(struct breaker *breaker, const struct breaker_settings *settings, uint64_t now_ms) {
	breaker->failures_ms[breaker->failure_next] = now_ms;
	breaker->failure_next = (breaker->failure_next + 1) % BREAKER_FAILURES_KEPT;
	if (breaker->failure_count < BREAKER_FAILURES_KEPT)
		breaker->failure_count++;
	if (breaker_recent_failures(breaker, settings, now_ms) >= settings->failure_threshold)
		open_breaker(breaker, now_ms);
}

void breaker_failed(struct breaker *breaker, const struct breaker_settings *settings, struct breaker_permit *permit,
                    uint64_t now_ms) {
	if (breaker->state == BREAKER_HALF_OPEN)
		open_breaker(breaker, now_ms);
	else if (breaker->state == BREAKER_CLOSED)
		count_failure(breaker, settings, now_ms);
	breaker_released(breaker, permit);
}

void breaker_force_open(struct breaker *breaker, uint64_t now_ms) {
	open_breaker(breaker, now_ms);
	breaker->forced_open = true;
}

void breaker_close(struct breaker *breaker) {
	change_state(breaker, BREAKER_CLOSED);
	breaker->forced_open = false;
	breaker->opened_at_ms = 0;
}

size_t breaker_recent_failures(const struct breaker *breaker, const struct breaker_settings *settings,
                               uint64_t now_ms) {
	size_t recent = 0;
	while (recent < breaker->failure_count &&
	       elapsed_ms(now_ms, failure_at(breaker, recent)) < settings->failure_window_ms)
		recent++;
	return recent;
}
