// SPDX-License-Identifier: Apache-2.0
// Upstreams without sockets, over a loop in virtual time: a spec plays the response to the last exchange that was
// started.
#ifndef SPEC_MUX_FAKE_NET_H
#define SPEC_MUX_FAKE_NET_H

#include "../fake_loop.h"
#include "http/exchange.h"

struct exchange {
	const struct exchange_events *events;
	void *owner;
	bool is_over;
};

enum { FAKE_EXCHANGES = 4096 };
static struct exchange fake_exchanges[FAKE_EXCHANGES];
static size_t fake_exchange_count;

// Calls for later turns of the loop. Only slices are posted here: reload_spec.c tests reloads.
enum { FAKE_POSTS = 16 };
static struct {
	loop_callback callback;
	void *owner;
} fake_posts[FAKE_POSTS];
static size_t fake_post_count;

void loop_post(struct loop *loop, loop_callback callback, void *owner) {
	(void)loop;
	if (fake_post_count == FAKE_POSTS)
		abort();
	fake_posts[fake_post_count].callback = callback;
	fake_posts[fake_post_count++].owner = owner;
}

// Runs a turn of the loop: what was posted before it. False if there was nothing.
static inline bool fake_turn(void) {
	size_t count = fake_post_count;
	for (size_t i = 0; i < count; i++)
		fake_posts[i].callback(fake_posts[i].owner);
	fake_post_count -= count;
	memmove(fake_posts, fake_posts + count, fake_post_count * sizeof *fake_posts);
	return count > 0;
}

// Of the last exchange; borrowed as long as that lasts.
static struct slice fake_request_body;

struct upstreams *upstreams_new(struct loop *loop, const struct upstream_settings *settings) {
	(void)loop;
	(void)settings;
	return NULL;
}

void upstreams_free(struct upstreams *upstreams) {
	(void)upstreams;
}

struct upstream *upstreams_get(struct upstreams *upstreams, bool tls, struct slice host, uint16_t port) {
	(void)upstreams;
	(void)tls;
	(void)host;
	(void)port;
	return NULL;
}

struct exchange *exchange_start(struct upstream *upstream, const struct exchange_request *request,
                                const struct exchange_events *events, void *owner) {
	(void)upstream;
	fake_request_body = request->body;
	if (fake_exchange_count == FAKE_EXCHANGES)
		abort();
	struct exchange *exchange = &fake_exchanges[fake_exchange_count++];
	*exchange = (struct exchange){.events = events, .owner = owner};
	return exchange;
}

void exchange_cancel(struct exchange *exchange) {
	exchange->is_over = true;
}

void exchange_pause(struct exchange *exchange) {
	(void)exchange;
}

void exchange_resume(struct exchange *exchange) {
	(void)exchange;
}

// The last exchange that was started; it must not be over.
static inline struct exchange *last_exchange(void) {
	if (fake_exchange_count == 0 || fake_exchanges[fake_exchange_count - 1].is_over)
		abort();
	return &fake_exchanges[fake_exchange_count - 1];
}

static inline void upstream_head(int status, const char *type, const char *error_type) {
	struct exchange *exchange = last_exchange();
	struct header headers[] = {{SLICE("content-type"), slice_from(type)},
	                           {SLICE("x-amzn-errortype"), slice_from(error_type)}};
	exchange->events->on_head(exchange->owner, status, (struct headers){headers, error_type ? 2 : 1});
}

static inline void upstream_bytes(struct slice bytes) {
	struct exchange *exchange = last_exchange();
	exchange->events->on_body(exchange->owner, bytes);
}

static inline void upstream_end(void) {
	struct exchange *exchange = last_exchange();
	exchange->is_over = true;
	exchange->events->on_end(exchange->owner);
}

static inline void upstream_fail(enum exchange_failure failure) {
	struct exchange *exchange = last_exchange();
	exchange->is_over = true;
	exchange->events->on_failed(exchange->owner, failure);
}

#endif
