// SPDX-License-Identifier: Apache-2.0
// Inside of HTTP/1.1 only: one client's connection, shared by its reading half (http1.c) and its answering half
// (http1_respond.c). One request at a time is answered; what the client sends meanwhile waits unparsed, within a bound.
#ifndef HTTP_HTTP1_H
#define HTTP_HTTP1_H

#include <arpa/inet.h>

#include "http/framing.h"
#include "http/head.h"
#include "http/server_internal.h"
#include "http/write_queue.h"

enum http1_state {
	HTTP1_WAITING,   // for the first byte of a request
	HTTP1_HEAD,      // a head has begun
	HTTP1_BODY,      // the head is whole
	HTTP1_CALL,      // the request is with the embedder
	HTTP1_CLOSING,   // the last answer is on its way out
	HTTP1_LINGERING, // it is out, and ours is the half that ended; what still comes is dropped
};

struct http1 {
	struct client_connection connection;
	struct server_call call;
	enum http1_state state;
	struct socket *socket;
	struct timer reading; // limits the state
	struct timer writing; // limits a silence while `blocked`

	struct head head;
	struct framing framing;
	struct buffer body;
	struct buffer unread; // received and not parsed: from unread_start on
	size_t unread_start;
	size_t lingered_bytes;

	struct write_queue out;
	bool blocked;       // the kernel's buffer is full: on_writable goes on
	bool broken;        // nothing can be sent any more; noticed at the end of the turn
	bool reported_full; // the embedder waits for on_writable

	// Of the answer.
	bool closes;  // the connection ends with it
	bool lingers; // and not before the client has had time to read it
	bool chunked, bodiless;
	bool ends_by_close;       // nothing but the end of the connection ends it
	uint64_t remaining_bytes; // of a stated length; UINT64_MAX where none is

	char peer[INET6_ADDRSTRLEN];
};

// Sends what waits in the outbox and then the parts, or keeps them there. A failure shows in `broken`.
void http1_send(struct http1 *http1, const struct slice *parts, int count);

// The answer is given: ends the connection or waits for the next request.
void http1_response_ended(struct http1 *http1);

// Ends the connection with a TCP reset and lets go of everything but the memory.
void http1_reset(struct http1 *http1);

// Sends the last bytes of the connection, if any are left, and closes it.
void http1_start_closing(struct http1 *http1);

// Refuses what the client sends with a status of our own, and closes.
void http1_refuse(struct http1 *http1, int status, const char *reason);

void http1_respond(struct server_call *call, int status, struct headers headers, struct slice body);
void http1_response_start(struct server_call *call, int status, struct headers headers, int64_t content_length);
bool http1_response_write(struct server_call *call, struct slice bytes);
void http1_response_end(struct server_call *call);
void http1_response_abort(struct server_call *call, bool reset);

#endif
