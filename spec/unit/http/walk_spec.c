// SPDX-License-Identifier: Apache-2.0
// A random walk: many simultaneous exchanges with a server of this room on the same loop, which responds, streams,
// stalls and breaks off at random, while the exchanges are paused, resumed, cancelled and started from within events
// and outside. Each ends exactly once, and nothing is left.
#include <stdlib.h>
#include <unistd.h>

#include "../check.h"
#include "base/random.h"
#include "http/exchange.h"
#include "http/server.h"
#include "recorded.h"

enum { WALKERS = 40, EXCHANGES = 6000, BODY_BYTES = 150000 };

struct walk;

struct walker {
	struct walk *walk;
	struct exchange *exchange; // NULL between two
	struct timer timer;
	size_t expected_bytes, body_bytes;
	bool head, paused;
};

struct walk {
	struct loop *loop;
	struct random_source random;
	struct server *server;
	struct upstreams *upstreams;
	struct upstream *upstream;
	struct walker walkers[WALKERS];
	int started, ended, failed, cancelled, wrong;
	int events_unexpected;
};

static char body_bytes[BODY_BYTES];

static void walker_start(struct walker *walker);
static void walker_act(void *owner);

static unsigned chance(struct walk *walk, unsigned out_of) {
	return (unsigned)random_below(&walk->random, out_of);
}

static void next(struct walker *walker) {
	struct walk *walk = walker->walk;
	walker->exchange = NULL;
	timer_stop(&walker->timer);
	if (walk->started < EXCHANGES)
		walker_start(walker);
	else if (walk->ended + walk->failed + walk->cancelled == walk->started)
		loop_stop(walk->loop);
}

static void cancel(struct walker *walker) {
	walker->walk->cancelled++;
	exchange_cancel(walker->exchange);
	next(walker);
}

static void maybe_act(struct walker *walker) {
	struct walk *walk = walker->walk;
	switch (chance(walk, 30)) {
	case 0:
		cancel(walker);
		break;
	case 1:
	case 2:
		exchange_pause(walker->exchange);
		timer_start(&walker->timer, chance(walk, 3));
		break;
	default:
		break;
	}
}

static void walker_act(void *owner) {
	struct walker *walker = owner;
	if (chance(walker->walk, 8) == 0)
		cancel(walker);
	else
		exchange_resume(walker->exchange);
}

static void on_head(void *owner, int status, struct headers headers) {
	struct walker *walker = owner;
	(void)headers;
	walker->walk->events_unexpected += walker->exchange == NULL || walker->head || status != 200;
	walker->head = true;
	maybe_act(walker);
}

static void on_body(void *owner, struct slice bytes) {
	struct walker *walker = owner;
	walker->walk->events_unexpected += walker->exchange == NULL || !walker->head;
	for (size_t i = 0; i < bytes.len; i++)
		walker->walk->wrong += bytes.ptr[i] != body_bytes[walker->body_bytes + i];
	walker->body_bytes += bytes.len;
	maybe_act(walker);
}

static void on_end(void *owner) {
	struct walker *walker = owner;
	walker->walk->events_unexpected += walker->exchange == NULL || !walker->head;
	walker->walk->wrong += walker->body_bytes != walker->expected_bytes;
	walker->walk->ended++;
	next(walker);
}

static void on_failed(void *owner, enum exchange_failure failure) {
	struct walker *walker = owner;
	bool known = failure == EXCHANGE_RESET || failure == EXCHANGE_CLOSED || failure == EXCHANGE_TRUNCATED;
	walker->walk->events_unexpected += walker->exchange == NULL || !known;
	walker->walk->failed++;
	next(walker);
}

static const struct exchange_events walker_events = {on_head, on_body, on_end, on_failed};

// The target says how many bytes the response has and what the server does.
static void walker_start(struct walker *walker) {
	struct walk *walk = walker->walk;
	static const struct header host = {{"host", 4}, {"walk", 4}};
	char target[64];
	walk->started++;
	walker->head = false;
	walker->body_bytes = 0;
	walker->expected_bytes = chance(walk, 3) ? chance(walk, 2000) : chance(walk, BODY_BYTES);
	snprintf(target, sizeof(target), "/%zu", walker->expected_bytes);
	struct slice body = slice_of(body_bytes, chance(walk, 4) ? chance(walk, 1000) : chance(walk, BODY_BYTES));
	struct exchange_request request = {SLICE("POST"), slice_from(target), {&host, 1}, body};
	walker->exchange = exchange_start(walk->upstream, &request, &walker_events, walker);
	if (chance(walk, 20) == 0)
		timer_start(&walker->timer, chance(walk, 4));
}

// The server's side: the rest of the response to one call.
struct response {
	struct walk *walk;
	struct server_call *call;
	size_t sent, total;
	struct timer timer;
};

static void response_free(struct response *response) {
	timer_stop(&response->timer);
	free(response);
}

static void response_continue(void *owner) {
	struct response *response = owner;
	struct walk *walk = response->walk;
	size_t piece = 1 + chance(walk, 30000);
	if (chance(walk, 60) == 0) {
		server_response_abort(response->call, chance(walk, 2));
		response_free(response);
		return;
	}
	if (piece > response->total - response->sent)
		piece = response->total - response->sent;
	bool room = server_response_write(response->call, slice_of(body_bytes + response->sent, piece));
	response->sent += piece;
	if (response->sent == response->total) {
		server_response_end(response->call);
		response_free(response);
	} else if (room) {
		timer_start(&response->timer, chance(walk, 2));
	}
}

static void on_request(void *owner, struct server_call *call, const struct server_request *request, void **call_owner) {
	struct walk *walk = owner;
	uint64_t total = 0;
	CHECK(slice_parse_u64(slice_from_offset(request->target, 1), BODY_BYTES, &total));
	CHECK_INT(memcmp(request->body.ptr ? request->body.ptr : "", body_bytes, request->body.len), 0);
	unsigned way = chance(walk, 20);
	if (way == 0) {
		server_response_abort(call, chance(walk, 2));
	} else if (way < 10) {
		server_respond(call, 200, (struct headers){NULL, 0}, slice_of(body_bytes, total));
	} else {
		struct response *response = calloc(1, sizeof(*response));
		*response = (struct response){.walk = walk, .call = call, .total = total};
		timer_init(&response->timer, walk->loop, response_continue, response);
		*call_owner = response;
		server_response_start(call, 200, (struct headers){NULL, 0}, chance(walk, 2) ? -1 : (int64_t)total);
		timer_start(&response->timer, chance(walk, 3));
	}
}

static void on_writable(void *owner, struct server_call *call, void *call_owner) {
	struct response *response = call_owner;
	(void)owner;
	(void)call;
	timer_start(&response->timer, 0);
}

static void on_gone(void *owner, struct server_call *call, void *call_owner) {
	(void)owner;
	(void)call;
	if (call_owner)
		response_free(call_owner);
}

static size_t format_refusal(void *owner, int status, const char *reason, struct header *headers, struct buffer *body) {
	(void)owner;
	(void)headers;
	(void)body;
	printf("  refused: %d %s\n", status, reason);
	return 0;
}

static const struct server_events server_events = {on_request, on_writable, on_gone, format_refusal};

static void walk_from(uint64_t seed) {
	static const struct server_limits limits = {.header_bytes = 65536, .body_bytes = 1 << 20, .connections = 1000};
	static const struct server_timeouts timeouts = {10000, 10000, 10000, 10000};
	struct walk *walk = calloc(1, sizeof(*walk));
	const char *message = NULL;
	walk->loop = loop_new();
	random_init(&walk->random, seed);
	walk->server = server_new(walk->loop, &limits, &timeouts, &server_events, walk);
	CHECK_INT(server_listen(walk->server, "127.0.0.1:0", false, &message), 0);
	uint64_t port = 0;
	CHECK(slice_parse_u64(slice_from(strrchr(server_address(walk->server, 0), ':') + 1), 65535, &port));
	walk->upstreams = upstreams_new(walk->loop, &quick_settings);
	walk->upstream = upstreams_get(walk->upstreams, false, SLICE("127.0.0.1"), (uint16_t)port);
	for (size_t i = 0; i < WALKERS; i++) {
		walk->walkers[i].walk = walk;
		timer_init(&walk->walkers[i].timer, walk->loop, walker_act, &walk->walkers[i]);
		walker_start(&walk->walkers[i]);
	}
	loop_run(walk->loop);
	CHECK_INT(walk->started, EXCHANGES);
	CHECK_INT(walk->ended + walk->failed + walk->cancelled, EXCHANGES);
	CHECK_INT(walk->wrong, 0);
	CHECK_INT(walk->events_unexpected, 0);
	// The walk has reached every kind of outcome.
	CHECK(walk->ended > EXCHANGES / 3);
	CHECK(walk->failed > EXCHANGES / 100);
	CHECK(walk->cancelled > EXCHANGES / 100);
	CHECK_INT(upstreams_busy(walk->upstreams), 0);
	upstreams_free(walk->upstreams);
	server_close(walk->server);
	loop_close(walk->loop);
	free(walk);
}

TEST(every_exchange_ends_once) {
	for (size_t i = 0; i < BODY_BYTES; i++)
		body_bytes[i] = (char)(i * 7 + (i >> 8));
	size_t before = (loop_close(loop_new()), open_descriptors());
	for (uint64_t seed = 1; seed <= 2; seed++)
		walk_from(seed);
	CHECK_INT(open_descriptors(), before);
}

int main(void) {
	alarm(120);
	RUN(every_exchange_ends_once);
	return check_summary();
}
