// SPDX-License-Identifier: Apache-2.0
// Internal to HTTP/2: one client's connection and its streams, shared by the transfer of bytes (http2.c), nghttp2's
// callbacks (http2_session.c), the requests (http2_stream.c) and the responses (http2_response.c).
//
// Only the loop passes bytes to nghttp2 and takes bytes from it. Calls of the embedder queue frames, which leave at the
// end of the turn. The embedder isn't called from within nghttp2: the events for it wait in the lists below.
#ifndef HTTP_HTTP2_H
#define HTTP_HTTP2_H

#include <arpa/inet.h>
#include <nghttp2/nghttp2.h>

#include "base/arena.h"
#include "base/token_bucket.h"
#include "http/response_extent.h"
#include "http/server_internal.h"
#include "net/write_queue.h"

enum {
	HTTP2_STREAMS = 256,
	// For what the client sends. One stream can't use the whole window of the connection.
	HTTP2_STREAM_WINDOW_BYTES = 256 * 1024,
	HTTP2_CONNECTION_WINDOW_BYTES = 1024 * 1024,
	// Frames are made until this much waits for the socket.
	HTTP2_GATHERED_BYTES = 64 * 1024,
	// What a field counts in addition to its texts (RFC 9113, 6.5.2).
	HTTP2_FIELD_BYTES = 32,
};

enum http2_state {
	HTTP2_OPEN,
	HTTP2_CLOSING,   // the last frames are being sent
	HTTP2_LINGERING, // they are sent, and our half has ended; what the client still sends is dropped
};

// The time limit that applies to a client from which the next frame is due.
enum http2_silence {
	HTTP2_WORKING, // none: streams have limits of their own
	HTTP2_PREFACE, // header_ms: its first SETTINGS
	HTTP2_HEAD,    // header_ms: a head that has begun
	HTTP2_IDLE,    // client_idle_ms: no stream is open
};

// What was decoded in a turn of the loop: frames, and heads.
struct http2_share {
	uint64_t turn;
	unsigned frames;
	unsigned heads;
	size_t bytes;       // of their fields
	size_t coded_bytes; // of their frames, also of heads that nghttp2 skips
};

struct http2 {
	struct client_connection connection;
	nghttp2_session *session;
	struct socket *socket;
	enum http2_state state;
	bool has_settings; // the client's SETTINGS were received
	bool is_flood;     // a token bucket below was empty
	bool given_up;     // no request is delivered any more
	bool closes_now;   // another client is to get its place
	bool notified;     // the client was notified of the draining
	int32_t head_id;   // the stream whose head is being received, or 0
	size_t head_bytes; // of the last head or trailers, decoded, as SETTINGS_MAX_HEADER_LIST_SIZE counts them

	struct list streams;
	size_t stream_count;
	struct list whole;    // requests to deliver
	struct list over;     // streams that nghttp2 has closed
	struct list writable; // streams whose full queue has room again

	struct write_queue out;
	struct buffer unread; // received and not given to nghttp2: from unread_start on
	size_t unread_start;
	bool is_paused;     // nghttp2 has had its share of the turn
	bool is_in_head;    // the last frame that began belongs to a head
	bool has_read_head; // the last read held a part of one

	bool blocked;                          // the kernel's buffer is full: on_writable continues
	uint64_t blocked_ms, blocked_since_ms; // how long it was until then, and since when it is
	struct rate_watch watch;               // runs while `blocked`
	bool is_too_slow;                      // the client reads too slowly
	bool broken;                           // handled at the end of the turn

	struct http2_share share;
	struct token_bucket resets;  // streams that end before their responses do
	struct token_bucket chatter; // frames without content
	enum http2_silence silence;
	int32_t silence_id;
	struct timer reading;
	struct timer writing; // runs while the socket has no room for the bytes to send
	size_t lingered_bytes;
	char peer[INET6_ADDRSTRLEN];
};

struct http2_stream {
	struct server_call call;
	struct http2 *http2;
	struct list link;       // in http2->streams
	struct list queue_link; // in http2->whole, then in http2->over
	struct list room;       // in http2->writable
	int32_t id;
	struct timer silence; // while the body is received, then while the client doesn't read

	// The request. Texts are in the arena; list[0] is reserved for the host.
	struct arena texts;
	struct header *list;
	size_t count;
	size_t capacity;
	struct slice method, target, authority;
	struct buffer body;
	struct upload upload;
	size_t withheld_bytes; // that came while it waits for memory; they give the client no window yet
	int refusal_status;    // of the head; 0: none yet
	const char *refusal_reason;

	bool is_whole;    // the request is
	bool is_refused;  // by the server; the rest of it is dropped
	bool is_answered; // the response was written to its end, or broken off
	bool lingers;     // the response is sent, and the client hasn't ended its half
	bool is_over;     // nghttp2 has closed it

	// The response.
	struct write_queue out;
	bool is_waiting;         // nghttp2 waits for http2_response_resume
	bool breaks_off;         // with a reset after what was written
	bool reported_full;      // the embedder waits for on_writable
	struct rate_watch watch; // runs while bytes wait and the connection isn't blocked
	bool is_too_slow;        // the client reads it too slowly
	struct response_extent extent;
};

// http2_session.c: a session whose callbacks get `http2`. NULL when memory is out.
nghttp2_session *http2_session_new(struct http2 *http2);
// Whether the connection's share of this turn is used up.
bool http2_share_is_over(const struct http2 *http2);

// The loop's time without that in which the connection was blocked, when no stream could be read.
static inline uint64_t http2_unblocked_ms(const struct http2 *http2) {
	uint64_t now_ms = loop_now_ms(http2->connection.server->loop);
	return (http2->blocked ? http2->blocked_since_ms : now_ms) - http2->blocked_ms;
}

// http2_stream.c: a new request. It is in http2->streams until http2_stream_free.
struct http2_stream *http2_stream_new(struct http2 *http2, int32_t id);
void http2_stream_free(struct http2_stream *stream);
void http2_stream_take_field(struct http2_stream *stream, struct slice name, struct slice value);
// All fields were received. `ends`: there is no body.
void http2_stream_head_ended(struct http2_stream *stream, bool ends);
void http2_stream_take_body(struct http2_stream *stream, struct slice bytes);
void http2_stream_body_ended(struct http2_stream *stream);
void http2_upload_goes_on(struct upload *upload);
void http2_upload_refuse(struct upload *upload);
// Frees the request's memory.
void http2_stream_forget_request(struct http2_stream *stream);
// Gives the client time to read its response before the rest of its request is cut off.
void http2_stream_linger(struct http2_stream *stream);
// Limits the client's silence to `limit_ms` from now.
void http2_stream_watch(struct http2_stream *stream, uint64_t limit_ms);

// http2_response.c. Sends a refusal of the server itself; the request need not be whole.
void http2_stream_refuse(struct http2_stream *stream, int status, const char *reason);
// For nghttp2: moves the next frame of the response, its head and `length` bytes, to the connection's queue.
int http2_response_move(struct http2_stream *stream, struct slice frame_head, size_t length);

void http2_respond(struct server_call *call, int status, struct headers headers, struct slice body);
void http2_response_start(struct server_call *call, int status, struct headers headers, int64_t content_length);
bool http2_response_write(struct server_call *call, struct slice bytes);
void http2_response_end(struct server_call *call);
void http2_response_abort(struct server_call *call, bool reset);

#endif
