// SPDX-License-Identifier: Apache-2.0
// A request of an HTTP/2 client: gathered field by field and piece by piece, within the same limits as in HTTP/1.1,
// then queued for delivery. A request beyond a limit is refused by the server itself.
#include <stdlib.h>

#include "base/memory.h"
#include "http/head.h"
#include "http/http2.h"

enum { FIRST_FIELDS = 16 };
// For the rounding of each text in the arena.
enum { TEXTS_SLACK_BYTES = 2 * 32 * HEAD_FIELDS + 4096 };
// Memory for a body is reserved up to this much of its announced length; beyond that it grows with the bytes, and ends
// at the announced length.
enum { BELIEVED_BYTES = 65536 };

static struct server *http2_stream_server(const struct http2_stream *stream) {
	return stream->http2->connection.server;
}

// Some clients lose a response if a reset follows at once, which RFC 9113 forbids them (8.1).
enum { LINGER_MS = 1000 };

static void http2_stream_cut_off(struct http2_stream *stream, uint32_t error) {
	nghttp2_submit_rst_stream(stream->http2->session, NGHTTP2_FLAG_NONE, stream->id, error);
	stream->breaks_off = true;
	server_call_back_later(&stream->http2->connection);
}

static void http2_stream_on_silence(void *owner) {
	struct http2_stream *stream = owner;
	if (stream->lingers) {
		http2_stream_cut_off(stream, NGHTTP2_NO_ERROR);
		return;
	}
	if (!stream->is_whole && !stream->is_refused) {
		bool waits = upload_is_waiting(&stream->upload);
		http2_stream_refuse(stream, waits ? 429 : 408, waits ? UPLOAD_NO_MEMORY : UPLOAD_TOO_SLOW);
		return;
	}
	// While the connection is blocked, all streams are, and the connection's own limit applies.
	if (!stream->is_too_slow && timer_is_running(&stream->http2->writing)) {
		http2_stream_watch(stream, http2_stream_server(stream)->timeouts.write_ms);
		return;
	}
	// The client doesn't read.
	http2_stream_cut_off(stream, NGHTTP2_CANCEL);
	if (stream->call.is_open) {
		stream->is_answered = true;
		server_call_ended(&stream->call, true);
	}
}

struct http2_stream *http2_stream_new(struct http2 *http2, int32_t id) {
	struct server *server = http2->connection.server;
	struct http2_stream *stream = memory_new(1, sizeof *stream);
	*stream = (struct http2_stream){.http2 = http2, .id = id, .count = 1};
	stream->call.connection = &http2->connection;
	list_init(&stream->queue_link);
	list_init(&stream->room);
	list_init(&stream->link);
	list_append(&http2->streams, &stream->link);
	http2->stream_count++;
	server_connection_idle(&http2->connection, false);
	timer_init(&stream->silence, server->loop, http2_stream_on_silence, stream);
	arena_init(&stream->texts, 2 * server->limits.header_bytes + TEXTS_SLACK_BYTES);
	buffer_init(&stream->body, server->limits.body_bytes);
	upload_init(&stream->upload, &http2->connection);
	write_queue_init(&stream->out, server->limits.memory);
	buffer_set_meter(&stream->body, server->limits.memory);
	stream->texts.meter = server->limits.memory;
	return stream;
}

void http2_stream_forget_request(struct http2_stream *stream) {
	upload_end(&stream->upload);
	arena_free_secret(&stream->texts);
	buffer_free(&stream->body);
	free(stream->list);
	stream->list = NULL;
	stream->count = stream->capacity = 0;
	stream->method = stream->target = stream->authority = (struct slice){0};
}

void http2_stream_free(struct http2_stream *stream) {
	timer_stop(&stream->silence);
	list_remove(&stream->link);
	list_remove(&stream->queue_link);
	list_remove(&stream->room);
	stream->http2->stream_count--;
	http2_stream_forget_request(stream);
	write_queue_free(&stream->out);
	free(stream);
}

void http2_stream_watch(struct http2_stream *stream, uint64_t limit_ms) {
	timer_start(&stream->silence, limit_ms);
}

void http2_stream_linger(struct http2_stream *stream) {
	stream->lingers = true;
	http2_stream_watch(stream, LINGER_MS);
}

// Keeps the first reason.
static void http2_stream_note_refusal(struct http2_stream *stream, int status, const char *reason) {
	if (stream->refusal_status)
		return;
	stream->refusal_status = status;
	stream->refusal_reason = reason;
}

static void http2_stream_add_field(struct http2_stream *stream, struct slice name, struct slice value) {
	if (stream->count > HEAD_FIELDS) {
		http2_stream_note_refusal(stream, 431, "There are too many headers.");
		return;
	}
	if (stream->count >= stream->capacity) {
		stream->capacity = stream->capacity ? stream->capacity * 2 : FIRST_FIELDS;
		stream->list = memory_resize(stream->list, stream->capacity, sizeof *stream->list);
	}
	stream->list[stream->count++] = (struct header){name, value};
}

static void http2_stream_set_pseudo_header(struct http2_stream *stream, struct slice name, struct slice value) {
	if (slice_equal(name, SLICE(":method")))
		stream->method = value;
	else if (slice_equal(name, SLICE(":path")))
		stream->target = value;
	else if (slice_equal(name, SLICE(":authority")))
		stream->authority = value;
}

// A head that is too large isn't kept, but is decoded: HPACK lets later heads refer to it.
void http2_stream_take_field(struct http2_stream *stream, struct slice name, struct slice value) {
	if (slice_equal(name, SLICE(":path")) && value.len > HEAD_TARGET_BYTES)
		http2_stream_note_refusal(stream, 414, "The target is too long.");
	if (stream->http2->head_bytes > http2_stream_server(stream)->limits.header_bytes)
		http2_stream_note_refusal(stream, 431, "The head is too large.");
	if (stream->http2->head_bytes > HEAD_KEPT_BYTES && memory_meter_is_full(stream->texts.meter))
		http2_stream_note_refusal(stream, 429, HEAD_NO_MEMORY);
	if (stream->refusal_status)
		return;
	struct slice own_name = arena_copy(&stream->texts, name);
	struct slice own_value = arena_copy(&stream->texts, value);
	if (!own_name.ptr || !own_value.ptr)
		http2_stream_note_refusal(stream, 431, "There is no memory for the head.");
	else if (name.ptr[0] == ':')
		http2_stream_set_pseudo_header(stream, own_name, own_value);
	else
		http2_stream_add_field(stream, own_name, own_value);
}

static const struct slice *http2_stream_find_header(const struct http2_stream *stream, struct slice name) {
	struct headers headers = {stream->list + 1, stream->count - 1};
	return stream->list ? headers_find(headers, name) : NULL;
}

static void http2_stream_check_target(struct http2_stream *stream) {
	if (stream->method.len == 0 || stream->method.len > HEAD_METHOD_BYTES)
		http2_stream_note_refusal(stream, 400, "The method is malformed.");
	bool asterisk = slice_equal(stream->target, SLICE("*")) && slice_equal(stream->method, SLICE("OPTIONS"));
	if (!head_is_target(stream->target) || (stream->target.ptr[0] != '/' && !asterisk))
		http2_stream_note_refusal(stream, 400, "The target is malformed.");
}

// The authority is the host. A host header that differs from it is refused: another parser might use that one.
static void http2_stream_check_host(struct http2_stream *stream) {
	const struct slice *host = http2_stream_find_header(stream, SLICE("host"));
	size_t hosts = 0;
	for (size_t i = 1; i < stream->count; i++)
		hosts += slice_equal(stream->list[i].name, SLICE("host"));
	if (hosts > 1)
		http2_stream_note_refusal(stream, 400, "There is more than one host.");
	else if (stream->authority.len == 0 && !host)
		http2_stream_note_refusal(stream, 400, "The host is missing.");
	else if (stream->authority.len && host && !slice_equal_nocase(stream->authority, *host))
		http2_stream_note_refusal(stream, 400, "The authority is not the host header's.");
	else if (!head_is_host(stream->authority) || (host && !head_is_host(*host)))
		http2_stream_note_refusal(stream, 400, "The host is malformed.");
}

static uint64_t http2_stream_announced_bytes(const struct http2_stream *stream) {
	uint64_t length = 0;
	const struct slice *text = http2_stream_find_header(stream, SLICE("content-length"));
	if (text)
		slice_parse_u64(*text, INT64_MAX, &length);
	return length;
}

static void http2_stream_check_body(struct http2_stream *stream) {
	const struct slice *expectation = http2_stream_find_header(stream, SLICE("expect"));
	if (expectation && !slice_equal_nocase(*expectation, SLICE("100-continue")))
		http2_stream_note_refusal(stream, 417, "Only the expectation '100-continue' is known.");
	if (http2_stream_announced_bytes(stream) > http2_stream_server(stream)->limits.body_bytes)
		http2_stream_note_refusal(stream, 413, "The body is too large.");
}

// The headers, with the authority as the first one, `host`, unless the client sent that header itself.
static struct headers http2_stream_headers(struct http2_stream *stream) {
	if (stream->authority.len == 0 || http2_stream_find_header(stream, SLICE("host")))
		return (struct headers){stream->list ? stream->list + 1 : NULL, stream->count - 1};
	if (!stream->list)
		stream->list = memory_new(stream->capacity = 1, sizeof *stream->list);
	stream->list[0] = (struct header){SLICE("host"), stream->authority};
	return (struct headers){stream->list, stream->count};
}

static void http2_stream_wait_for_body(struct http2_stream *stream) {
	nghttp2_nv status = {(uint8_t *)(uintptr_t) ":status", (uint8_t *)(uintptr_t) "100", 7, 3, NGHTTP2_NV_FLAG_NONE};
	uint64_t announced = http2_stream_announced_bytes(stream);
	if (announced > 0)
		stream->body.limit_bytes = (size_t)announced;
	upload_begin(&stream->upload, &stream->body, stream->body.limit_bytes);
	if (announced > 0)
		buffer_reserve(&stream->body, announced < BELIEVED_BYTES ? (size_t)announced : BELIEVED_BYTES);
	if (http2_stream_find_header(stream, SLICE("expect")))
		nghttp2_submit_headers(stream->http2->session, NGHTTP2_FLAG_NONE, stream->id, NULL, &status, 1, NULL);
	http2_stream_watch(stream, http2_stream_server(stream)->timeouts.body_ms);
}

void http2_stream_head_ended(struct http2_stream *stream, bool ends) {
	if (!stream->refusal_status) {
		http2_stream_check_target(stream);
		http2_stream_check_host(stream);
		http2_stream_check_body(stream);
	}
	stream->is_whole = ends;
	if (stream->refusal_status) {
		http2_stream_refuse(stream, stream->refusal_status, stream->refusal_reason);
		return;
	}
	if (ends)
		http2_stream_body_ended(stream);
	else if (server_lacks_memory(http2_stream_server(stream)))
		http2_stream_refuse(stream, 429, UPLOAD_NO_MEMORY);
	else
		http2_stream_wait_for_body(stream);
}

// Whether the body may grow by `more` bytes. If it has to wait, the connection must still be read, for the window
// updates of responses; then only what the stream's window lets the client send may still come.
static bool http2_stream_may_grow(struct http2_stream *stream, size_t more) {
	if (stream->body.capacity - stream->body.len >= more || upload_is_waiting(&stream->upload))
		return true;
	enum upload_room room = upload_wants_memory(&stream->upload, HTTP2_STREAM_WINDOW_BYTES);
	size_t most = stream->body.len + HTTP2_STREAM_WINDOW_BYTES;
	if (room == UPLOAD_WAITS && stream->body.limit_bytes > most)
		stream->body.limit_bytes = most;
	return room != UPLOAD_FAILS;
}

void http2_stream_take_body(struct http2_stream *stream, struct slice bytes) {
	if (stream->is_refused || stream->is_whole)
		return;
	if (!http2_stream_may_grow(stream, bytes.len))
		http2_stream_refuse(stream, 429, UPLOAD_NO_MEMORY);
	else if (buffer_append(&stream->body, bytes))
		http2_stream_refuse(stream, 413, "The body is too large.");
	else if (upload_is_too_slow(&stream->upload, bytes.len))
		http2_stream_refuse(stream, 408, UPLOAD_TOO_SLOW);
	else
		http2_stream_watch(stream, http2_stream_server(stream)->timeouts.body_ms);
}

void http2_upload_goes_on(struct upload *upload) {
	struct http2_stream *stream = LIST_OWNER(upload, struct http2_stream, upload);
	stream->body.limit_bytes = (size_t)upload->expected_bytes;
	nghttp2_session_consume_stream(stream->http2->session, stream->id, stream->withheld_bytes);
	stream->withheld_bytes = 0;
	http2_stream_watch(stream, http2_stream_server(stream)->timeouts.body_ms);
	server_call_back_later(&stream->http2->connection);
}

void http2_upload_refuse(struct upload *upload) {
	http2_stream_refuse(LIST_OWNER(upload, struct http2_stream, upload), 429, UPLOAD_NO_MEMORY);
}

void http2_stream_body_ended(struct http2_stream *stream) {
	stream->is_whole = true;
	upload_end(&stream->upload);
	if (stream->is_refused)
		return;
	timer_stop(&stream->silence);
	size_t question = slice_find(stream->target, '?');
	stream->call.request = (struct server_request){
	    .method = stream->method,
	    .target = stream->target,
	    .path = slice_of(stream->target.ptr, question),
	    .query = slice_from_offset(stream->target, question + 1),
	    .headers = http2_stream_headers(stream),
	    .body = buffer_slice(&stream->body),
	    .peer = slice_from(stream->http2->peer),
	};
	list_append(&stream->http2->whole, &stream->queue_link);
}
