// SPDX-License-Identifier: Apache-2.0
// Replaces http's server: no sockets, and a loop in virtual time. A spec sends requests, advances the clock and reads
// the responses.
#ifndef SPEC_EMULATOR_FAKE_NET_H
#define SPEC_EMULATOR_FAKE_NET_H

#include <stdlib.h>

#include "../fake_loop.h"
#include "base/buffer.h"
#include "http/server.h"

struct server {
	const struct server_events *events;
	void *owner;
	struct server_call *calls; // the open calls
};

struct server_call {
	struct server *server;
	struct server_call *next;
	struct server_request request;
	struct buffer target;
	struct buffer content;
	struct buffer head; // "name: value\n" lines
	struct buffer body;
	void *owner;
	int64_t length; // announced; -1 is chunked
	int status;     // 0: no response yet
	size_t room;    // bytes that are accepted before the call is full
	bool leaves_at_write;
	bool ended, aborted, reset, left;
};

static struct server fake_server;

struct server *server_new(struct loop *loop, const struct server_limits *limits, const struct server_timeouts *timeouts,
                          const struct server_events *events, void *owner) {
	(void)loop;
	(void)limits;
	(void)timeouts;
	fake_server = (struct server){.events = events, .owner = owner};
	return &fake_server;
}

int server_listen(struct server *server, const char *address, bool shared, const char **message) {
	(void)server;
	(void)shared;
	*message = "the address is taken";
	return strcmp(address, "taken:1") == 0;
}

int server_listen_tls(struct server *server, const char *address, bool shared, struct tls_server *tls,
                      const char **message) {
	(void)tls;
	return server_listen(server, address, shared, message);
}

const char *server_address(const struct server *server, size_t index) {
	(void)server;
	(void)index;
	return "127.0.0.1:1";
}

static inline void call_remove(struct server_call *call) {
	struct server_call **place = &call->server->calls;
	while (*place != call)
		place = &(*place)->next;
	*place = call->next;
}

// The client leaves.
static inline void call_leave(struct server_call *call) {
	call_remove(call);
	call->left = true;
	call->server->events->on_gone(call->server->owner, call, call->owner);
}

void server_close(struct server *server) {
	while (server->calls)
		call_leave(server->calls);
}

static inline void call_take_head(struct server_call *call, int status, struct headers headers) {
	if (call->status || call->ended || call->aborted || call->left)
		abort();
	call->status = status;
	for (size_t i = 0; i < headers.count; i++)
		buffer_printf(&call->head, "%.*s: %.*s\n", SLICE_ARGS(headers.list[i].name), SLICE_ARGS(headers.list[i].value));
}

void server_respond(struct server_call *call, int status, struct headers headers, struct slice body) {
	call_take_head(call, status, headers);
	buffer_append(&call->body, body);
	call->ended = true;
	call_remove(call);
}

void server_response_start(struct server_call *call, int status, struct headers headers, int64_t content_length) {
	call_take_head(call, status, headers);
	call->length = content_length;
}

bool server_response_write(struct server_call *call, struct slice bytes) {
	if (!call->status || call->ended || call->aborted || call->left)
		abort();
	buffer_append(&call->body, bytes);
	if (call->leaves_at_write)
		call_leave(call);
	return call->body.len < call->room;
}

void server_response_end(struct server_call *call) {
	if (!call->status || call->ended || call->aborted || call->left)
		abort();
	call->ended = true;
	call_remove(call);
}

void server_response_abort(struct server_call *call, bool reset) {
	if (call->ended || call->aborted || call->left)
		abort();
	call->aborted = true;
	call->reset = reset;
	call_remove(call);
}

// The client has read everything.
static inline void call_read_on(struct server_call *call, size_t room) {
	call->room = room;
	call->server->events->on_writable(call->server->owner, call, call->owner);
}

// Sends a request, with headers if `authorization` is not NULL. Free it with call_drop.
static inline struct server_call *call_send(const char *method, const char *path, const char *content,
                                            const char *authorization) {
	struct server_call *call = calloc(1, sizeof *call);
	static struct header headers[1];
	buffer_init(&call->target, 4096);
	buffer_init(&call->content, 1 << 20);
	buffer_init(&call->head, 65536);
	buffer_init(&call->body, 1 << 24);
	buffer_append(&call->target, slice_from(path));
	buffer_append(&call->content, slice_from(content));
	headers[0] = (struct header){SLICE("authorization"), slice_from(authorization)};
	call->server = &fake_server;
	call->room = SIZE_MAX;
	call->next = fake_server.calls;
	fake_server.calls = call;
	call->request = (struct server_request){
	    .method = slice_from(method),
	    .target = buffer_slice(&call->target),
	    .path = buffer_slice(&call->target),
	    .headers = {headers, authorization ? 1 : 0},
	    .body = buffer_slice(&call->content),
	    .peer = SLICE("127.0.0.1"),
	};
	fake_server.events->on_request(fake_server.owner, call, &call->request, &call->owner);
	return call;
}

static inline bool call_is_over(const struct server_call *call) {
	return call->ended || call->aborted || call->left;
}

// Frees a call; if it isn't over, the client leaves first.
static inline void call_drop(struct server_call *call) {
	if (!call_is_over(call))
		call_leave(call);
	buffer_free(&call->target);
	buffer_free(&call->content);
	buffer_free(&call->head);
	buffer_free(&call->body);
	free(call);
}

#endif
