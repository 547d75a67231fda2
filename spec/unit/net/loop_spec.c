// SPDX-License-Identifier: Apache-2.0
// The loop: timers against a plain model, posts from other threads, signals, and when it ends.
#include "net/loop.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "../check.h"
#include "base/error.h"
#include "base/random.h"
#include "net/timer_heap.h"

enum { TIMERS = 300 };

static bool is_heap(const struct timer_heap *heap) {
	for (size_t place = 1; place <= heap->count; place++) {
		if (heap->list[place]->heap_place != place)
			return false;
		if (place > 1 && heap->list[place / 2]->due_ms > heap->list[place]->due_ms)
			return false;
	}
	return true;
}

TEST(the_heap_agrees_with_a_plain_list) {
	struct timer timers[TIMERS] = {0};
	struct timer_heap heap = {0};
	struct random_source random;
	size_t inside = 0;
	random_init(&random, 7);
	for (int step = 0; step < 20000; step++) {
		struct timer *timer = &timers[random_below(&random, TIMERS)];
		if (random_below(&random, 3) == 0) {
			inside -= timer->heap_place != 0;
			timer_heap_remove(&heap, timer);
			CHECK_INT(timer->heap_place, 0);
		} else {
			inside += timer->heap_place == 0;
			timer->due_ms = random_below(&random, 1000);
			timer_heap_place(&heap, timer);
		}
		uint64_t least = UINT64_MAX;
		for (size_t i = 0; i < TIMERS; i++)
			if (timers[i].heap_place != 0 && timers[i].due_ms < least)
				least = timers[i].due_ms;
		struct timer *first = timer_heap_first(&heap);
		CHECK_INT(first ? first->due_ms : UINT64_MAX, least);
		CHECK_INT(heap.count, inside);
		CHECK(is_heap(&heap));
		if (check_failures_in_test)
			break;
	}
	timer_heap_free(&heap);
	for (size_t i = 0; i < TIMERS; i++)
		CHECK_INT(timers[i].heap_place, 0);
}

struct ticking {
	struct timer timer;
	struct ticking *victim; // stopped when this one fires
	uint64_t again_ms;      // restarted with this delay while `rounds` are left
	int rounds;
	int fired;
	uint64_t fired_at_ms;
	uint64_t due_ms;
	int *order;
	int place;
};

static void on_tick(void *owner) {
	struct ticking *ticking = owner;
	ticking->fired++;
	ticking->fired_at_ms = loop_now_ms(ticking->timer.loop);
	CHECK(!timer_is_running(&ticking->timer));
	if (ticking->order)
		ticking->place = ++*ticking->order;
	if (ticking->victim)
		timer_stop(&ticking->victim->timer);
	if (ticking->rounds-- > 0)
		timer_start(&ticking->timer, ticking->again_ms);
}

static void tick_after(struct ticking *ticking, struct loop *loop, uint64_t delay_ms) {
	timer_init(&ticking->timer, loop, on_tick, ticking);
	timer_start(&ticking->timer, delay_ms);
	ticking->due_ms = ticking->timer.due_ms;
}

TEST(timers_fire_once_in_order_and_never_early) {
	static const uint64_t delays[] = {7, 3, 0, 12, 5, 1, 30, 9};
	static const int places[] = {5, 3, 1, 7, 4, 2, 8, 6};
	struct ticking tickings[8] = {0};
	struct loop *loop = loop_new();
	int order = 0;
	for (size_t i = 0; i < 8; i++) {
		tickings[i].order = &order;
		tick_after(&tickings[i], loop, delays[i]);
		CHECK(timer_is_running(&tickings[i].timer));
	}
	loop_run(loop);
	for (size_t i = 0; i < 8; i++) {
		CHECK_INT(tickings[i].fired, 1);
		CHECK_INT(tickings[i].place, places[i]);
		CHECK(tickings[i].fired_at_ms >= tickings[i].due_ms);
	}
	loop_close(loop);
}

TEST(a_timer_may_stop_and_start_others_and_itself) {
	struct ticking stopped = {0}, stopping = {.victim = &stopped}, repeating = {.again_ms = 0, .rounds = 20};
	struct loop *loop = loop_new();
	tick_after(&stopping, loop, 2);
	tick_after(&stopped, loop, 2);
	tick_after(&repeating, loop, 1);
	loop_run(loop);
	CHECK_INT(stopping.fired, 1);
	CHECK_INT(stopped.fired, 0);
	CHECK_INT(repeating.fired, 21);
	loop_close(loop);
}

static void stop_loop(void *owner) {
	loop_stop(owner);
}

static void post_stop(void *owner) {
	loop_post(owner, stop_loop, owner);
}

TEST(timers_that_start_each_other_at_once_do_not_starve_others) {
	enum { ROUNDS = 1000000 };
	struct ticking restless = {.again_ms = 0, .rounds = ROUNDS};
	struct timer first;
	struct loop *loop = loop_new();
	timer_init(&first, loop, post_stop, loop);
	timer_start(&first, 0);
	tick_after(&restless, loop, 0);
	loop_run(loop);
	CHECK(restless.fired < ROUNDS);
	timer_stop(&restless.timer);
	loop_close(loop);
}

TEST(starting_again_moves_a_timer) {
	struct ticking later = {0}, sooner = {0}, between = {0};
	struct loop *loop = loop_new();
	int order = 0;
	later.order = sooner.order = between.order = &order;
	tick_after(&later, loop, 1);
	tick_after(&sooner, loop, 3600000);
	tick_after(&between, loop, 5);
	timer_start(&later.timer, 10);
	timer_start(&sooner.timer, 1);
	loop_run(loop);
	CHECK_INT(sooner.place, 1);
	CHECK_INT(between.place, 2);
	CHECK_INT(later.place, 3);
	loop_close(loop);
}

TEST(a_stopped_timer_does_not_keep_the_loop_running) {
	struct ticking ticking = {0};
	struct loop *loop = loop_new();
	tick_after(&ticking, loop, 3600000);
	timer_stop(&ticking.timer);
	timer_stop(&ticking.timer);
	loop_run(loop);
	CHECK_INT(ticking.fired, 0);
	// A delay beyond the clock's range never ends, instead of at once.
	tick_after(&ticking, loop, UINT64_MAX);
	CHECK(ticking.timer.due_ms > loop_now_ms(loop) + 1000000);
	timer_stop(&ticking.timer);
	loop_close(loop);
}

enum { POSTS = 5000, POSTERS = 3 };

struct posting {
	struct loop *loop;
	struct posting_item *items;
	int *left;
	int next;
	bool in_order;
};

struct posting_item {
	struct posting *posting;
	int number;
};

static void on_posted(void *owner) {
	struct posting_item *item = owner;
	struct posting *posting = item->posting;
	posting->in_order = posting->in_order && item->number == posting->next;
	posting->next++;
	if (--*posting->left == 0)
		loop_stop(posting->loop);
}

static void *post_all(void *argument) {
	struct posting *posting = argument;
	for (int i = 0; i < POSTS; i++) {
		posting->items[i] = (struct posting_item){posting, i};
		loop_post(posting->loop, on_posted, &posting->items[i]);
	}
	return NULL;
}

TEST(posts_of_several_threads_all_arrive_each_in_order) {
	struct posting postings[POSTERS];
	pthread_t threads[POSTERS];
	struct ticking keeping = {0};
	struct loop *loop = loop_new();
	int left = POSTS * POSTERS;
	tick_after(&keeping, loop, 20000);
	for (size_t i = 0; i < POSTERS; i++) {
		postings[i] = (struct posting){.loop = loop, .left = &left, .in_order = true};
		postings[i].items = calloc(POSTS, sizeof(struct posting_item));
		pthread_create(&threads[i], NULL, post_all, &postings[i]);
	}
	loop_run(loop);
	CHECK_INT(keeping.fired, 0);
	for (size_t i = 0; i < POSTERS; i++) {
		pthread_join(threads[i], NULL);
		CHECK_INT(postings[i].next, POSTS);
		CHECK(postings[i].in_order);
		free(postings[i].items);
	}
	timer_stop(&keeping.timer);
	loop_close(loop);
}

static void count_up(void *owner) {
	++*(int *)owner;
}

TEST(a_post_runs_although_nothing_else_is_on_the_loop) {
	struct loop *loop = loop_new();
	int count = 0;
	loop_post(loop, count_up, &count);
	loop_post(loop, count_up, &count);
	CHECK_INT(count, 0);
	loop_run(loop);
	CHECK_INT(count, 2);
	loop_run(loop);
	CHECK_INT(count, 2);
	// A post that never runs is freed with the loop.
	loop_post(loop, count_up, &count);
	loop_close(loop);
	CHECK_INT(count, 2);
}

TEST(stopping_before_running_holds_for_one_run) {
	struct ticking ticking = {0};
	struct loop *loop = loop_new();
	tick_after(&ticking, loop, 1);
	loop_stop(loop);
	loop_run(loop);
	CHECK_INT(ticking.fired, 0);
	loop_run(loop);
	CHECK_INT(ticking.fired, 1);
	loop_close(loop);
}

struct signalled {
	struct loop *loop;
	int count;
};

static void on_signalled(void *owner) {
	struct signalled *signalled = owner;
	if (++signalled->count == 1)
		kill(getpid(), SIGUSR1);
	else
		loop_stop(signalled->loop);
}

TEST(signals_reach_the_loop) {
	struct ticking keeping = {0};
	struct loop *loop = loop_new();
	struct signalled signalled = {loop, 0};
	tick_after(&keeping, loop, 20000);
	CHECK_INT(loop_on_signal(loop, SIGUSR1, on_signalled, &signalled), 0);
	CHECK_INT(loop_on_signal(loop, SIGKILL, on_signalled, &signalled), ERROR_INVALID);
	kill(getpid(), SIGUSR1);
	loop_run(loop);
	CHECK_INT(signalled.count, 2);
	CHECK_INT(keeping.fired, 0);
	timer_stop(&keeping.timer);
	// Watching signals doesn't keep the loop running.
	loop_run(loop);
	loop_close(loop);
}

int main(void) {
	alarm(60);
	RUN(the_heap_agrees_with_a_plain_list);
	RUN(timers_fire_once_in_order_and_never_early);
	RUN(a_timer_may_stop_and_start_others_and_itself);
	RUN(timers_that_start_each_other_at_once_do_not_starve_others);
	RUN(starting_again_moves_a_timer);
	RUN(a_stopped_timer_does_not_keep_the_loop_running);
	RUN(posts_of_several_threads_all_arrive_each_in_order);
	RUN(a_post_runs_although_nothing_else_is_on_the_loop);
	RUN(stopping_before_running_holds_for_one_run);
	RUN(signals_reach_the_loop);
	return check_summary();
}
