// SPDX-License-Identifier: Apache-2.0
// Endpoints and their idle connections. The pool is last in, first out, so that it shrinks when traffic does; one timer
// per endpoint watches the connection that has been idle longest.
#include "http/upstream.h"

#include <assert.h>
#include <stdlib.h>

#include "base/memory.h"
#include "net/loop_uv.h"

enum { SPARE_HEADS = 16 };

struct spare_head {
	struct head head; // the first member: callers get a pointer to it
	struct spare_head *next;
};

struct upstreams *upstreams_new(struct loop *loop, const struct upstream_settings *settings) {
	struct upstreams *upstreams = memory_new(1, sizeof(*upstreams));
	upstreams->loop = loop;
	upstreams->settings = *settings;
	if (settings->ca_file)
		upstreams->settings.ca_file = memory_string(slice_from(settings->ca_file));
	handshake_pace_init(&upstreams->handshake_pace, loop, UPSTREAM_HANDSHAKE_US_PER_MS, NULL, NULL);
	upstreams->connector = connector_new(loop, settings->proxy);
	list_init(&upstreams->endpoints);
	return upstreams;
}

static void upstream_free(struct upstream *upstream) {
	while (!list_is_empty(&upstream->idle))
		upstream_connection_close(LIST_OWNER(upstream->idle.next, struct upstream_connection, link));
	timer_stop(&upstream->expiry);
	list_remove(&upstream->link);
	if (upstream->tls)
		tls_client_free(upstream->tls);
	free(upstream->host);
	free(upstream);
}

void upstreams_free(struct upstreams *upstreams) {
	assert(upstreams->busy == 0);
	while (!list_is_empty(&upstreams->endpoints))
		upstream_free(LIST_OWNER(upstreams->endpoints.next, struct upstream, link));
	while (upstreams->spare_heads) {
		struct spare_head *spare = upstreams->spare_heads;
		upstreams->spare_heads = spare->next;
		head_free(&spare->head);
		free(spare);
	}
	handshake_pace_close(&upstreams->handshake_pace);
	connector_free(upstreams->connector);
	free((char *)(uintptr_t)upstreams->settings.ca_file);
	free(upstreams);
}

static void upstream_on_expiry(void *owner) {
	struct upstream *upstream = owner;
	uint64_t limit_ms = upstream->all->settings.pool_idle_ms;
	uint64_t now_ms = loop_now_ms(upstream->all->loop);
	while (!list_is_empty(&upstream->idle)) {
		struct upstream_connection *oldest = LIST_OWNER(upstream->idle.next, struct upstream_connection, link);
		uint64_t idle_ms = now_ms - oldest->idle_since_ms;
		if (idle_ms < limit_ms) {
			timer_start(&upstream->expiry, limit_ms - idle_ms);
			return;
		}
		upstream_connection_close(oldest);
	}
}

struct upstream *upstreams_get(struct upstreams *upstreams, bool tls, struct slice host, uint16_t port) {
	for (struct list *link = upstreams->endpoints.next; link != &upstreams->endpoints; link = link->next) {
		struct upstream *known = LIST_OWNER(link, struct upstream, link);
		if (known->port == port && (known->tls != NULL) == tls && slice_equal_nocase(slice_from(known->host), host))
			return known;
	}
	struct upstream *upstream = memory_new(1, sizeof(*upstream));
	upstream->all = upstreams;
	upstream->host = memory_string(host);
	upstream->port = port;
	upstream->tls = tls ? tls_client_new(upstreams->settings.ca_file, upstream->host) : NULL;
	list_init(&upstream->idle);
	timer_init(&upstream->expiry, upstreams->loop, upstream_on_expiry, upstream);
	list_append(&upstreams->endpoints, &upstream->link);
	return upstream;
}

size_t upstreams_idle(const struct upstreams *upstreams) {
	return upstreams->idle;
}

size_t upstreams_busy(const struct upstreams *upstreams) {
	return upstreams->busy;
}

struct upstream_connection *upstream_connection_new(struct upstream *upstream, struct socket *socket) {
	struct upstream_connection *connection = memory_new(1, sizeof(*connection));
	list_init(&connection->link);
	connection->upstream = upstream;
	connection->socket = socket;
	return connection;
}

static void upstream_connection_leave_pool(struct upstream_connection *connection) {
	if (list_is_empty(&connection->link))
		return;
	list_remove(&connection->link);
	connection->upstream->all->idle--;
}

void upstream_connection_close(struct upstream_connection *connection) {
	upstream_connection_leave_pool(connection);
	socket_close(connection->socket);
	free(connection);
}

// A readable idle connection has ended, or sends unasked. Only messages of TLS itself are harmless: they carry no
// bytes.
static void upstream_connection_on_idle_readable(void *owner) {
	struct upstream_connection *connection = owner;
	char *scratch = loop_scratch(connection->upstream->all->loop);
	if (socket_read(connection->socket, scratch, LOOP_SCRATCH_BYTES) != SOCKET_AGAIN)
		upstream_connection_close(connection);
}

static const struct socket_events idle_events = {.on_readable = upstream_connection_on_idle_readable};

void upstream_connection_keep(struct upstream_connection *connection) {
	struct upstream *upstream = connection->upstream;
	connection->idle_since_ms = loop_now_ms(upstream->all->loop);
	list_append(&upstream->idle, &connection->link);
	upstream->all->idle++;
	socket_set_owner(connection->socket, &idle_events, connection);
	socket_want_write(connection->socket, false);
	socket_want_read(connection->socket, true);
	if (!timer_is_running(&upstream->expiry))
		timer_start(&upstream->expiry, upstream->all->settings.pool_idle_ms);
}

struct upstream_connection *upstream_take_idle(struct upstream *upstream) {
	if (list_is_empty(&upstream->idle))
		return NULL;
	struct upstream_connection *connection = LIST_OWNER(upstream->idle.previous, struct upstream_connection, link);
	upstream_connection_leave_pool(connection);
	return connection;
}

struct head *upstreams_take_head(struct upstreams *upstreams) {
	struct spare_head *spare = upstreams->spare_heads;
	if (spare) {
		upstreams->spare_heads = spare->next;
		upstreams->spare_head_count--;
		return &spare->head;
	}
	spare = memory_new(1, sizeof(*spare));
	head_init(&spare->head, HEAD_RESPONSE, upstreams->settings.header_bytes);
	return &spare->head;
}

void upstreams_give_head(struct upstreams *upstreams, struct head *head) {
	struct spare_head *spare = (struct spare_head *)(void *)head;
	if (upstreams->spare_head_count >= SPARE_HEADS) {
		head_free(head);
		free(spare);
		return;
	}
	head_reset(head);
	spare->next = upstreams->spare_heads;
	upstreams->spare_heads = spare;
	upstreams->spare_head_count++;
}
