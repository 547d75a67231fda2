// SPDX-License-Identifier: Apache-2.0
// Running a loop until something holds.
#ifndef SPEC_NET_AWAIT_H
#define SPEC_NET_AWAIT_H

#include "../check.h"
#include "net/loop.h"

// Lets the loop run until `condition(owner)`, looking once a millisecond, for five seconds at most.
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
