// SPDX-License-Identifier: Apache-2.0
// An upstream for specs: a thread that executes a list of steps on blocking loopback sockets. A step that waits for
// more than ten seconds fails the spec instead of hanging it.
#ifndef SPEC_NET_SCRIPTED_SERVER_H
#define SPEC_NET_SCRIPTED_SERVER_H

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../check.h"

enum script_step {
	DONE, // the script is over; an open connection is closed
	ACCEPT,
	START_TLS,
	AWAIT_BYTE,
	REQUEST,      // reads a request: a head, and a body of its content-length
	REQUEST_HEAD, // reads up to the end of a head
	REQUEST_BODY, // the rest
	SEND,
	SEND_BYTEWISE,
	SEND_FILLER, // `number` bytes
	END_SENDING, // closes the sending half
	END,         // closes in order
	BREAK,       // closes the descriptor; TLS sends no closing alert
	RESET,
	AWAIT_END, // reads until the client has closed
	AWAIT_GO,  // until scripted_server_go
	ROUNDS,    // how often the next AGAIN goes back
	AGAIN,     // goes back by `number` steps, until the rounds are over
};

struct script {
	enum script_step step;
	const char *text;
	int number;
};

struct scripted_server {
	int listener;
	int connection;
	uint16_t port;
	pthread_t thread;
	const struct script *script;
	SSL_CTX *tls_context;
	SSL *tls;
	char request[8192]; // the latest head
	size_t request_bytes;
	long body_left;
	int rounds;
	int go[2];
	atomic_int accepted;
	atomic_int requests;
	atomic_int resumed;   // TLS sessions
	char server_name[64]; // the server name in TLS's ClientHello
	atomic_size_t sent_bytes;
	atomic_size_t dropped_bytes; // read by AWAIT_END
	const char *failed;          // what a step waited for in vain
};

static inline ssize_t scripted_read(struct scripted_server *server, void *bytes, size_t size) {
	if (server->tls)
		return SSL_read(server->tls, bytes, (int)size);
	return recv(server->connection, bytes, size, 0);
}

// A client that has left doesn't fail the script.
static inline bool scripted_send(struct scripted_server *server, const char *bytes, size_t size) {
	while (size > 0) {
		ssize_t count = server->tls ? SSL_write(server->tls, bytes, (int)size)
		                            : send(server->connection, bytes, size, MSG_NOSIGNAL);
		if (count <= 0)
			return false;
		bytes += count;
		size -= (size_t)count;
		atomic_fetch_add(&server->sent_bytes, (size_t)count);
	}
	return true;
}

static inline void scripted_accept(struct scripted_server *server) {
	int on = 1;
	struct timeval patience = {.tv_sec = 10};
	server->connection = accept(server->listener, NULL, NULL);
	if (server->connection < 0) {
		server->failed = "no connection came";
		return;
	}
	setsockopt(server->connection, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	setsockopt(server->connection, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
	setsockopt(server->connection, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	atomic_fetch_add(&server->accepted, 1);
}

static inline void scripted_start_tls(struct scripted_server *server) {
	server->tls = SSL_new(server->tls_context);
	SSL_set_fd(server->tls, server->connection);
	// Some specs expect the client to refuse the server.
	int status = SSL_accept(server->tls);
	const char *name = SSL_get_servername(server->tls, TLSEXT_NAMETYPE_host_name);
	snprintf(server->server_name, sizeof(server->server_name), "%s", name ? name : "");
	if (status == 1 && SSL_session_reused(server->tls))
		atomic_fetch_add(&server->resumed, 1);
}

static inline void scripted_body(struct scripted_server *server) {
	while (server->body_left > 0) {
		char dropped[65536];
		size_t left = (size_t)server->body_left;
		ssize_t count = scripted_read(server, dropped, left < sizeof(dropped) ? left : sizeof(dropped));
		if (count <= 0) {
			server->failed = "the request's body did not come";
			return;
		}
		server->body_left -= count;
	}
}

static inline void scripted_request(struct scripted_server *server, bool with_body) {
	size_t filled = 0;
	char *end = NULL;
	while (filled < sizeof(server->request) - 1 && end == NULL) {
		if (scripted_read(server, server->request + filled, 1) != 1) {
			server->failed = "no request came";
			return;
		}
		server->request[++filled] = 0;
		end = strstr(server->request, "\r\n\r\n");
	}
	server->request_bytes = filled;
	atomic_fetch_add(&server->requests, 1);
	const char *length = strstr(server->request, "content-length: ");
	server->body_left = length ? strtol(length + 16, NULL, 10) : 0;
	if (with_body)
		scripted_body(server);
}

static inline void scripted_close(struct scripted_server *server, bool in_order) {
	if (server->tls) {
		if (in_order)
			SSL_shutdown(server->tls);
		else
			SSL_set_quiet_shutdown(server->tls, 1);
		SSL_free(server->tls);
		server->tls = NULL;
	}
	if (server->connection >= 0)
		close(server->connection);
	server->connection = -1;
}

static inline void scripted_reset(struct scripted_server *server) {
	struct linger abruptly = {.l_onoff = 1};
	setsockopt(server->connection, SOL_SOCKET, SO_LINGER, &abruptly, sizeof(abruptly));
	scripted_close(server, false);
}

static inline void scripted_fill(struct scripted_server *server, int bytes) {
	static const char filler[65536];
	while (bytes > 0) {
		int count = bytes < (int)sizeof(filler) ? bytes : (int)sizeof(filler);
		if (!scripted_send(server, filler, (size_t)count))
			return;
		bytes -= count;
	}
}

static inline void scripted_step(struct scripted_server *server, const struct script *step) {
	char dropped[4096];
	switch (step->step) {
	case ACCEPT:
		scripted_close(server, true);
		scripted_accept(server);
		break;
	case START_TLS:
		scripted_start_tls(server);
		break;
	case AWAIT_BYTE:
		if (scripted_read(server, dropped, 1) != 1)
			server->failed = "no byte came";
		break;
	case REQUEST:
	case REQUEST_HEAD:
		scripted_request(server, step->step == REQUEST);
		break;
	case REQUEST_BODY:
		scripted_body(server);
		break;
	case SEND:
		scripted_send(server, step->text, strlen(step->text));
		break;
	case SEND_BYTEWISE:
		for (const char *byte = step->text; *byte; byte++)
			scripted_send(server, byte, 1);
		break;
	case SEND_FILLER:
		scripted_fill(server, step->number);
		break;
	case END_SENDING:
		shutdown(server->connection, SHUT_WR);
		break;
	case END:
	case BREAK:
		scripted_close(server, step->step == END);
		break;
	case RESET:
		scripted_reset(server);
		break;
	case AWAIT_END:
		for (ssize_t count; (count = scripted_read(server, dropped, sizeof(dropped))) > 0;)
			atomic_fetch_add(&server->dropped_bytes, (size_t)count);
		break;
	case AWAIT_GO:
		if (read(server->go[0], dropped, 1) != 1)
			server->failed = "the go pipe failed";
		break;
	case DONE:
	case AGAIN:
		break;
	case ROUNDS:
		server->rounds = step->number;
		break;
	}
}

static inline void *scripted_run(void *argument) {
	struct scripted_server *server = argument;
	for (const struct script *step = server->script; step->step != DONE && !server->failed;) {
		scripted_step(server, step);
		if (step->step == AGAIN && --server->rounds > 0)
			step -= step->number;
		else
			step++;
	}
	scripted_close(server, true);
	return NULL;
}

// Listens on 127.0.0.1 and runs the script. `tls_context` may be NULL.
static inline void scripted_server_start(struct scripted_server *server, const struct script *script,
                                         SSL_CTX *tls_context) {
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
	socklen_t size = sizeof(address);
	struct timeval patience = {.tv_sec = 10};
	*server = (struct scripted_server){.script = script, .tls_context = tls_context, .connection = -1};
	server->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	setsockopt(server->listener, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	if (bind(server->listener, (struct sockaddr *)&address, size) || listen(server->listener, 64) ||
	    getsockname(server->listener, (struct sockaddr *)&address, &size) || pipe(server->go) ||
	    pthread_create(&server->thread, NULL, scripted_run, server))
		abort();
	server->port = ntohs(address.sin_port);
}

static inline void scripted_server_go(struct scripted_server *server) {
	if (write(server->go[1], "g", 1) != 1)
		abort();
}

// Waits for the end of the script.
static inline void scripted_server_stop(struct scripted_server *server) {
	// Ends a script that still waits for a connection.
	shutdown(server->listener, SHUT_RDWR);
	pthread_join(server->thread, NULL);
	close(server->listener);
	close(server->go[0]);
	close(server->go[1]);
	if (server->failed)
		check_report(__FILE__, __LINE__, server->failed);
}

#endif
