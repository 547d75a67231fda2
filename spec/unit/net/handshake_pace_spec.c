// SPDX-License-Identifier: Apache-2.0
// Shares of a processor's time, in virtual time; and steps of handshakes that keep to one, charged by a clock of the
// spec's own.
#include "net/handshake_pace.h"

#include "../check.h"
#include "await.h"
#include "net/time_share.h"

TEST(a_share_is_used_up_and_made_up_for) {
	static const struct {
		uint64_t at_ms, wait_ms, used_us;
	} steps[] = {
	    {1000, 0, 900},   {1000, 0, 2000},                                      // within the burst of 3 ms
	    {1000, 0, 5000},                                                        // the rest of it, and a debt
	    {1000, 17, 0},                                                          // 4900 us at 300 us a millisecond
	    {1016, 1, 0},     {1017, 0, 150},                                       // 200 us are left, then 50
	    {1017, 0, 100},   {1017, 1, 0},                                         // 50 us of debt
	    {1018, 0, 0},     {9000, 0, 3000},                                      // never more than the burst
	    {9000, 1, 0},     {9001, 0, 300},  {9001, 1, 0}, {9002, 0, UINT64_MAX}, // a clock that has jumped
	    {9002, 33333, 0}, {60000, 0, 0},
	};
	struct time_share share;
	time_share_init(&share, 3000, 300, 1000);
	for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
		CHECK_INT(time_share_wait_ms(&share, steps[i].at_ms), steps[i].wait_ms);
		time_share_charge(&share, steps[i].used_us);
	}
}

enum { STEP_US = 1500, STEPS = 40 };

static uint64_t used_ns;

static uint64_t read_used_ns(void) {
	return used_ns;
}

struct crowd {
	struct loop *loop;
	struct handshake_pace pace;
	struct handshake_step steps[STEPS];
	int order[STEPS];
	int done, changes;
	bool was_behind;
	int beyond; // steps that ran before their time
	uint64_t began_ms;
};

static void crowd_on_step(void *owner) {
	struct handshake_step *step = owner;
	struct crowd *crowd = step->pace->owner;
	// What was used before this step is within the burst and the share of the time that has passed.
	uint64_t allowed_us = HANDSHAKE_BURST_US + (loop_now_ms(crowd->loop) - crowd->began_ms) * HANDSHAKE_US_PER_MS;
	crowd->beyond += (uint64_t)crowd->done * STEP_US >= allowed_us;
	crowd->order[crowd->done++] = (int)(step - crowd->steps);
	used_ns += STEP_US * 1000;
}

static void crowd_on_change(void *owner) {
	struct crowd *crowd = owner;
	crowd->changes++;
	crowd->was_behind = handshake_pace_is_behind(&crowd->pace);
}

static void crowd_init(struct crowd *crowd) {
	*crowd = (struct crowd){.loop = loop_new()};
	crowd->began_ms = loop_now_ms(crowd->loop);
	handshake_pace_init(&crowd->pace, crowd->loop, HANDSHAKE_US_PER_MS, crowd_on_change, crowd);
	crowd->pace.used_ns = read_used_ns;
	for (int i = 0; i < STEPS; i++)
		handshake_step_init(&crowd->steps[i], &crowd->pace, crowd_on_step, &crowd->steps[i]);
}

static bool none_waits(void *owner) {
	struct crowd *crowd = owner;
	return !handshake_pace_is_behind(&crowd->pace);
}

TEST(steps_beyond_the_share_wait_in_order) {
	struct crowd crowd;
	crowd_init(&crowd);
	for (int i = 0; i < STEPS; i++)
		handshake_step_take(&crowd.steps[i]);
	CHECK_INT(crowd.done, HANDSHAKE_BURST_US / STEP_US + 1);
	CHECK(crowd.changes == 1 && crowd.was_behind);
	CHECK(!handshake_step_waits(&crowd.steps[0]));
	CHECK(handshake_step_waits(&crowd.steps[STEPS - 1]));
	// A handshake that breaks off leaves the queue.
	handshake_step_drop(&crowd.steps[STEPS - 1]);
	CHECK(await(crowd.loop, none_waits, &crowd));
	CHECK_INT(crowd.done, STEPS - 1);
	for (int i = 0; i < STEPS - 1; i++)
		CHECK_INT(crowd.order[i], i);
	CHECK_INT(crowd.beyond, 0);
	CHECK(crowd.changes == 2 && !crowd.was_behind);
	handshake_pace_close(&crowd.pace);
	loop_close(crowd.loop);
}

TEST(a_queue_that_its_clients_leave_is_reported_empty) {
	struct crowd crowd;
	crowd_init(&crowd);
	for (int i = 0; i < STEPS; i++)
		handshake_step_take(&crowd.steps[i]);
	for (int i = 0; i < STEPS; i++)
		handshake_step_drop(&crowd.steps[i]);
	int done = crowd.done;
	loop_run(crowd.loop);
	CHECK(crowd.changes == 2 && !crowd.was_behind);
	CHECK_INT(crowd.done, done);
	handshake_pace_close(&crowd.pace);
	loop_close(crowd.loop);
}

int main(void) {
	RUN(a_share_is_used_up_and_made_up_for);
	RUN(steps_beyond_the_share_wait_in_order);
	RUN(a_queue_that_its_clients_leave_is_reported_empty);
	return check_summary();
}
