// SPDX-License-Identifier: Apache-2.0
// What all protocols share: listeners, the count of connections and calls, draining and closing. The bytes are the
// protocols' business.
//
// At the limit of connections a new client takes the place of the one that has been idle longest; when none is idle, it
// waits in the kernel's queue.
#include "net/server.h"

#include <assert.h>
#include <stdlib.h>

#include "base/memory.h"
#include "net/answer_head.h"
#include "net/bind.h"
#include "net/greeting.h"
#include "net/listener.h"
#include "net/serving.h"
#include "net/tls_server.h"

// Heads of answers and bodies of refusals are our own or bounded by the embedder.
#define HEAD_LIMIT_BYTES (1024 * 1024)

// A handshake costs up to a millisecond of CPU: requests in flight must not starve for newcomers.
enum { HANDSHAKES_AT_ONCE = 100, HANDSHAKES_PER_SECOND = 500 };

struct entrance {
	struct server *server;
	struct listener *listener;
	struct tls_server *tls; // NULL: plain
};

static bool is_full(const struct server *server) {
	return server->connection_count >= server->limits.connections;
}

static void want_clients(struct server *server) {
	bool has_place = !is_full(server) || !list_is_empty(&server->idle);
	bool wanted = has_place && !server->draining && !server->closing;
	bool rests = timer_is_running(&server->handshake_rest);
	for (size_t i = 0; i < server->entrance_count; i++)
		listener_want(server->entrances[i]->listener, wanted && !(rests && server->entrances[i]->tls));
}

static void on_handshake_rest_over(void *owner) {
	want_clients(owner);
}

static void look_for_drained(struct server *server) {
	if (server->draining && !server->closing && server->connection_count == 0)
		timer_start(&server->drained, 0);
}

static void tell_drained(void *owner) {
	struct server *server = owner;
	loop_callback on_drained = server->on_drained;
	server->on_drained = NULL;
	if (on_drained)
		on_drained(server->drained_owner);
}

// How often memory is looked for on behalf of those that starve.
#define MEMORY_LOOK_MS 20

static void look_for_memory(void *owner) {
	struct server *server = owner;
	if (memory_meter_is_full(server->limits.memory)) {
		timer_start(&server->memory_look, MEMORY_LOOK_MS);
		return;
	}
	while (!list_is_empty(&server->starving)) {
		struct connection *connection = LIST_OWNER(server->starving.next, struct connection, starving);
		list_remove(&connection->starving);
		serving_call_back_later(connection);
	}
}

static void free_closed(struct server *server) {
	while (!list_is_empty(&server->closed)) {
		struct connection *connection = LIST_OWNER(server->closed.next, struct connection, link);
		list_remove(&connection->link);
		connection->protocol->free(connection);
	}
}

// Going on with one connection can ask for another turn's end of it, which must not wait for the loop to sleep.
static void end_turn(struct server *server) {
	while (!list_is_empty(&server->later) && !server->closing) {
		struct connection *connection = LIST_OWNER(server->later.next, struct connection, later);
		list_remove(&connection->later);
		connection->protocol->turn_ended(connection);
	}
	free_closed(server);
}

static void on_after_events(uv_check_t *check) {
	end_turn(check->data);
}

// Timers and calls from other threads run outside the phase of events.
static void on_before_waiting(uv_prepare_t *prepare) {
	end_turn(prepare->data);
}

struct server *server_new(struct loop *loop, const struct server_limits *limits, const struct server_timeouts *timeouts,
                          const struct server_events *events, void *owner) {
	struct server *server = memory_new(1, sizeof *server);
	*server = (struct server){.loop = loop, .limits = *limits, .timeouts = *timeouts, .events = events, .owner = owner};
	list_init(&server->connections);
	list_init(&server->idle);
	list_init(&server->starving);
	list_init(&server->later);
	list_init(&server->closed);
	buffer_init(&server->head, HEAD_LIMIT_BYTES);
	buffer_init(&server->refusal, HEAD_LIMIT_BYTES);
	timer_init(&server->drained, loop, tell_drained, server);
	timer_init(&server->memory_look, loop, look_for_memory, server);
	timer_init(&server->handshake_rest, loop, on_handshake_rest_over, server);
	allowance_init(&server->handshakes, HANDSHAKES_AT_ONCE, HANDSHAKES_PER_SECOND, loop_now_ms(loop));
	uv_check_init(loop_uv(loop), &server->after_events);
	uv_prepare_init(loop_uv(loop), &server->before_waiting);
	server->after_events.data = server->before_waiting.data = server;
	server->open_handles = 2;
	uv_check_start(&server->after_events, on_after_events);
	uv_prepare_start(&server->before_waiting, on_before_waiting);
	uv_unref((uv_handle_t *)&server->after_events);
	uv_unref((uv_handle_t *)&server->before_waiting);
	return server;
}

// Another client who wants a handshake; the next one may have to wait.
static struct ssl_st *begin_handshake(struct server *server, struct tls_server *tls) {
	uint64_t now_ms = loop_now_ms(server->loop);
	allowance_take(&server->handshakes, now_ms);
	uint64_t wait_ms = allowance_wait_ms(&server->handshakes, now_ms);
	if (wait_ms > 0) {
		timer_start(&server->handshake_rest, wait_ms);
		want_clients(server);
	}
	return tls_server_connection(tls);
}

static void on_accepted(void *owner, int descriptor) {
	struct entrance *entrance = owner;
	struct server *server = entrance->server;
	if (is_full(server)) {
		struct connection *longest = LIST_OWNER(server->idle.next, struct connection, idle);
		longest->protocol->drain(longest);
	}
	struct socket *socket = socket_new(server->loop, descriptor, NULL, NULL);
	struct ssl_st *ssl = socket && entrance->tls ? begin_handshake(server, entrance->tls) : NULL;
	if (socket && entrance->tls && !ssl)
		socket_close(socket);
	else if (socket)
		greeting_start(server, socket, ssl);
}

int server_listen_tls(struct server *server, const char *address, bool shared, struct tls_server *tls,
                      const char **message) {
	struct entrance *entrance = memory_new(1, sizeof *entrance);
	*entrance = (struct entrance){.server = server, .tls = tls};
	int rc = listener_new(server->loop, address, shared, on_accepted, entrance, &entrance->listener, message);
	if (rc) {
		free(entrance);
		return rc;
	}
	server->entrances = memory_resize(server->entrances, server->entrance_count + 1, sizeof(struct entrance *));
	server->entrances[server->entrance_count++] = entrance;
	want_clients(server);
	return 0;
}

int server_listen(struct server *server, const char *address, bool shared, const char **message) {
	return server_listen_tls(server, address, shared, NULL, message);
}

int server_probe(const char *address, const char **message) {
	return bind_probe(address, message);
}

const char *server_address(const struct server *server, size_t index) {
	return index < server->entrance_count ? listener_address(server->entrances[index]->listener) : NULL;
}

static void close_listeners(struct server *server) {
	timer_stop(&server->handshake_rest);
	for (size_t i = 0; i < server->entrance_count; i++) {
		listener_close(server->entrances[i]->listener);
		free(server->entrances[i]);
	}
	free(server->entrances);
	server->entrances = NULL;
	server->entrance_count = 0;
}

// Calls `act` for each connection, also when it closes some or all of them.
static void for_each_connection(struct server *server, void (*act)(struct connection *connection)) {
	struct list rest;
	list_init(&rest);
	while (!list_is_empty(&server->connections)) {
		struct list *link = server->connections.next;
		list_remove(link);
		list_append(&rest, link);
	}
	while (!list_is_empty(&rest)) {
		struct list *link = rest.next;
		list_remove(link);
		list_append(&server->connections, link);
		act(LIST_OWNER(link, struct connection, link));
	}
}

static void drain_connection(struct connection *connection) {
	connection->protocol->drain(connection);
}

static void cut_connection(struct connection *connection) {
	connection->protocol->cut(connection);
}

void server_drain(struct server *server, loop_callback on_drained, void *owner) {
	for (size_t i = 0; i < server->entrance_count; i++)
		listener_drain(server->entrances[i]->listener);
	server->draining = true;
	server->on_drained = on_drained;
	server->drained_owner = owner;
	close_listeners(server);
	for_each_connection(server, drain_connection);
	look_for_drained(server);
}

size_t server_connections(const struct server *server) {
	return server->connection_count;
}

size_t server_calls(const struct server *server) {
	return server->call_count;
}

static void on_handle_closed(uv_handle_t *handle) {
	struct server *server = handle->data;
	if (--server->open_handles > 0)
		return;
	free_closed(server);
	buffer_free(&server->head);
	buffer_free(&server->refusal);
	free(server);
}

void server_close(struct server *server) {
	assert(!server->closing);
	server->closing = true;
	close_listeners(server);
	for_each_connection(server, cut_connection);
	assert(server->connection_count == 0 && server->call_count == 0);
	timer_stop(&server->drained);
	timer_stop(&server->memory_look);
	uv_close((uv_handle_t *)&server->after_events, on_handle_closed);
	uv_close((uv_handle_t *)&server->before_waiting, on_handle_closed);
}

struct slice serving_date(struct server *server) {
	time_t now_s = time(NULL);
	if (now_s != server->date_s) {
		server->date_s = now_s;
		answer_date_format(now_s, server->date);
	}
	return slice_from(server->date);
}

bool serving_starves(struct connection *connection) {
	struct server *server = connection->server;
	list_remove(&connection->starving);
	if (!memory_meter_is_full(server->limits.memory))
		return false;
	list_append(&server->starving, &connection->starving);
	if (!timer_is_running(&server->memory_look))
		timer_start(&server->memory_look, MEMORY_LOOK_MS);
	return true;
}

void serving_call_back_later(struct connection *connection) {
	if (list_is_empty(&connection->later) && !connection->closed)
		list_append(&connection->server->later, &connection->later);
}

void serving_opened(struct connection *connection, struct server *server, const struct protocol *protocol) {
	connection->protocol = protocol;
	connection->server = server;
	list_init(&connection->link);
	list_init(&connection->later);
	list_init(&connection->idle);
	list_init(&connection->starving);
	list_append(&server->connections, &connection->link);
	server->connection_count++;
	want_clients(server);
}

void serving_idle(struct connection *connection, bool idle) {
	struct server *server = connection->server;
	list_remove(&connection->idle);
	if (idle)
		list_append(&server->idle, &connection->idle);
	if (is_full(server))
		want_clients(server);
}

void serving_closed(struct connection *connection) {
	struct server *server = connection->server;
	assert(!connection->closed);
	connection->closed = true;
	list_remove(&connection->later);
	list_remove(&connection->idle);
	list_remove(&connection->starving);
	list_remove(&connection->link);
	list_append(&server->closed, &connection->link);
	server->connection_count--;
	want_clients(server);
	look_for_drained(server);
}

void serving_deliver(struct server_call *call) {
	struct server *server = call->connection->server;
	call->owner = NULL;
	call->is_open = true;
	call->has_started = false;
	server->call_count++;
	server->events->on_request(server->owner, call, &call->request, &call->owner);
}

void serving_call_over(struct server_call *call, bool gone) {
	struct server *server = call->connection->server;
	assert(call->is_open);
	call->is_open = false;
	server->call_count--;
	if (gone)
		server->events->on_gone(server->owner, call, call->owner);
}

void server_answer(struct server_call *call, int status, struct headers headers, struct slice body) {
	call->connection->protocol->answer(call, status, headers, body);
}

void server_answer_start(struct server_call *call, int status, struct headers headers, int64_t content_length) {
	call->connection->protocol->answer_start(call, status, headers, content_length);
}

bool server_answer_write(struct server_call *call, struct slice bytes) {
	return call->connection->protocol->answer_write(call, bytes);
}

void server_answer_end(struct server_call *call) {
	call->connection->protocol->answer_end(call);
}

void server_answer_abort(struct server_call *call, bool reset) {
	call->connection->protocol->answer_abort(call, reset);
}

bool server_answer_has_started(const struct server_call *call) {
	return call->has_started;
}
