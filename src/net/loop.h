// SPDX-License-Identifier: Apache-2.0
// A worker's event loop (libuv), with timers embedded in their owners and calls from other threads. Only loop_post and
// loop_stop may be called from another thread than the loop's.
#ifndef NET_LOOP_H
#define NET_LOOP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct loop;

typedef void (*loop_callback)(void *owner);

// A new loop, or NULL with errno set.
struct loop *loop_new(void);

// Runs until loop_stop, or until no event can occur any more.
void loop_run(struct loop *loop);

// Makes loop_run return soon. From any thread.
void loop_stop(struct loop *loop);

// Frees the loop. Everything that uses it must be closed already; waits for closings that are asynchronous.
void loop_close(struct loop *loop);

// Milliseconds of the monotonic clock (base/clock.h), read once per turn of the loop.
uint64_t loop_now_ms(const struct loop *loop);

// Calls `callback(owner)` on the loop's thread soon. From any thread; in order for each calling thread.
void loop_post(struct loop *loop, loop_callback callback, void *owner);

// Calls `callback(owner)` on the loop whenever the process gets the signal. One loop per signal. 0, or ERROR_INVALID
// for a signal that can't be caught, or ERROR_IO.
int loop_on_signal(struct loop *loop, int signal_number, loop_callback callback, void *owner);

// A timer embedded in its owner. It needs no closing, only timer_stop before its memory is freed.
struct timer {
	struct loop *loop;
	loop_callback callback;
	void *owner;
	uint64_t due_ms;
	size_t heap_place; // 0 when not running
};

void timer_init(struct timer *timer, struct loop *loop, loop_callback callback, void *owner);
// Starts or restarts: fires once, `delay_ms` from now (loop time), never before.
void timer_start(struct timer *timer, uint64_t delay_ms);
// Stopping a timer that isn't running does nothing.
void timer_stop(struct timer *timer);
bool timer_is_running(const struct timer *timer);

#endif
