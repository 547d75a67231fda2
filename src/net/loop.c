// SPDX-License-Identifier: Apache-2.0
// A worker's loop over libuv. All timers share one uv timer, which fires no later than the earliest of them. Stopping a
// timer leaves it armed, so that setting and lifting a time limit costs no libuv call; the price is one idle turn. The
// loop's own handles are unreferenced: only handles of others keep it running.
#include "net/loop.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "base/error.h"
#include "base/memory.h"
#include "net/loop_uv.h"
#include "net/timer_heap.h"

#define NEVER UINT64_MAX

struct posted {
	struct posted *next;
	loop_callback callback;
	void *owner;
};

struct signal_watch {
	uv_signal_t uv;
	struct signal_watch *next;
	loop_callback callback;
	void *owner;
};

struct loop {
	uv_loop_t uv;
	uv_async_t wake;
	uv_timer_t alarm;
	uint64_t alarm_ms; // when the alarm fires; NEVER when it is not armed
	bool in_alarm;
	bool running;
	struct timer_heap timers;
	struct signal_watch *signals;
	atomic_bool stopping;
	pthread_mutex_t posted_lock; // guards the two below
	struct posted *posted;
	struct posted **posted_end;
	char scratch[LOOP_SCRATCH_BYTES];
};

static struct posted *loop_take_posted(struct loop *loop) {
	pthread_mutex_lock(&loop->posted_lock);
	struct posted *posted = loop->posted;
	loop->posted = NULL;
	loop->posted_end = &loop->posted;
	pthread_mutex_unlock(&loop->posted_lock);
	return posted;
}

// Runs the calls that were posted so far. False when there were none.
static bool loop_run_posted(struct loop *loop) {
	struct posted *posted = loop_take_posted(loop);
	bool any = posted != NULL;
	while (posted) {
		struct posted *next = posted->next;
		posted->callback(posted->owner);
		free(posted);
		posted = next;
	}
	return any;
}

static void loop_on_wake(uv_async_t *wake) {
	struct loop *loop = wake->data;
	loop_run_posted(loop);
	if (atomic_load(&loop->stopping))
		uv_stop(&loop->uv);
}

struct loop *loop_new(void) {
	struct loop *loop = memory_new(1, sizeof(*loop));
	int status = uv_loop_init(&loop->uv);
	if (status) {
		free(loop);
		errno = -status;
		return NULL;
	}
	status = uv_async_init(&loop->uv, &loop->wake, loop_on_wake);
	if (status) {
		uv_loop_close(&loop->uv);
		free(loop);
		errno = -status;
		return NULL;
	}
	loop->wake.data = loop;
	uv_unref((uv_handle_t *)&loop->wake);
	uv_timer_init(&loop->uv, &loop->alarm);
	loop->alarm.data = loop;
	loop->alarm_ms = NEVER;
	pthread_mutex_init(&loop->posted_lock, NULL);
	loop->posted_end = &loop->posted;
	return loop;
}

void loop_run(struct loop *loop) {
	// A post made while nothing else is on the loop doesn't keep libuv running, so it is checked for here.
	loop->running = true;
	do {
		if (!atomic_load(&loop->stopping))
			uv_run(&loop->uv, UV_RUN_DEFAULT);
	} while (!atomic_load(&loop->stopping) && loop_run_posted(loop));
	loop->running = false;
	atomic_store(&loop->stopping, false);
}

void loop_stop(struct loop *loop) {
	atomic_store(&loop->stopping, true);
	uv_async_send(&loop->wake);
}

static void loop_on_signal_closed(uv_handle_t *handle) {
	free(handle->data);
}

void loop_close(struct loop *loop) {
	while (loop->signals) {
		struct signal_watch *watch = loop->signals;
		loop->signals = watch->next;
		uv_close((uv_handle_t *)&watch->uv, loop_on_signal_closed);
	}
	uv_close((uv_handle_t *)&loop->wake, NULL);
	uv_close((uv_handle_t *)&loop->alarm, NULL);
	while (uv_run(&loop->uv, UV_RUN_DEFAULT) != 0)
		;
	int status = uv_loop_close(&loop->uv);
	assert(status == 0);
	(void)status;
	for (struct posted *posted = loop_take_posted(loop); posted;) {
		struct posted *next = posted->next;
		free(posted);
		posted = next;
	}
	timer_heap_free(&loop->timers);
	pthread_mutex_destroy(&loop->posted_lock);
	free(loop);
}

uint64_t loop_now_ms(const struct loop *loop) {
	return uv_now(&loop->uv);
}

void loop_post(struct loop *loop, loop_callback callback, void *owner) {
	struct posted *posted = memory_new(1, sizeof(*posted));
	posted->callback = callback;
	posted->owner = owner;
	pthread_mutex_lock(&loop->posted_lock);
	*loop->posted_end = posted;
	loop->posted_end = &posted->next;
	pthread_mutex_unlock(&loop->posted_lock);
	uv_async_send(&loop->wake);
}

static void loop_on_signal_caught(uv_signal_t *uv, int signal_number) {
	struct signal_watch *watch = uv->data;
	(void)signal_number;
	watch->callback(watch->owner);
}

int loop_on_signal(struct loop *loop, int signal_number, loop_callback callback, void *owner) {
	struct signal_watch *watch = memory_new(1, sizeof(*watch));
	watch->callback = callback;
	watch->owner = owner;
	watch->uv.data = watch;
	int status = uv_signal_init(&loop->uv, &watch->uv);
	if (status) {
		free(watch);
		return ERROR_IO;
	}
	watch->next = loop->signals;
	loop->signals = watch;
	uv_unref((uv_handle_t *)&watch->uv);
	status = uv_signal_start(&watch->uv, loop_on_signal_caught, signal_number);
	return status == 0 ? 0 : status == UV_EINVAL ? ERROR_INVALID : ERROR_IO;
}

static void loop_on_alarm(uv_timer_t *alarm);

static void loop_arm_alarm(struct loop *loop, uint64_t due_ms) {
	uint64_t now_ms = uv_now(&loop->uv);
	loop->alarm_ms = due_ms;
	uv_timer_start(&loop->alarm, loop_on_alarm, due_ms > now_ms ? due_ms - now_ms : 0, 0);
}

static void loop_on_alarm(uv_timer_t *alarm) {
	struct loop *loop = alarm->data;
	uint64_t now_ms = uv_now(&loop->uv);
	struct timer *timer;
	loop->in_alarm = true;
	loop->alarm_ms = NEVER;
	while ((timer = timer_heap_first(&loop->timers)) != NULL && timer->due_ms <= now_ms) {
		timer_heap_remove(&loop->timers, timer);
		timer->callback(timer->owner);
	}
	loop->in_alarm = false;
	if (timer)
		loop_arm_alarm(loop, timer->due_ms);
}

void timer_init(struct timer *timer, struct loop *loop, loop_callback callback, void *owner) {
	*timer = (struct timer){.loop = loop, .callback = callback, .owner = owner};
}

void timer_start(struct timer *timer, uint64_t delay_ms) {
	struct loop *loop = timer->loop;
	// libuv doesn't update the loop's time between its runs.
	if (!loop->running)
		uv_update_time(&loop->uv);
	uint64_t now_ms = uv_now(&loop->uv);
	// A timer that is started in a timer's callback is never due at once: a chain of them would starve the sockets.
	if (loop->in_alarm && delay_ms == 0)
		delay_ms = 1;
	timer->due_ms = delay_ms < NEVER - 1 - now_ms ? now_ms + delay_ms : NEVER - 1;
	timer_heap_place(&loop->timers, timer);
	if (!loop->in_alarm && timer->due_ms < loop->alarm_ms)
		loop_arm_alarm(loop, timer->due_ms);
}

void timer_stop(struct timer *timer) {
	struct loop *loop = timer->loop;
	if (timer->heap_place == 0)
		return;
	timer_heap_remove(&loop->timers, timer);
	// Without timers the alarm must not keep the loop running.
	if (loop->timers.count == 0 && !loop->in_alarm) {
		uv_timer_stop(&loop->alarm);
		loop->alarm_ms = NEVER;
	}
}

bool timer_is_running(const struct timer *timer) {
	return timer->heap_place != 0;
}

uv_loop_t *loop_uv(struct loop *loop) {
	return &loop->uv;
}

char *loop_scratch(struct loop *loop) {
	return loop->scratch;
}
