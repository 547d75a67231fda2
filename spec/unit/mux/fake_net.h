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

// Only reloads post to a loop, and reload_spec.c tests those.
void loop_post(struct loop *loop, loop_callback callback, void *owner) {
	(void)loop;
	(void)callback;
	(void)owner;
	abort();
}

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
	(void)request;
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
