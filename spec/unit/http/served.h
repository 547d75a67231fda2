// SPDX-License-Identifier: Apache-2.0
// A server whose embedder responds to requests or holds them, by their paths, and raw clients of it, all on one loop.
// Specs wait for events; only the watchdog uses time.
#ifndef SPEC_NET_SERVED_H
#define SPEC_NET_SERVED_H

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "../check.h"
#include "base/memory.h"
#include "http/head.h"
#include "http/server.h"
#include "net/loop_uv.h"
#include "net/socket.h"

#define HOST "Host: a\r\n"
#define GET(path) "GET " path " HTTP/1.1\r\n" HOST "\r\n"
#define POST(path, headers) "POST " path " HTTP/1.1\r\n" HOST headers "\r\n"

enum { HELD_LIMIT = 16 };

struct served {
	struct loop *loop;
	struct server *server;
	struct buffer log; // "METHOD PATH BODY|" of each request, long bodies by their length
	size_t requests;
	struct server_call *held[HELD_LIMIT]; // calls to paths that begin with /hold, in order
	size_t held_count;
	size_t held_bytes; // body of the last held call
	struct server_call *gone_call;
	size_t gone;
	size_t writable;
	size_t drained;
	bool close_on_request;
	struct timer watchdog;
	bool late;
};

static const struct server_limits quick_limits = {.header_bytes = 4096, .body_bytes = 1 << 20, .connections = 100};
// No timeout fires in tests that aren't about timeouts.
static const struct server_timeouts patient = {30000, 30000, 30000, 30000};

static void served_on_request(void *owner, struct server_call *call, const struct server_request *request,
                              void **call_owner) {
	struct served *served = owner;
	static const struct header type = {{"content-type", 12}, {"text/plain", 10}};
	served->requests++;
	*call_owner = served;
	buffer_printf(&served->log, "%.*s %.*s ", SLICE_ARGS(request->method), SLICE_ARGS(request->path));
	if (request->body.len <= 64)
		buffer_append(&served->log, request->body);
	else
		buffer_printf(&served->log, "(%zu)", request->body.len);
	buffer_append_byte(&served->log, '|');
	if (served->close_on_request) {
		server_close(served->server);
		served->server = NULL;
	} else if (slice_starts(request->path, SLICE("/hold")) && served->held_count < HELD_LIMIT) {
		served->held[served->held_count++] = call;
		served->held_bytes = request->body.len;
	} else if (slice_equal(request->path, SLICE("/stream"))) {
		server_response_start(call, 200, (struct headers){&type, 1}, -1);
		server_response_write(call, SLICE("one,"));
		server_response_write(call, SLICE(""));
		server_response_write(call, SLICE("two"));
		server_response_end(call);
	} else if (slice_equal(request->path, SLICE("/empty"))) {
		server_respond(call, 204, (struct headers){0}, (struct slice){0});
	} else if (slice_equal(request->path, SLICE("/echo"))) {
		server_respond(call, 200, (struct headers){&type, 1}, request->body);
	} else {
		server_respond(call, 200, (struct headers){&type, 1}, request->path);
	}
}

static void served_on_writable(void *owner, struct server_call *call, void *call_owner) {
	struct served *served = owner;
	CHECK(call && call_owner == served);
	served->writable++;
}

static void served_on_gone(void *owner, struct server_call *call, void *call_owner) {
	struct served *served = owner;
	CHECK(call_owner == served);
	served->gone++;
	served->gone_call = call;
}

static size_t served_format_refusal(void *owner, int status, const char *reason, struct header *headers,
                                    struct buffer *body) {
	CHECK(owner && status >= 400 && reason && check_is_sentence(reason));
	headers[0] = (struct header){SLICE("x-refused"), SLICE("yes")};
	buffer_printf(body, "refused");
	return 1;
}

static const struct server_events served_events = {served_on_request, served_on_writable, served_on_gone,
                                                   served_format_refusal};

static void served_watchdog(void *owner) {
	((struct served *)owner)->late = true;
}

static inline void served_on_drained(void *owner) {
	((struct served *)owner)->drained++;
}

static void served_start(struct served *served, const struct server_limits *limits,
                         const struct server_timeouts *timeouts, const char *address) {
	const char *message = "";
	*served = (struct served){.loop = loop_new()};
	buffer_init(&served->log, 1 << 20);
	timer_init(&served->watchdog, served->loop, served_watchdog, served);
	served->server = server_new(served->loop, limits, timeouts, &served_events, served);
	CHECK_INT(server_listen(served->server, address ? address : "127.0.0.1:0", false, &message), 0);
	CHECK_STRING(message, "");
}

static void served_stop(struct served *served) {
	if (served->server)
		server_close(served->server);
	timer_stop(&served->watchdog);
	loop_close(served->loop);
	buffer_free(&served->log);
}

// Runs the loop until the condition holds; fails a check after ten seconds.
#define UNTIL(served, condition)                                                                                       \
	do {                                                                                                               \
		(served)->late = false;                                                                                        \
		timer_start(&(served)->watchdog, 10000);                                                                       \
		while (!(condition) && !(served)->late)                                                                        \
			uv_run(loop_uv((served)->loop), UV_RUN_ONCE);                                                              \
		timer_stop(&(served)->watchdog);                                                                               \
		CHECK(condition);                                                                                              \
	} while (0)

// A few turns without waiting: everything that is ready happens.
static inline void settle(struct served *served) {
	for (int i = 0; i < 20; i++)
		uv_run(loop_uv(served->loop), UV_RUN_NOWAIT);
}

struct client {
	struct socket *socket;
	struct buffer in;
	struct buffer out;
	size_t reads;
	bool ended, broken;
};

static inline void client_flush(struct client *client) {
	struct iovec part = {client->out.ptr, client->out.len};
	ssize_t count = client->out.len ? socket_writev(client->socket, &part, 1) : 0;
	if (count > 0)
		buffer_consume(&client->out, (size_t)count);
	if (count == SOCKET_BROKEN) {
		client->broken = true;
		buffer_clear(&client->out);
	}
	socket_want_write(client->socket, client->out.len > 0);
}

static void client_on_readable(void *owner) {
	struct client *client = owner;
	char bytes[65536];
	ssize_t count = socket_read(client->socket, bytes, sizeof bytes);
	if (count > 0) {
		client->reads++;
		CHECK_INT(buffer_append(&client->in, slice_of(bytes, (size_t)count)), 0);
		return;
	}
	client->ended |= count == 0;
	client->broken |= count == SOCKET_BROKEN;
	if (count != SOCKET_AGAIN)
		socket_want_read(client->socket, false);
}

static void client_on_writable(void *owner) {
	client_flush(owner);
}

static const struct socket_events client_events = {.on_readable = client_on_readable,
                                                   .on_writable = client_on_writable};

static inline void client_adopt(struct client *client, struct served *served, int descriptor) {
	*client = (struct client){.socket = socket_new(served->loop, descriptor, &client_events, NULL)};
	socket_set_owner(client->socket, &client_events, client);
	buffer_init(&client->in, 1 << 28);
	buffer_init(&client->out, 1 << 28);
	socket_want_read(client->socket, true);
}

static inline uint16_t port_of(const char *address) {
	uint64_t port = 0;
	CHECK(slice_parse_u64(slice_from(strrchr(address, ':') + 1), 65535, &port));
	return (uint16_t)port;
}

static inline int connect_to(const char *address) {
	if (strncmp(address, "unix:", 5) == 0) {
		struct sockaddr_un name = {.sun_family = AF_UNIX};
		snprintf(name.sun_path, sizeof name.sun_path, "%s", address + 5);
		int descriptor = socket(AF_UNIX, SOCK_STREAM, 0);
		CHECK_INT(connect(descriptor, (struct sockaddr *)&name, sizeof name), 0);
		return descriptor;
	}
	struct sockaddr_in6 name = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
	struct sockaddr_in old = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	bool is_v6 = address[0] == '[';
	int descriptor = socket(is_v6 ? AF_INET6 : AF_INET, SOCK_STREAM, 0);
	name.sin6_port = old.sin_port = htons(port_of(address));
	if (is_v6)
		CHECK_INT(connect(descriptor, (struct sockaddr *)&name, sizeof name), 0);
	else
		CHECK_INT(connect(descriptor, (struct sockaddr *)&old, sizeof old), 0);
	return descriptor;
}

static inline void client_open(struct client *client, struct served *served) {
	client_adopt(client, served, connect_to(server_address(served->server, 0)));
}

static inline void client_send(struct client *client, struct slice bytes) {
	CHECK_INT(buffer_append(&client->out, bytes), 0);
	client_flush(client);
}

static inline void client_close(struct client *client) {
	socket_close(client->socket);
	buffer_free(&client->in);
	buffer_free(&client->out);
}

// Ends the connection with a reset.
static inline void client_reset(struct client *client) {
	socket_reset(client->socket);
	buffer_free(&client->in);
	buffer_free(&client->out);
}

// What the client received: "STATUS BODY|" for each whole response, "..." after the body of an incomplete one. Valid
// until the next call.
static inline struct slice client_got(const struct client *client, bool responds_to_head) {
	static struct buffer text;
	struct slice input = buffer_slice(&client->in), piece;
	buffer_free(&text);
	buffer_init(&text, 1 << 28);
	struct head head;
	head_init(&head, HEAD_RESPONSE, 65536);
	while (input.len) {
		struct framing framing;
		enum framing_step step;
		head.responds_to_head = responds_to_head;
		enum head_step read = head_read(&head, &input);
		if (read != HEAD_WHOLE) {
			buffer_append(&text, read == HEAD_MORE ? SLICE("...") : SLICE("?"));
			break;
		}
		buffer_printf(&text, "%d ", head.status);
		framing_init(&framing, head.framing, head.content_length);
		while ((step = framing_read(&framing, &input, &piece)) == FRAMING_PIECE)
			buffer_append(&text, piece);
		bool closed = head.framing == FRAMING_UNTIL_CLOSE && client->ended;
		buffer_append(&text, step == FRAMING_END || closed ? SLICE("|") : SLICE("..."));
		head_reset(&head);
	}
	head_free(&head);
	return buffer_slice(&text);
}

// Waits until the client has received exactly that.
#define GOT(client, text)                                                                                              \
	do {                                                                                                               \
		UNTIL(&served, slice_equal(client_got(client, false), SLICE(text)));                                           \
		CHECK_SLICE(client_got(client, false), SLICE(text));                                                           \
	} while (0)

// Appends `count` letters.
static inline void append_run(struct buffer *text, size_t count) {
	buffer_reserve(text, count);
	for (size_t i = 0; i < count; i++)
		buffer_append_byte(text, (char)('a' + i % 23));
}

#endif
