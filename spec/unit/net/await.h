// SPDX-License-Identifier: Apache-2.0
// Runs a loop until a condition holds.
#ifndef SPEC_NET_AWAIT_H
#define SPEC_NET_AWAIT_H

#include "../check.h"
#include "net/loop.h"

// Runs the loop until `condition(owner)`, which is checked once a millisecond, for five seconds at most.
struct awaited {
	struct loop *loop;
	struct timer timer;
	bool (*condition)(void *owner);
	void *owner;
	int looks;
};

static inline void awaited_look(void *owner) {
	struct awaited *awaited = owner;
	if (awaited->condition(awaited->owner) || ++awaited->looks > 5000)
		loop_stop(awaited->loop);
	else
		timer_start(&awaited->timer, 1);
}

static inline bool await(struct loop *loop, bool (*condition)(void *owner), void *owner) {
	struct awaited awaited = {.loop = loop, .condition = condition, .owner = owner};
	timer_init(&awaited.timer, loop, awaited_look, &awaited);
	timer_start(&awaited.timer, 0);
	loop_run(loop);
	timer_stop(&awaited.timer);
	return condition(owner);
}

#endif
