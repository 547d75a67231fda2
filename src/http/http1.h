// SPDX-License-Identifier: Apache-2.0
// Internal to HTTP/1.1: one client's connection, shared by its life (http1.c), the half that reads requests
// (http1_request.c) and the half that writes responses (http1_response.c). Requests are served one at a time; bytes
// that arrive meanwhile wait unparsed, up to a limit.
#ifndef HTTP_HTTP1_H
#define HTTP_HTTP1_H

#include <arpa/inet.h>

#include "base/memory.h"
#include "http/framing.h"
#include "http/head.h"
#include "http/response_extent.h"
#include "http/server_internal.h"
#include "net/write_queue.h"

enum {
	HTTP1_UNREAD_LIMIT_BYTES = 65536,
	// Memory that the body's buffer keeps between requests.
	HTTP1_KEPT_BODY_BYTES = 4096,
};

enum http1_state {
	HTTP1_WAITING,   // for the first byte of a request
	HTTP1_HEAD,      // a head has begun
	HTTP1_BODY,      // the head is whole
	HTTP1_CALL,      // the request is with the embedder
	HTTP1_CLOSING,   // the last response is being sent
	HTTP1_LINGERING, // it is sent, and our half has ended; what the client still sends is dropped
};

struct http1 {
	struct client_connection connection;
	struct server_call call;
	enum http1_state state;
	struct socket *socket;
	struct timer reading; // limits the state
	struct timer writing; // limits how long nothing can be sent while `blocked`

	struct head head;
	struct framing framing;
	struct buffer body;
	struct upload upload; // unless the whole body came with the head
	struct buffer unread; // received and not parsed: from unread_start on
	size_t unread_start;
	size_t lingered_bytes;

	struct write_queue out;
	struct rate_watch watch; // runs while `blocked`
	bool blocked;            // the kernel's buffer is full: on_writable continues
	bool broken;             // nothing can be sent any more; handled at the end of the turn
	bool reported_full;      // the embedder waits for on_writable

	// Of the response.
	bool closes;  // the connection ends with it
	bool lingers; // and only after the client has had time to read it
	bool chunked;
	bool ends_by_close; // only the end of the connection delimits it
	struct response_extent extent;

	char peer[INET6_ADDRSTRLEN];
};

static inline struct server *http1_server(const struct http1 *http1) {
	return http1->connection.server;
}

static inline size_t http1_unread_bytes(const struct http1 *http1) {
	return http1->unread.len - http1->unread_start;
}

// Wipes received bytes that belong to the loop or to `unread`: heads hold credentials.
static inline void http1_wipe(struct slice bytes) {
	memory_wipe((char *)(uintptr_t)bytes.ptr, bytes.len);
}

void http1_forget_unread(struct http1 *http1);

// Parses new bytes of the client; keeps those that have to wait.
void http1_process(struct http1 *http1, struct slice bytes);

// Parses the bytes that wait, as far as pending responses allow.
void http1_continue(struct http1 *http1);

void http1_upload_goes_on(struct upload *upload);
void http1_upload_refuse(struct upload *upload);

// Limits the client's silence when there is nothing to send and nothing was received.
void http1_wait_for_request(struct http1 *http1);

// Ends the connection. If a call is open, its owner is notified that the client is gone.
void http1_lose(struct http1 *http1, bool reset);

// Sends the queued bytes and then the parts, or queues them. A failure sets `broken`.
void http1_send(struct http1 *http1, const struct slice *parts, int count);

// Ends the connection after a response, or waits for the next request.
void http1_response_ended(struct http1 *http1);

// Ends the connection with a TCP reset; the memory is freed when the turn ends.
void http1_reset(struct http1 *http1);

// Sends the bytes that are left and closes the connection.
void http1_start_closing(struct http1 *http1);

// Refuses the request with a status of the server itself, and closes.
void http1_refuse(struct http1 *http1, int status, const char *reason);

void http1_respond(struct server_call *call, int status, struct headers headers, struct slice body);
void http1_response_start(struct server_call *call, int status, struct headers headers, int64_t content_length);
bool http1_response_write(struct server_call *call, struct slice bytes);
void http1_response_end(struct server_call *call);
void http1_response_abort(struct server_call *call, bool reset);

#endif
