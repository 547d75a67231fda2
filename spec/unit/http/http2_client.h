// SPDX-License-Identifier: Apache-2.0
// Clients of an HTTP/2 server: nghttp2's own client, and raw frames that no proper client sends.
#ifndef SPEC_NET_HTTP2_CLIENT_H
#define SPEC_NET_HTTP2_CLIENT_H

#include <nghttp2/nghttp2.h>

#include "served.h"

#define END_BOTH (NGHTTP2_FLAG_END_HEADERS | NGHTTP2_FLAG_END_STREAM)
// An initialiser of a slice.
#define TEXT(literal)                                                                                                  \
	{ literal, sizeof(literal) - 1 }
#define PREFACE "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

enum { ANSWERS_LIMIT = 600, OPEN = -1 };

struct http2_got {
	int32_t id;
	int status;
	int informational;     // the last 1xx
	struct buffer headers; // "name: value\n"
	struct buffer body;
	int64_t closed; // the error code that closed it, or OPEN
	bool ended;     // its last frame was received
	size_t pieces;
};

struct http2_client {
	struct socket *socket;
	nghttp2_session *session;
	struct buffer out;
	struct http2_got got[ANSWERS_LIMIT];
	size_t count;
	struct slice upload; // the body of requests that have one; without `upload_ends` they wait at its end
	bool upload_ends;
	size_t upload_sent;
	bool ended, broken;
	bool holds_windows; // sends no WINDOW_UPDATE
	size_t goaways;
	int64_t goaway_error;
	int32_t goaway_last_id;
	size_t pongs;
};

static inline struct http2_got *got_of(struct http2_client *client, int32_t id) {
	for (size_t i = 0; i < client->count; i++)
		if (client->got[i].id == id)
			return &client->got[i];
	CHECK(client->count < ANSWERS_LIMIT);
	struct http2_got *got = &client->got[client->count++];
	*got = (struct http2_got){.id = id, .closed = OPEN};
	buffer_init(&got->headers, 1 << 20);
	buffer_init(&got->body, 1 << 28);
	return got;
}

static inline void http2_flush(struct http2_client *client) {
	const uint8_t *bytes;
	ssize_t size;
	while (client->out.len < 65536 && (size = nghttp2_session_mem_send(client->session, &bytes)) > 0)
		CHECK_INT(buffer_append(&client->out, slice_of(bytes, (size_t)size)), 0);
	struct iovec part = {client->out.ptr, client->out.len};
	ssize_t count = client->out.len ? socket_writev(client->socket, &part, 1) : 0;
	if (count > 0)
		buffer_consume(&client->out, (size_t)count);
	client->broken |= count == SOCKET_BROKEN;
	socket_want_write(client->socket,
	                  !client->broken && (client->out.len > 0 || nghttp2_session_want_write(client->session)));
}

static inline void http2_on_readable(void *owner) {
	struct http2_client *client = owner;
	uint8_t bytes[65536];
	ssize_t count = socket_read(client->socket, bytes, sizeof bytes);
	if (count > 0) {
		CHECK_INT(nghttp2_session_mem_recv(client->session, bytes, (size_t)count), count);
		http2_flush(client);
	} else if (count != SOCKET_AGAIN) {
		client->ended |= count == 0;
		client->broken |= count == SOCKET_BROKEN;
		socket_want_read(client->socket, false);
	}
}

static inline void http2_on_writable(void *owner) {
	http2_flush(owner);
}

static const struct socket_events http2_client_events = {.on_readable = http2_on_readable,
                                                         .on_writable = http2_on_writable};

static inline int http2_on_header(nghttp2_session *session, const nghttp2_frame *frame, const uint8_t *name,
                                  size_t name_size, const uint8_t *value, size_t value_size, uint8_t flags,
                                  void *owner) {
	(void)session;
	(void)flags;
	struct http2_got *got = got_of(owner, frame->hd.stream_id);
	uint64_t status = 0;
	if (name[0] != ':') {
		buffer_printf(&got->headers, "%.*s: %.*s\n", (int)name_size, name, (int)value_size, value);
	} else if (slice_parse_u64(slice_of(value, value_size), 999, &status)) {
		if (status < 200)
			got->informational = (int)status;
		else
			got->status = (int)status;
	}
	return 0;
}

static inline int http2_on_chunk(nghttp2_session *session, uint8_t flags, int32_t id, const uint8_t *bytes, size_t size,
                                 void *owner) {
	(void)flags;
	struct http2_client *client = owner;
	struct http2_got *got = got_of(client, id);
	got->pieces++;
	CHECK_INT(buffer_append(&got->body, slice_of(bytes, size)), 0);
	if (!client->holds_windows)
		nghttp2_session_consume(session, id, size);
	return 0;
}

static inline int http2_on_frame(nghttp2_session *session, const nghttp2_frame *frame, void *owner) {
	(void)session;
	struct http2_client *client = owner;
	if (frame->hd.type == NGHTTP2_GOAWAY) {
		client->goaways++;
		client->goaway_error = frame->goaway.error_code;
		client->goaway_last_id = frame->goaway.last_stream_id;
	}
	client->pongs += frame->hd.type == NGHTTP2_PING && (frame->hd.flags & NGHTTP2_FLAG_ACK);
	if (frame->hd.stream_id && (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) && frame->hd.type <= NGHTTP2_HEADERS)
		got_of(client, frame->hd.stream_id)->ended = true;
	return 0;
}

static inline int http2_on_close(nghttp2_session *session, int32_t id, uint32_t error, void *owner) {
	(void)session;
	got_of(owner, id)->closed = error;
	return 0;
}

// The client's end of an open connection. `window` is the initial window of each stream.
static inline void http2_adopt(struct http2_client *client, struct socket *socket, uint32_t window) {
	nghttp2_session_callbacks *callbacks;
	nghttp2_option *options;
	*client = (struct http2_client){.socket = socket, .upload_ends = true};
	buffer_init(&client->out, 1 << 28);
	nghttp2_session_callbacks_new(&callbacks);
	nghttp2_session_callbacks_set_on_header_callback(callbacks, http2_on_header);
	nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, http2_on_chunk);
	nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, http2_on_frame);
	nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, http2_on_close);
	nghttp2_option_new(&options);
	nghttp2_option_set_no_auto_window_update(options, 1);
	nghttp2_session_client_new2(&client->session, callbacks, client, options);
	nghttp2_option_del(options);
	nghttp2_session_callbacks_del(callbacks);
	nghttp2_settings_entry entries[] = {{NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, window}};
	nghttp2_submit_settings(client->session, NGHTTP2_FLAG_NONE, entries, 1);
	nghttp2_session_set_local_window_size(client->session, NGHTTP2_FLAG_NONE, 0, 1 << 30);
	socket_set_owner(socket, &http2_client_events, client);
	socket_want_read(socket, true);
	http2_flush(client);
}

static inline void http2_open(struct http2_client *client, struct served *served, uint32_t window) {
	int descriptor = connect_to(server_address(served->server, 0));
	http2_adopt(client, socket_new(served->loop, descriptor, &http2_client_events, NULL), window);
}

static inline void http2_free(struct http2_client *client) {
	nghttp2_session_del(client->session);
	buffer_free(&client->out);
	for (size_t i = 0; i < client->count; i++) {
		buffer_free(&client->got[i].headers);
		buffer_free(&client->got[i].body);
	}
}

static inline void http2_close(struct http2_client *client) {
	socket_close(client->socket);
	http2_free(client);
}

static inline ssize_t http2_read_upload(nghttp2_session *session, int32_t id, uint8_t *bytes, size_t room,
                                        uint32_t *flags, nghttp2_data_source *source, void *owner) {
	(void)session;
	(void)id;
	struct http2_client *client = owner;
	size_t *sent = source->ptr;
	struct slice rest = slice_from_offset(client->upload, *sent);
	if (rest.len == 0 && !client->upload_ends)
		return NGHTTP2_ERR_DEFERRED;
	if (rest.len > room)
		rest.len = room;
	else if (client->upload_ends)
		*flags |= NGHTTP2_DATA_FLAG_EOF;
	if (rest.len)
		memcpy(bytes, rest.ptr, rest.len);
	*sent += rest.len;
	return (ssize_t)rest.len;
}

#define FIELD(name, value)                                                                                             \
	{ (uint8_t *)(uintptr_t)(name), (uint8_t *)(uintptr_t)(value), strlen(name), strlen(value), NGHTTP2_NV_FLAG_NONE }

// Sends a request with one more header (NULL: none), and for POST with the body client->upload. Returns the stream's
// id.
static inline int32_t http2_ask(struct http2_client *client, const char *method, const char *path, const char *name,
                                const char *value) {
	nghttp2_nv fields[] = {FIELD(":method", method), FIELD(":scheme", "http"), FIELD(":authority", "a"),
	                       FIELD(":path", path), FIELD(name ? name : "", value ? value : "")};
	nghttp2_data_provider body = {.source = {.ptr = &client->upload_sent}, .read_callback = http2_read_upload};
	if (strcmp(method, "POST") == 0)
		client->upload_sent = 0;
	int32_t id = nghttp2_submit_request(client->session, NULL, fields, name ? 5 : 4,
	                                    strcmp(method, "POST") == 0 ? &body : NULL, NULL);
	CHECK(id > 0);
	http2_flush(client);
	got_of(client, id);
	return id;
}

// Waits until the stream is closed. Returns "STATUS BODY|", with "..." in place of "|" if it was reset, and the length
// in place of a long body; valid until the next call.
static inline struct slice http2_result(struct http2_client *client, int32_t id) {
	static char text[200];
	struct http2_got *got = got_of(client, id);
	const char *ending = got->closed == 0 && got->ended ? "|" : "...";
	if (got->body.len > 64)
		snprintf(text, sizeof text, "%d (%zu)%s", got->status, got->body.len, ending);
	else
		snprintf(text, sizeof text, "%d %.*s%s", got->status, SLICE_ARGS(buffer_slice(&got->body)), ending);
	return slice_from(text);
}

#define ANSWERED(client, id, text)                                                                                     \
	do {                                                                                                               \
		int32_t answered_id = (id);                                                                                    \
		UNTIL(&served, got_of(client, answered_id)->closed != OPEN || (client)->ended || (client)->broken);            \
		CHECK_SLICE(http2_result(client, answered_id), SLICE(text));                                                   \
	} while (0)

// Raw frames. "\x82\x86\x84\x41\x01" "a" is the head of GET / with authority a.
#define HEAD_OF_GET                                                                                                    \
	"\x82\x86\x84\x41\x01"                                                                                             \
	"a"
#define HEAD_OF_HOLD                                                                                                   \
	"\x82\x86\x44\x05/hold\x41\x01"                                                                                    \
	"a"

static inline void frame_add(struct buffer *out, uint8_t type, uint8_t flags, int32_t id, struct slice payload) {
	char head[9] = {(char)(payload.len >> 16), (char)(payload.len >> 8), (char)payload.len, (char)type, (char)flags,
	                (char)(id >> 24),          (char)(id >> 16),         (char)(id >> 8),   (char)id};
	buffer_append(out, slice_of(head, sizeof head));
	CHECK_INT(buffer_append(out, payload), 0);
}

// The frames that the server has sent: how many of each type, and the last errors.
struct frames {
	size_t count[256];
	size_t acks;
	int64_t goaway_error; // OPEN: none
	int64_t reset_error;
	uint32_t streams; // SETTINGS_MAX_CONCURRENT_STREAMS
};

static inline uint32_t number_at(const char *bytes) {
	const unsigned char *at = (const unsigned char *)bytes;
	return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

static inline struct frames frames_of(const struct client *client) {
	struct frames frames = {.goaway_error = OPEN, .reset_error = OPEN};
	struct slice rest = buffer_slice(&client->in);
	while (rest.len >= 9) {
		size_t size = number_at(rest.ptr) >> 8;
		uint8_t type = (uint8_t)rest.ptr[3];
		if (rest.len < 9 + size)
			break;
		frames.count[type]++;
		frames.acks += (type == NGHTTP2_PING || type == NGHTTP2_SETTINGS) && (rest.ptr[4] & NGHTTP2_FLAG_ACK);
		if (type == NGHTTP2_GOAWAY)
			frames.goaway_error = number_at(rest.ptr + 13);
		if (type == NGHTTP2_RST_STREAM)
			frames.reset_error = number_at(rest.ptr + 9);
		rest = slice_from_offset(rest, 9 + size);
	}
	return frames;
}

// A raw client that has sent its preface and SETTINGS.
static inline void raw_open(struct client *client, struct served *served, struct buffer *out) {
	buffer_init(out, 1 << 28);
	client_open(client, served);
	buffer_append(out, SLICE(PREFACE));
	frame_add(out, NGHTTP2_SETTINGS, 0, 0, (struct slice){0});
}

static inline void raw_send(struct client *client, struct buffer *out) {
	client_send(client, buffer_slice(out));
	buffer_clear(out);
}

#endif
