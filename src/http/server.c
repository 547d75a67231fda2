// SPDX-License-Identifier: Apache-2.0
// What all protocols share: listeners, the count of connections and calls, draining and closing.
//
// At the limit of connections a new client replaces the connection that has been idle longest; when none is idle, it
// waits in the kernel's queue.
#include "http/server.h"

#include <assert.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/memory.h"
#include "net/client_places.h"
#include "http/protocol_detect.h"
#include "http/response_head.h"
#include "http/server_internal.h"
#include "net/bind.h"
#include "net/listener.h"
#include "net/tls_server.h"

// Heads of responses and bodies of refusals come from the server itself or are bounded by the embedder.
#define HEAD_LIMIT_BYTES (1024 * 1024)

// Bounds the connections that wait with a handshake not begun; what handshakes cost is bounded by their pace.
enum { HANDSHAKES_AT_ONCE = 100, HANDSHAKES_PER_SECOND = 500 };

// A connection that has many requests at once begins so many in a turn of the loop, and all such connections together
// so many beyond their first ones. Others are served in between.
enum { REQUESTS_A_TURN = 16, FURTHER_REQUESTS_A_TURN = 64 };

struct bound_listener {
	struct server *server;
	struct listener *listener;
	struct tls_server *tls; // NULL: plain
};

static bool server_is_full(const struct server *server) {
	return server->connection_count >= server->limits.connections;
}

static void server_update_accepting(struct server *server) {
	bool has_place = !server_is_full(server) || !list_is_empty(&server->idle);
	bool wanted = has_place && !server->draining && !server->closing;
	bool paused = timer_is_running(&server->handshake_pause) || handshake_pace_is_behind(&server->handshake_pace);
	for (size_t i = 0; i < server->bound_listener_count; i++)
		listener_want(server->bound_listeners[i]->listener, wanted && !(paused && server->bound_listeners[i]->tls));
}

static void server_on_handshakes(void *owner) {
	server_update_accepting(owner);
}

static void server_check_drained(struct server *server) {
	if (server->draining && !server->closing && server->connection_count == 0)
		timer_start(&server->drained, 0);
}

static void server_report_drained(void *owner) {
	struct server *server = owner;
	loop_callback on_drained = server->on_drained;
	server->on_drained = NULL;
	if (on_drained)
		on_drained(server->drained_owner);
}

static void server_free_closed(struct server *server) {
	while (!list_is_empty(&server->closed)) {
		struct client_connection *connection = LIST_OWNER(server->closed.next, struct client_connection, link);
		list_remove(&connection->link);
		connection->protocol->free(connection);
	}
}

// The loop has come to its next turn.
static void server_on_wakeup(void *owner) {
	(void)owner;
}

static void server_begin_turn(struct server *server) {
	server->turn++;
	server->further = 0;
	while (!list_is_empty(&server->next_turn)) {
		struct client_connection *connection = LIST_OWNER(server->next_turn.next, struct client_connection, next_turn);
		list_remove(&connection->next_turn);
		server_call_back_later(connection);
	}
}

// A connection may ask to be called back again meanwhile, which must not wait until the loop has slept.
static void server_end_turn(struct server *server) {
	while (!list_is_empty(&server->later) && !server->closing) {
		struct client_connection *connection = LIST_OWNER(server->later.next, struct client_connection, later);
		list_remove(&connection->later);
		connection->protocol->turn_ended(connection);
	}
	server_free_closed(server);
}

static void server_on_after_events(uv_check_t *check) {
	server_end_turn(check->data);
}

// Timers and calls from other threads run outside the phase of events.
static void server_on_before_waiting(uv_prepare_t *prepare) {
	server_begin_turn(prepare->data);
	server_end_turn(prepare->data);
}

struct server *server_new(struct loop *loop, const struct server_limits *limits, const struct server_timeouts *timeouts,
                          const struct server_events *events, void *owner) {
	struct server *server = memory_new(1, sizeof *server);
	*server = (struct server){.loop = loop, .limits = *limits, .timeouts = *timeouts, .events = events, .owner = owner};
	if (server->limits.rate.period_ms == 0)
		server->limits.rate.period_ms = LEAST_RATE_PERIOD_MS;
	list_init(&server->connections);
	list_init(&server->idle);
	list_init(&server->uploads);
	list_init(&server->waiting_for_memory);
	list_init(&server->later);
	list_init(&server->next_turn);
	list_init(&server->closed);
	buffer_init(&server->head, HEAD_LIMIT_BYTES);
	buffer_init(&server->refusal, HEAD_LIMIT_BYTES);
	timer_init(&server->drained, loop, server_report_drained, server);
	timer_init(&server->memory_check, loop, uploads_check_memory, server);
	timer_init(&server->wakeup, loop, server_on_wakeup, server);
	timer_init(&server->handshake_pause, loop, server_on_handshakes, server);
	handshake_pace_init(&server->handshake_pace, loop, HANDSHAKE_US_PER_MS, server_on_handshakes, server);
	token_bucket_init(&server->handshakes, HANDSHAKES_AT_ONCE, HANDSHAKES_PER_SECOND, loop_now_ms(loop));
	uv_check_init(loop_uv(loop), &server->after_events);
	uv_prepare_init(loop_uv(loop), &server->before_waiting);
	server->after_events.data = server->before_waiting.data = server;
	server->open_handles = 2;
	uv_check_start(&server->after_events, server_on_after_events);
	uv_prepare_start(&server->before_waiting, server_on_before_waiting);
	uv_unref((uv_handle_t *)&server->after_events);
	uv_unref((uv_handle_t *)&server->before_waiting);
	return server;
}

// Counts the handshake; beyond the rate, listeners with TLS pause.
static struct ssl_st *server_begin_handshake(struct server *server, struct tls_server *tls) {
	uint64_t now_ms = loop_now_ms(server->loop);
	token_bucket_take(&server->handshakes, now_ms);
	uint64_t wait_ms = token_bucket_wait_ms(&server->handshakes, now_ms);
	if (wait_ms > 0) {
		timer_start(&server->handshake_pause, wait_ms);
		server_update_accepting(server);
	}
	return tls_server_connection(tls);
}

static void server_on_accepted(void *owner, int descriptor) {
	struct bound_listener *bound = owner;
	struct server *server = bound->server;
	struct client_places *clients = server->limits.clients;
	struct client_place *place = NULL;
	if (clients && !client_places_take(clients, descriptor, loop_now_ms(server->loop), &place)) {
		close(descriptor);
		return;
	}
	if (server_is_full(server)) {
		struct client_connection *longest = LIST_OWNER(server->idle.next, struct client_connection, idle);
		longest->protocol->drain(longest);
	}
	struct socket *socket = socket_new(server->loop, descriptor, NULL, NULL);
	struct ssl_st *ssl = socket && bound->tls ? server_begin_handshake(server, bound->tls) : NULL;
	if (socket && (ssl || !bound->tls)) {
		protocol_detect_start(server, socket, place, ssl);
		return;
	}
	client_places_leave(clients, place);
	if (socket)
		socket_close(socket);
}

int server_listen_tls(struct server *server, const char *address, bool shared, struct tls_server *tls,
                      const char **message) {
	struct bound_listener *bound = memory_new(1, sizeof *bound);
	*bound = (struct bound_listener){.server = server, .tls = tls};
	int rc = listener_new(server->loop, address, shared, server_on_accepted, bound, &bound->listener, message);
	if (rc) {
		free(bound);
		return rc;
	}
	listener_keep_back(bound->listener, server->limits.descriptors_below);
	server->bound_listeners =
	    memory_resize(server->bound_listeners, server->bound_listener_count + 1, sizeof(struct bound_listener *));
	server->bound_listeners[server->bound_listener_count++] = bound;
	server_update_accepting(server);
	return 0;
}

int server_listen(struct server *server, const char *address, bool shared, const char **message) {
	return server_listen_tls(server, address, shared, NULL, message);
}

int server_probe(const char *address, const char **message) {
	return bind_probe(address, message);
}

const char *server_address(const struct server *server, size_t index) {
	return index < server->bound_listener_count ? listener_address(server->bound_listeners[index]->listener) : NULL;
}

bool server_is_adopted(const struct server *server, size_t index) {
	return index < server->bound_listener_count && listener_is_adopted(server->bound_listeners[index]->listener);
}

static void server_close_listeners(struct server *server) {
	timer_stop(&server->handshake_pause);
	for (size_t i = 0; i < server->bound_listener_count; i++) {
		listener_close(server->bound_listeners[i]->listener);
		free(server->bound_listeners[i]);
	}
	free(server->bound_listeners);
	server->bound_listeners = NULL;
	server->bound_listener_count = 0;
}

// Calls `act` for each connection; `act` may close any of them.
static void server_for_each_connection(struct server *server, void (*act)(struct client_connection *connection)) {
	struct list rest;
	list_init(&rest);
	list_move_all(&rest, &server->connections);
	while (!list_is_empty(&rest)) {
		struct list *link = rest.next;
		list_remove(link);
		list_append(&server->connections, link);
		act(LIST_OWNER(link, struct client_connection, link));
	}
}

static void drain_connection(struct client_connection *connection) {
	connection->protocol->drain(connection);
}

static void cut_connection(struct client_connection *connection) {
	connection->protocol->cut(connection);
}

void server_drain(struct server *server, loop_callback on_drained, void *owner) {
	for (size_t i = 0; i < server->bound_listener_count; i++)
		listener_drain(server->bound_listeners[i]->listener);
	server->draining = true;
	server->on_drained = on_drained;
	server->drained_owner = owner;
	server_close_listeners(server);
	server_for_each_connection(server, drain_connection);
	server_check_drained(server);
}

size_t server_connections(const struct server *server) {
	return server->connection_count;
}

size_t server_calls(const struct server *server) {
	return server->call_count;
}

static void server_on_handle_closed(uv_handle_t *handle) {
	struct server *server = handle->data;
	if (--server->open_handles > 0)
		return;
	server_free_closed(server);
	buffer_free(&server->head);
	buffer_free(&server->refusal);
	free(server);
}

void server_close(struct server *server) {
	assert(!server->closing);
	server->closing = true;
	server_close_listeners(server);
	server_for_each_connection(server, cut_connection);
	assert(server->connection_count == 0 && server->call_count == 0);
	timer_stop(&server->drained);
	timer_stop(&server->memory_check);
	timer_stop(&server->wakeup);
	handshake_pace_close(&server->handshake_pace);
	uv_close((uv_handle_t *)&server->after_events, server_on_handle_closed);
	uv_close((uv_handle_t *)&server->before_waiting, server_on_handle_closed);
}

struct slice server_date(struct server *server) {
	time_t now_s = (time_t)(clock_wall_ms() / 1000);
	if (now_s != server->date_s) {
		server->date_s = now_s;
		time_format_http(now_s, server->date);
	}
	return slice_from(server->date);
}

void server_call_back_later(struct client_connection *connection) {
	if (list_is_empty(&connection->later) && !connection->closed)
		list_append(&connection->server->later, &connection->later);
}

void server_call_back_next_turn(struct client_connection *connection) {
	struct server *server = connection->server;
	if (server_waits_for_turn(connection) || connection->closed)
		return;
	list_append(&server->next_turn, &connection->next_turn);
	if (!timer_is_running(&server->wakeup))
		timer_start(&server->wakeup, 0);
}

bool server_may_begin_request(struct client_connection *connection) {
	struct server *server = connection->server;
	if (connection->turn != server->turn)
		connection->begun = 0;
	connection->turn = server->turn;
	bool is_first = connection->begun == 0;
	if (is_first || (connection->begun < REQUESTS_A_TURN && server->further < FURTHER_REQUESTS_A_TURN)) {
		connection->begun++;
		server->further += !is_first;
		return true;
	}
	server_call_back_next_turn(connection);
	return false;
}

void server_connection_opened(struct client_connection *connection, struct server *server,
                              const struct protocol *protocol) {
	connection->protocol = protocol;
	connection->server = server;
	list_init(&connection->link);
	list_init(&connection->later);
	list_init(&connection->idle);
	list_init(&connection->next_turn);
	list_append(&server->connections, &connection->link);
	server->connection_count++;
	server_update_accepting(server);
}

void server_connection_idle(struct client_connection *connection, bool idle) {
	struct server *server = connection->server;
	list_remove(&connection->idle);
	if (idle)
		list_append(&server->idle, &connection->idle);
	if (server_is_full(server))
		server_update_accepting(server);
}

void server_connection_closed(struct client_connection *connection) {
	struct server *server = connection->server;
	assert(!connection->closed);
	connection->closed = true;
	client_places_leave(server->limits.clients, connection->place);
	connection->place = NULL;
	list_remove(&connection->later);
	list_remove(&connection->idle);
	list_remove(&connection->next_turn);
	list_remove(&connection->link);
	list_append(&server->closed, &connection->link);
	server->connection_count--;
	server_update_accepting(server);
	server_check_drained(server);
}

bool server_lacks_memory(struct server *server) {
	bool is_full = memory_meter_is_full(server->limits.memory);
	if (is_full)
		uploads_note_shortage(server);
	return is_full;
}

void server_deliver(struct server_call *call) {
	struct server *server = call->connection->server;
	server_lacks_memory(server); // the embedder may refuse the request for that
	call->owner = NULL;
	call->is_open = true;
	call->has_started = false;
	server->call_count++;
	server->events->on_request(server->owner, call, &call->request, &call->owner);
}

void server_call_ended(struct server_call *call, bool gone) {
	struct server *server = call->connection->server;
	assert(call->is_open);
	call->is_open = false;
	server->call_count--;
	if (gone)
		server->events->on_gone(server->owner, call, call->owner);
}

void server_respond(struct server_call *call, int status, struct headers headers, struct slice body) {
	call->connection->protocol->respond(call, status, headers, body);
}

void server_response_start(struct server_call *call, int status, struct headers headers, int64_t content_length) {
	call->connection->protocol->response_start(call, status, headers, content_length);
}

bool server_response_write(struct server_call *call, struct slice bytes) {
	return call->connection->protocol->response_write(call, bytes);
}

void server_response_end(struct server_call *call) {
	call->connection->protocol->response_end(call);
}

void server_response_abort(struct server_call *call, bool reset) {
	call->connection->protocol->response_abort(call, reset);
}

bool server_response_has_started(const struct server_call *call) {
	return call->has_started;
}
