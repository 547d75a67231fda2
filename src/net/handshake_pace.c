// SPDX-License-Identifier: Apache-2.0
// Invariant: while steps wait, `next` runs.
#include "net/handshake_pace.h"

#include "base/clock.h"

static void handshake_step_run(struct handshake_step *step) {
	struct handshake_pace *pace = step->pace;
	uint64_t before_ns = pace->used_ns();
	step->go_on(step->owner);
	time_share_charge(&pace->share, (pace->used_ns() - before_ns + 999) / 1000);
}

static uint64_t handshake_pace_wait_ms(struct handshake_pace *pace) {
	return time_share_wait_ms(&pace->share, loop_now_ms(pace->loop));
}

static void handshake_pace_notify(struct handshake_pace *pace) {
	if (pace->on_change)
		pace->on_change(pace->owner);
}

static void handshake_pace_go_on(void *owner) {
	struct handshake_pace *pace = owner;
	uint64_t wait_ms;
	while ((wait_ms = handshake_pace_wait_ms(pace)) == 0 && !list_is_empty(&pace->waiting)) {
		struct handshake_step *step = LIST_OWNER(pace->waiting.next, struct handshake_step, link);
		list_remove(&step->link);
		handshake_step_run(step);
	}
	if (list_is_empty(&pace->waiting))
		handshake_pace_notify(pace);
	else
		timer_start(&pace->next, wait_ms);
}

void handshake_pace_init(struct handshake_pace *pace, struct loop *loop, uint32_t us_per_ms, loop_callback on_change,
                         void *owner) {
	*pace =
	    (struct handshake_pace){.loop = loop, .used_ns = clock_thread_cpu_ns, .on_change = on_change, .owner = owner};
	time_share_init(&pace->share, HANDSHAKE_BURST_US, us_per_ms, loop_now_ms(loop));
	list_init(&pace->waiting);
	timer_init(&pace->next, loop, handshake_pace_go_on, pace);
}

void handshake_pace_close(struct handshake_pace *pace) {
	timer_stop(&pace->next);
}

bool handshake_pace_is_behind(const struct handshake_pace *pace) {
	return !list_is_empty(&pace->waiting);
}

void handshake_step_init(struct handshake_step *step, struct handshake_pace *pace, loop_callback go_on, void *owner) {
	*step = (struct handshake_step){.pace = pace, .go_on = go_on, .owner = owner};
	list_init(&step->link);
}

void handshake_step_take(struct handshake_step *step) {
	struct handshake_pace *pace = step->pace;
	bool was_behind = handshake_pace_is_behind(pace);
	uint64_t wait_ms = was_behind ? 0 : handshake_pace_wait_ms(pace);
	if (!was_behind && wait_ms == 0) {
		handshake_step_run(step);
		return;
	}
	list_append(&pace->waiting, &step->link);
	if (!was_behind) {
		timer_start(&pace->next, wait_ms);
		handshake_pace_notify(pace);
	}
}

bool handshake_step_waits(const struct handshake_step *step) {
	return !list_is_empty(&step->link);
}

void handshake_step_drop(struct handshake_step *step) {
	list_remove(&step->link);
}
