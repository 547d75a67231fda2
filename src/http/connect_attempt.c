// SPDX-License-Identifier: Apache-2.0
// The steps of a connect attempt: TCP (libcurl), then for TLS the handshake on the socket. One time limit covers all.
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
	enum exchange_failure not_started; // of an attempt that could not even start
	connect_attempt_callback callback;
	void *owner;
};

static void connect_attempt_free(struct connect_attempt *attempt) {
	timer_stop(&attempt->limit);
	if (attempt->connecting)
		connecting_cancel(attempt->connecting);
	if (attempt->socket)
		socket_close(attempt->socket);
	free(attempt);
}

static void connect_attempt_fail(struct connect_attempt *attempt, enum exchange_failure failure) {
	connect_attempt_callback callback = attempt->callback;
	void *owner = attempt->owner;
	connect_attempt_free(attempt);
	callback(owner, NULL, failure);
}

static void connect_attempt_succeed(struct connect_attempt *attempt) {
	struct socket *socket = attempt->socket;
	connect_attempt_callback callback = attempt->callback;
	void *owner = attempt->owner;
	attempt->socket = NULL;
	connect_attempt_free(attempt);
	callback(owner, socket, EXCHANGE_CONNECT);
}

// The name of a failure alone doesn't say what to repair.
static void connect_attempt_log_refusal(const struct connect_attempt *attempt, const char *message,
                                        const char *reason) {
	log_entry(LOG_WARN, message, LOG_C("host", attempt->upstream->host), LOG_N("port", attempt->upstream->port),
	          LOG_C("reason", reason ? reason : "the connection broke off"));
}

static void connect_attempt_on_tls_open(void *owner, bool well) {
	struct connect_attempt *attempt = owner;
	if (well) {
		connect_attempt_succeed(attempt);
		return;
	}
	const char *problem = tls_certificate_problem(socket_tls(attempt->socket));
	if (problem)
		connect_attempt_log_refusal(attempt, "the server's certificate was not accepted", problem);
	else
		connect_attempt_log_refusal(attempt, "the TLS handshake failed", socket_failure_reason(attempt->socket));
	connect_attempt_fail(attempt, problem ? EXCHANGE_CERTIFICATE : EXCHANGE_TLS);
}

static const struct socket_events connect_attempt_events = {.on_open = connect_attempt_on_tls_open};

static const enum exchange_failure failures[] = {
    [CONNECT_FAILED] = EXCHANGE_CONNECT,  [CONNECT_NOT_RESOLVED] = EXCHANGE_RESOLVE,
    [CONNECT_REFUSED] = EXCHANGE_REFUSED, [CONNECT_TIMED_OUT] = EXCHANGE_CONNECT_TIMEOUT,
    [CONNECT_NO_TUNNEL] = EXCHANGE_PROXY, [CONNECT_EXHAUSTED] = EXCHANGE_EXHAUSTED,
};

static void connect_attempt_on_connected(void *owner, int descriptor, enum connect_failure failure) {
	struct connect_attempt *attempt = owner;
	struct upstream *upstream = attempt->upstream;
	attempt->connecting = NULL;
	if (descriptor < 0) {
		connect_attempt_fail(attempt, failures[failure]);
		return;
	}
	attempt->socket = socket_new(upstream->all->loop, descriptor, &connect_attempt_events, attempt);
	if (attempt->socket == NULL)
		connect_attempt_fail(attempt, EXCHANGE_EXHAUSTED);
	else if (upstream->tls)
		socket_start_tls(attempt->socket, tls_client_connection(upstream->tls), &upstream->all->handshake_pace);
	else
		connect_attempt_succeed(attempt);
}

static void connect_attempt_on_limit(void *owner) {
	struct connect_attempt *attempt = owner;
	bool started = attempt->connecting || attempt->socket;
	connect_attempt_fail(attempt, started ? EXCHANGE_CONNECT_TIMEOUT : attempt->not_started);
}

struct connect_attempt *connect_attempt_start(struct upstream *upstream, connect_attempt_callback callback,
                                              void *owner) {
	struct upstreams *all = upstream->all;
	struct connect_attempt *attempt = memory_new(1, sizeof(*attempt));
	attempt->upstream = upstream;
	attempt->callback = callback;
	attempt->owner = owner;
	timer_init(&attempt->limit, all->loop, connect_attempt_on_limit, attempt);
	enum connect_failure failure;
	attempt->connecting = connector_start(all->connector, upstream->tls != NULL, upstream->host, upstream->port,
	                                      all->settings.connect_ms, connect_attempt_on_connected, attempt, &failure);
	attempt->not_started = failures[failure];
	// An attempt that can't even start fails like the others: later, from the timer.
	timer_start(&attempt->limit, attempt->connecting ? all->settings.connect_ms : 0);
	return attempt;
}

void connect_attempt_cancel(struct connect_attempt *attempt) {
	connect_attempt_free(attempt);
}
