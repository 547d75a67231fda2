// SPDX-License-Identifier: Apache-2.0
// The steps of an opening: connecting (libcurl), then for TLS the handshake on the socket. One time limit covers all.
#include "http/connect_attempt.h"

#include <stdlib.h>

#include "base/log.h"
#include "base/memory.h"
#include "http/upstream.h"

struct connect_attempt {
	struct upstream *upstream;
	struct connecting *connecting; // until TCP is connected
	struct socket *socket;         // from then on
	struct timer limit;
	connect_attempt_callback callback;
	void *owner;
};

static void release(struct connect_attempt *connect_attempt) {
	timer_stop(&connect_attempt->limit);
	if (connect_attempt->connecting)
		connecting_cancel(connect_attempt->connecting);
	if (connect_attempt->socket)
		socket_close(connect_attempt->socket);
	free(connect_attempt);
}

static void fail(struct connect_attempt *connect_attempt, enum exchange_failure failure) {
	connect_attempt_callback callback = connect_attempt->callback;
	void *owner = connect_attempt->owner;
	release(connect_attempt);
	callback(owner, NULL, failure);
}

static void succeed(struct connect_attempt *connect_attempt) {
	struct socket *socket = connect_attempt->socket;
	connect_attempt_callback callback = connect_attempt->callback;
	void *owner = connect_attempt->owner;
	connect_attempt->socket = NULL;
	release(connect_attempt);
	callback(owner, socket, EXCHANGE_CONNECT);
}

// A failure's name doesn't say what to mend.
static void log_refusal(const struct connect_attempt *connect_attempt, const char *message, const char *reason) {
	log_entry(LOG_WARN, message, LOG_C("host", connect_attempt->upstream->host),
	          LOG_N("port", connect_attempt->upstream->port),
	          LOG_C("reason", reason ? reason : "the connection broke off"));
}

static void on_tls_open(void *owner, bool well) {
	struct connect_attempt *connect_attempt = owner;
	if (well) {
		succeed(connect_attempt);
		return;
	}
	const char *problem = tls_certificate_problem(socket_tls(connect_attempt->socket));
	if (problem)
		log_refusal(connect_attempt, "the server's certificate was not accepted", problem);
	else
		log_refusal(connect_attempt, "the TLS handshake failed", socket_failure_reason(connect_attempt->socket));
	fail(connect_attempt, problem ? EXCHANGE_CERTIFICATE : EXCHANGE_TLS);
}

static const struct socket_events connect_attempt_events = {.on_open = on_tls_open};

static void on_connected(void *owner, int descriptor, enum exchange_failure failure) {
	struct connect_attempt *connect_attempt = owner;
	struct upstream *upstream = connect_attempt->upstream;
	connect_attempt->connecting = NULL;
	if (descriptor < 0) {
		fail(connect_attempt, failure);
		return;
	}
	connect_attempt->socket = socket_new(upstream->all->loop, descriptor, &connect_attempt_events, connect_attempt);
	if (connect_attempt->socket == NULL)
		fail(connect_attempt, EXCHANGE_CONNECT);
	else if (upstream->tls)
		socket_start_tls(connect_attempt->socket, tls_client_connection(upstream->tls));
	else
		succeed(connect_attempt);
}

static void on_limit(void *owner) {
	struct connect_attempt *connect_attempt = owner;
	bool started = connect_attempt->connecting || connect_attempt->socket;
	fail(connect_attempt, started ? EXCHANGE_CONNECT_TIMEOUT : EXCHANGE_CONNECT);
}

struct connect_attempt *connect_attempt_start(struct upstream *upstream, connect_attempt_callback callback,
                                              void *owner) {
	struct upstreams *all = upstream->all;
	struct connect_attempt *connect_attempt = memory_new(1, sizeof(*connect_attempt));
	connect_attempt->upstream = upstream;
	connect_attempt->callback = callback;
	connect_attempt->owner = owner;
	timer_init(&connect_attempt->limit, all->loop, on_limit, connect_attempt);
	connect_attempt->connecting = connector_start(all->connector, upstream->tls != NULL, upstream->host, upstream->port,
	                                              all->settings.connect_ms, on_connected, connect_attempt);
	// What can't even be started fails like the rest: later, by the timer.
	timer_start(&connect_attempt->limit, connect_attempt->connecting ? all->settings.connect_ms : 0);
	return connect_attempt;
}

void connect_attempt_cancel(struct connect_attempt *connect_attempt) {
	release(connect_attempt);
}
