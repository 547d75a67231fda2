// SPDX-License-Identifier: Apache-2.0
// The steps of an opening: connecting (libcurl), then for TLS the handshake on the socket. One time limit covers all.
#include "net/opening.h"

#include <stdlib.h>

#include "base/log.h"
#include "base/memory.h"
#include "net/upstream.h"

struct opening {
	struct upstream *upstream;
	struct connecting *connecting; // until TCP is connected
	struct socket *socket;         // from then on
	struct timer limit;
	opening_callback callback;
	void *owner;
};

static void release(struct opening *opening) {
	timer_stop(&opening->limit);
	if (opening->connecting)
		connecting_cancel(opening->connecting);
	if (opening->socket)
		socket_close(opening->socket);
	free(opening);
}

static void fail(struct opening *opening, enum exchange_failure failure) {
	opening_callback callback = opening->callback;
	void *owner = opening->owner;
	release(opening);
	callback(owner, NULL, failure);
}

static void succeed(struct opening *opening) {
	struct socket *socket = opening->socket;
	opening_callback callback = opening->callback;
	void *owner = opening->owner;
	opening->socket = NULL;
	release(opening);
	callback(owner, socket, EXCHANGE_CONNECT);
}

// A failure's name doesn't say what to mend.
static void log_refusal(const struct opening *opening, const char *message, const char *reason) {
	log_entry(LOG_WARN, message, LOG_C("host", opening->upstream->host), LOG_N("port", opening->upstream->port),
	          LOG_C("reason", reason ? reason : "the connection broke off"));
}

static void on_tls_open(void *owner, bool well) {
	struct opening *opening = owner;
	if (well) {
		succeed(opening);
		return;
	}
	const char *problem = tls_certificate_problem(socket_tls(opening->socket));
	if (problem)
		log_refusal(opening, "the server's certificate was not accepted", problem);
	else
		log_refusal(opening, "the TLS handshake failed", socket_failure_reason(opening->socket));
	fail(opening, problem ? EXCHANGE_CERTIFICATE : EXCHANGE_TLS);
}

static const struct socket_events opening_events = {.on_open = on_tls_open};

static void on_connected(void *owner, int descriptor, enum exchange_failure failure) {
	struct opening *opening = owner;
	struct upstream *upstream = opening->upstream;
	opening->connecting = NULL;
	if (descriptor < 0) {
		fail(opening, failure);
		return;
	}
	opening->socket = socket_new(upstream->all->loop, descriptor, &opening_events, opening);
	if (opening->socket == NULL)
		fail(opening, EXCHANGE_CONNECT);
	else if (upstream->tls)
		socket_start_tls(opening->socket, tls_client_connection(upstream->tls));
	else
		succeed(opening);
}

static void on_limit(void *owner) {
	struct opening *opening = owner;
	bool started = opening->connecting || opening->socket;
	fail(opening, started ? EXCHANGE_CONNECT_TIMEOUT : EXCHANGE_CONNECT);
}

struct opening *opening_start(struct upstream *upstream, opening_callback callback, void *owner) {
	struct upstreams *all = upstream->all;
	struct opening *opening = memory_new(1, sizeof(*opening));
	opening->upstream = upstream;
	opening->callback = callback;
	opening->owner = owner;
	timer_init(&opening->limit, all->loop, on_limit, opening);
	opening->connecting = connector_start(all->connector, upstream->tls != NULL, upstream->host, upstream->port,
	                                      all->settings.connect_ms, on_connected, opening);
	// What can't even be started fails like the rest: later, by the timer.
	timer_start(&opening->limit, opening->connecting ? all->settings.connect_ms : 0);
	return opening;
}

void opening_cancel(struct opening *opening) {
	release(opening);
}
