// SPDX-License-Identifier: Apache-2.0
// Inside of HTTP/2 only: one client's connection and its streams, shared by what moves its bytes (http2.c), what
// nghttp2 tells (http2_session.c), the requests (http2_stream.c) and the answers (http2_respond.c).
//
// nghttp2 is called with bytes, and asked for bytes, from the loop only and never from within a call of the embedder:
// there frames are queued, and they leave at the end of the turn. Nor is the embedder called from within nghttp2: what
// it is to be told waits in the lists below.
#ifndef HTTP_HTTP2_H
#define HTTP_HTTP2_H

#include <arpa/inet.h>
#include <nghttp2/nghttp2.h>

#include "base/arena.h"
#include "base/token_bucket.h"
#include "http/server_internal.h"
#include "http/write_queue.h"

enum {
	HTTP2_STREAMS = 256,
	// Of the client's sending. One stream can't take all of the connection's.
	HTTP2_STREAM_WINDOW_BYTES = 256 * 1024,
	HTTP2_CONNECTION_WINDOW_BYTES = 1024 * 1024,
	// Frames are made until so much waits for the socket.
	HTTP2_GATHERED_BYTES = 64 * 1024,
};

enum http2_state {
	HTTP2_OPEN,
	HTTP2_CLOSING,   // the last frames are on their way out
	HTTP2_LINGERING, // they are out, and ours is the half that ended; what still comes is dropped
};

// What a client's silence is limited by while it has to speak for the connection to go on.
enum http2_silence {
	HTTP2_WORKING, // nothing: streams have limits of their own
	HTTP2_PREFACE, // header_ms: its first SETTINGS
	HTTP2_HEAD,    // header_ms: a head that has begun
	HTTP2_IDLE,    // client_idle_ms: no stream is open
};

struct http2 {
	struct client_connection connection;
	nghttp2_session *session;
	struct socket *socket;
	enum http2_state state;
	bool settled;    // the client's SETTINGS have come
	bool is_flood;   // an allowance below was used up
	bool given_up;   // nothing is delivered any more
	bool hurries;    // another client is to have its place
	bool notified;   // the client knows that we drain
	int32_t head_id; // the stream whose head is coming, or 0

	struct list streams;
	size_t stream_count;
	struct list whole; // requests to deliver
	struct list over;  // streams that nghttp2 has closed
	struct list roomy; // full answers that have room again

	struct write_queue out;
	bool blocked; // the kernel's buffer is full: on_writable goes on
	bool broken;  // noticed at the end of the turn

	struct token_bucket resets;  // streams that end before their answers do
	struct token_bucket chatter; // frames that bring nothing
	enum http2_silence silence;
	int32_t silence_id;
	struct timer reading;
	struct timer writing; // runs while the socket has no room for what there is to send
	size_t lingered_bytes;
	char peer[INET6_ADDRSTRLEN];
};

struct http2_stream {
	struct server_call call;
	struct http2 *http2;
	struct list link; // in http2->streams
	struct list news; // in http2->whole, then in http2->over
	struct list room; // in http2->roomy
	int32_t id;
	struct timer silence; // of the body, then of a client who doesn't read

	// The request. Texts are in the arena; list[0] is kept for the host.
	struct arena texts;
	struct header *list;
	size_t count;
	size_t capacity;
	size_t head_bytes; // as SETTINGS_MAX_HEADER_LIST_SIZE counts them
	struct slice method, target, authority;
	struct buffer body;
	int refusal_status; // of the head; 0: none yet
	const char *refusal_reason;

	bool is_whole;    // the request is
	bool is_refused;  // by us; what still comes of it is dropped
	bool is_answered; // the answer was given to its end, or broken off
	bool lingers;     // the answer is out, and the client hasn't ended its half
	bool is_over;     // nghttp2 has closed it

	// The answer.
	struct write_queue out;
	bool is_waiting;    // nghttp2 waits to be told of more bytes
	bool breaks_off;    // with a reset behind what was written
	bool reported_full; // the embedder waits for on_writable
	bool bodiless;
	uint64_t remaining_bytes; // of a stated length; UINT64_MAX where none is
};

// http2_session.c: a session whose callbacks know `http2`. NULL when memory is out.
nghttp2_session *http2_session_new(struct http2 *http2);

// http2_stream.c: a request that has begun. It is in http2->streams until http2_stream_free.
struct http2_stream *http2_stream_new(struct http2 *http2, int32_t id);
void http2_stream_free(struct http2_stream *stream);
void http2_stream_take_field(struct http2_stream *stream, struct slice name, struct slice value);
// All fields are there. `ends`: there is no body.
void http2_stream_head_ended(struct http2_stream *stream, bool ends);
void http2_stream_take_body(struct http2_stream *stream, struct slice bytes);
void http2_stream_body_ended(struct http2_stream *stream);
// Gives the request's memory back.
void http2_stream_forget_request(struct http2_stream *stream);
// Lets the client read its answer before what else it sends is cut off.
void http2_stream_linger(struct http2_stream *stream);
// Limits the client's silence from now on by `limit_ms`.
void http2_stream_watch(struct http2_stream *stream, uint64_t limit_ms);

// http2_respond.c. A refusal of our own; the request need not be whole.
void http2_stream_refuse(struct http2_stream *stream, int status, const char *reason);
// For nghttp2: puts the next frame of the answer, `length` bytes behind its head, into the connection's outbox.
int http2_response_move(struct http2_stream *stream, struct slice frame_head, size_t length);

void http2_respond(struct server_call *call, int status, struct headers headers, struct slice body);
void http2_response_start(struct server_call *call, int status, struct headers headers, int64_t content_length);
bool http2_response_write(struct server_call *call, struct slice bytes);
void http2_response_end(struct server_call *call);
void http2_response_abort(struct server_call *call, bool reset);

#endif
