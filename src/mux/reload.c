// SPDX-License-Identifier: Apache-2.0
// An order moves from `waiting` to `completed`, and from there to its loop, which calls `done` and frees it. An order
// that its loop never gets to is freed with the reloader, not earlier: the loop may still hold a pointer to it.
#include "mux/reload.h"

#include <pthread.h>
#include <stdlib.h>
#include <sys/resource.h>

#include "base/clock.h"
#include "base/memory.h"
#include "base/problem.h"
#include "mux/worker.h"
#include "net/lack.h"

enum { WAITING_MAX = 16, NICENESS = 10 };

struct reloader {
	struct mux *mux;
	pthread_t thread;
	bool has_thread;      // set with the lock held, and not after is_ending
	pthread_mutex_t lock; // guards the rest
	pthread_cond_t wake;
	bool is_ending;
	size_t waiting_count;
	struct list waiting;   // orders
	struct list completed; // orders that their loops have not handled yet
	struct list unused;    // versions
};

struct order {
	struct list link; // of `waiting` or `completed`
	struct reloader *reloader;
	struct loop *loop;
	struct mux_reload_order what;
	mux_reload_done done;
	void *owner;
	bool is_reported;
	struct mux_reloaded result;
};

static struct order *order_at(struct list *link) {
	return LIST_OWNER(link, struct order, link);
}

struct reloader *reloader_new(struct mux *mux) {
	struct reloader *reloader = memory_new(1, sizeof *reloader);
	reloader->mux = mux;
	pthread_mutex_init(&reloader->lock, NULL);
	pthread_cond_init(&reloader->wake, NULL);
	list_init(&reloader->waiting);
	list_init(&reloader->completed);
	list_init(&reloader->unused);
	return reloader;
}

static void notify_observers(const struct mux *mux, const struct mux_reloaded *result) {
	struct event event = {.kind = EVENT_POLICY_RELOADED, .at_ms = clock_now_ms()};
	if (result->is_new) {
		event.reloaded = (struct policy_reloaded){result->version, result->hash, result->models};
	} else if (result->status != 0 && result->problems.count != 0) {
		event.kind = EVENT_POLICY_REJECTED;
		event.rejected.problems = &result->problems;
	} else {
		return;
	}
	observers_notify(mux->settings.observers, &event);
}

static void order_report(struct order *order) {
	if (order->is_reported)
		return;
	order->is_reported = true;
	notify_observers(order->reloader->mux, &order->result);
	order->done(order->owner, &order->result);
}

static void order_free(struct order *order) {
	problems_free(&order->result.problems);
	free(order);
}

// On the loop of the order.
static void order_on_completed(void *owner) {
	struct order *order = owner;
	struct reloader *reloader = order->reloader;
	order_report(order);
	pthread_mutex_lock(&reloader->lock);
	list_remove(&order->link);
	pthread_mutex_unlock(&reloader->lock);
	order_free(order);
}

// With the lock held, which is released while a version is freed.
static void reloader_free_unused(struct reloader *reloader) {
	while (!list_is_empty(&reloader->unused)) {
		struct mux_version *version = LIST_OWNER(reloader->unused.next, struct mux_version, unused_link);
		list_remove(&version->unused_link);
		pthread_mutex_unlock(&reloader->lock);
		version_free(version);
		pthread_mutex_lock(&reloader->lock);
	}
}

// With the lock held, which is released while the order is executed.
static void reloader_execute_next(struct reloader *reloader) {
	struct order *order = order_at(reloader->waiting.next);
	list_remove(&order->link);
	reloader->waiting_count--;
	pthread_mutex_unlock(&reloader->lock);
	version_renew(reloader->mux, &order->what, &order->result);
	pthread_mutex_lock(&reloader->lock);
	list_append(&reloader->completed, &order->link);
	loop_post(order->loop, order_on_completed, order);
}

static void *reloader_run(void *owner) {
	struct reloader *reloader = owner;
	// On Linux this applies to the calling thread alone: if cores are short, requests come first.
	setpriority(PRIO_PROCESS, 0, NICENESS);
	pthread_setname_np(pthread_self(), "reload");
	pthread_mutex_lock(&reloader->lock);
	// One task per turn: the lock must not be released between the check of `is_ending` and the wait.
	while (!reloader->is_ending) {
		if (!list_is_empty(&reloader->unused))
			reloader_free_unused(reloader);
		else if (!list_is_empty(&reloader->waiting))
			reloader_execute_next(reloader);
		else
			pthread_cond_wait(&reloader->wake, &reloader->lock);
	}
	pthread_mutex_unlock(&reloader->lock);
	return NULL;
}

void reloader_take_version(struct reloader *reloader, struct mux_version *version) {
	pthread_mutex_lock(&reloader->lock);
	list_append(&reloader->unused, &version->unused_link);
	pthread_cond_signal(&reloader->wake);
	pthread_mutex_unlock(&reloader->lock);
}

static int reloader_start_thread(struct reloader *reloader) {
	int failure = reloader->has_thread ? 0 : pthread_create(&reloader->thread, NULL, reloader_run, reloader);
	reloader->has_thread = failure == 0;
	if (failure)
		lack_log(LACK_RELOADING, failure);
	return failure ? ERROR_LIMIT : 0;
}

int mux_reload(struct mux *mux, struct loop *loop, struct mux_reload_order what, mux_reload_done done, void *owner) {
	struct reloader *reloader = mux->reloader;
	struct order *order = NULL;
	pthread_mutex_lock(&reloader->lock);
	int rc =
	    reloader->is_ending || reloader->waiting_count == WAITING_MAX ? ERROR_BUSY : reloader_start_thread(reloader);
	if (rc == 0) {
		order = memory_new(1, sizeof *order);
		*order = (struct order){.reloader = reloader, .loop = loop, .what = what, .done = done, .owner = owner};
		list_append(&reloader->waiting, &order->link);
		reloader->waiting_count++;
		pthread_cond_signal(&reloader->wake);
	}
	pthread_mutex_unlock(&reloader->lock);
	return rc;
}

void reloader_stop(struct reloader *reloader) {
	pthread_mutex_lock(&reloader->lock);
	reloader->is_ending = true;
	pthread_cond_signal(&reloader->wake);
	pthread_mutex_unlock(&reloader->lock);
	if (reloader->has_thread)
		pthread_join(reloader->thread, NULL);
	reloader->has_thread = false;
	for (struct list *link = reloader->completed.next; link != &reloader->completed; link = link->next)
		order_report(order_at(link));
	while (!list_is_empty(&reloader->waiting)) {
		struct order *order = order_at(reloader->waiting.next);
		list_remove(&order->link);
		order->result.status = ERROR_BUSY;
		order_report(order);
		order_free(order);
	}
}

void reloader_free(struct reloader *reloader) {
	while (!list_is_empty(&reloader->completed)) {
		struct order *order = order_at(reloader->completed.next);
		list_remove(&order->link);
		order_free(order);
	}
	pthread_mutex_lock(&reloader->lock);
	reloader_free_unused(reloader);
	pthread_mutex_unlock(&reloader->lock);
	pthread_mutex_destroy(&reloader->lock);
	pthread_cond_destroy(&reloader->wake);
	free(reloader);
}
