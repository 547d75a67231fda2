// SPDX-License-Identifier: Apache-2.0
// Responses on HTTP/2 streams. Bytes wait in the stream's own queue until the client's windows and the socket have
// room, so a stream that the client doesn't read blocks no other. The embedder is never called from here.
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/memory.h"
#include "http/http2.h"
#include "http/response_head.h"

// ":status", "date" and "content-length" beside the embedder's.
enum { OWN_FIELDS = 3 };

struct fields {
	nghttp2_nv *list;
	size_t count;
};

static struct http2_stream *stream_of(struct server_call *call) {
	assert(call->is_open);
	return LIST_OWNER(call, struct http2_stream, call);
}

// Whether nghttp2 no longer takes frames for the stream.
static bool http2_stream_is_lost(const struct http2_stream *stream) {
	return stream->is_over || stream->http2->connection.closed || stream->http2->given_up;
}

static void fields_add(struct fields *fields, struct slice name, struct slice value) {
	// nghttp2's type has no const, but it copies.
	fields->list[fields->count++] = (nghttp2_nv){(uint8_t *)(uintptr_t)name.ptr, (uint8_t *)(uintptr_t)value.ptr,
	                                             name.len, value.len, NGHTTP2_NV_FLAG_NONE};
}

// The name in lower case, appended to `names`, which has room.
static struct slice fields_lower_name(struct buffer *names, struct slice name) {
	size_t start = names->len;
	for (size_t i = 0; i < name.len; i++)
		buffer_append_byte(names, (char)(name.ptr[i] >= 'A' && name.ptr[i] <= 'Z' ? name.ptr[i] | 0x20 : name.ptr[i]));
	return slice_of(names->ptr + start, name.len);
}

// Headers that are specific to a connection of HTTP/1.1.
static bool is_of_connection(struct slice name) {
	return slice_equal_nocase(name, SLICE("upgrade")) || slice_equal_nocase(name, SLICE("proxy-connection"));
}

static void fields_add_all(struct fields *fields, struct buffer *names, struct headers headers) {
	for (size_t i = 0; i < headers.count; i++) {
		const struct header *header = &headers.list[i];
		if (header->name.len && response_head_passes(header) && !is_of_connection(header->name))
			fields_add(fields, fields_lower_name(names, header->name), header->value);
	}
}

// How many bytes of the response the next frame carries; http2_response_move writes them.
static ssize_t http2_response_next_length(nghttp2_session *session, int32_t id, uint8_t *bytes, size_t room,
                                          uint32_t *flags, nghttp2_data_source *source, void *owner) {
	struct http2_stream *stream = source->ptr;
	size_t waiting = write_queue_waiting(&stream->out);
	(void)session;
	(void)id;
	(void)bytes;
	(void)owner;
	if (waiting == 0 && !stream->is_answered) {
		stream->is_waiting = true;
		return NGHTTP2_ERR_DEFERRED;
	}
	if (waiting == 0 && stream->breaks_off)
		return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
	*flags |= NGHTTP2_DATA_FLAG_NO_COPY;
	if (waiting <= room && stream->is_answered && !stream->breaks_off)
		*flags |= NGHTTP2_DATA_FLAG_EOF;
	return (ssize_t)(waiting < room ? waiting : room);
}

// Submits the head and, with `has_body`, the queued bytes after it. 0, or ERROR_...
static int http2_response_submit(struct http2_stream *stream, int status, struct headers headers,
                                 int64_t content_length, bool has_body) {
	struct server *server = stream->http2->connection.server;
	struct fields fields = {.list = memory_new(headers.count + OWN_FIELDS, sizeof *fields.list)};
	char status_text[12], length_text[24];
	size_t names_bytes = 1;
	for (size_t i = 0; i < headers.count; i++)
		names_bytes += headers.list[i].name.len;
	buffer_clear(&server->head);
	int rc = buffer_reserve(&server->head, names_bytes);
	if (rc == 0) {
		snprintf(status_text, sizeof status_text, "%03d", status);
		fields_add(&fields, SLICE(":status"), slice_from(status_text));
		fields_add(&fields, SLICE("date"), server_date(server));
		fields_add_all(&fields, &server->head, headers);
		snprintf(length_text, sizeof length_text, "%lld", (long long)content_length);
		if (content_length >= 0)
			fields_add(&fields, SLICE("content-length"), slice_from(length_text));
		nghttp2_data_provider body = {.source = {.ptr = stream}, .read_callback = http2_response_next_length};
		rc = nghttp2_submit_response(stream->http2->session, stream->id, fields.list, fields.count,
		                             has_body ? &body : NULL);
	}
	free(fields.list);
	return rc;
}

static void http2_response_reset(struct http2_stream *stream) {
	stream->breaks_off = true;
	if (!http2_stream_is_lost(stream))
		nghttp2_submit_rst_stream(stream->http2->session, NGHTTP2_FLAG_NONE, stream->id, NGHTTP2_INTERNAL_ERROR);
	server_call_back_later(&stream->http2->connection);
}

// Lets nghttp2 continue: there are more bytes, or the response has ended.
static void http2_response_resume(struct http2_stream *stream) {
	if (stream->is_waiting && !http2_stream_is_lost(stream))
		nghttp2_session_resume_data(stream->http2->session, stream->id);
	stream->is_waiting = false;
	server_call_back_later(&stream->http2->connection);
}

static void http2_response_add_bytes(struct http2_stream *stream, struct slice bytes) {
	rate_watch_run(&stream->watch, http2_unblocked_ms(stream->http2));
	if (write_queue_add(&stream->out, bytes))
		http2_response_reset(stream);
	else if (!timer_is_running(&stream->silence))
		http2_stream_watch(stream, stream->http2->connection.server->timeouts.write_ms);
}

// Ends the call; queued bytes of the response are still sent.
static void http2_response_finish(struct http2_stream *stream) {
	stream->is_answered = true;
	server_call_ended(&stream->call, false);
	http2_stream_forget_request(stream);
}

void http2_respond(struct server_call *call, int status, struct headers headers, struct slice body) {
	struct http2_stream *stream = stream_of(call);
	assert(!call->has_started);
	response_extent_begin(&stream->extent, status, stream->method);
	bool states_length = status != 204 && status >= 200;
	bool has_body = !stream->extent.bodiless && body.len > 0;
	if (!http2_stream_is_lost(stream)) {
		if (http2_response_submit(stream, status, headers, states_length ? (int64_t)body.len : -1, has_body))
			http2_response_reset(stream);
		else if (has_body)
			http2_response_add_bytes(stream, body);
	}
	http2_response_finish(stream);
	server_call_back_later(&stream->http2->connection);
}

void http2_response_start(struct server_call *call, int status, struct headers headers, int64_t content_length) {
	struct http2_stream *stream = stream_of(call);
	assert(!call->has_started);
	call->has_started = true;
	response_extent_begin(&stream->extent, status, stream->method);
	if (content_length >= 0)
		stream->extent.remaining_bytes = (uint64_t)content_length;
	if (!http2_stream_is_lost(stream) &&
	    http2_response_submit(stream, status, headers, status == 204 ? -1 : content_length, !stream->extent.bodiless))
		http2_response_reset(stream);
	server_call_back_later(&stream->http2->connection);
}

bool http2_response_write(struct server_call *call, struct slice bytes) {
	struct http2_stream *stream = stream_of(call);
	assert(call->has_started);
	bytes = response_extent_take(&stream->extent, bytes);
	if (bytes.len && !stream->extent.bodiless && !stream->breaks_off && !http2_stream_is_lost(stream)) {
		http2_response_add_bytes(stream, bytes);
		http2_response_resume(stream);
	}
	stream->reported_full = stream->out.is_full && !http2_stream_is_lost(stream);
	return !stream->reported_full;
}

void http2_response_end(struct server_call *call) {
	struct http2_stream *stream = stream_of(call);
	assert(call->has_started);
	stream->breaks_off |= response_extent_is_short(&stream->extent);
	http2_response_finish(stream);
	http2_response_resume(stream);
}

void http2_response_abort(struct server_call *call, bool at_once) {
	struct http2_stream *stream = stream_of(call);
	if (at_once || !call->has_started || stream->extent.bodiless)
		http2_response_reset(stream);
	stream->breaks_off = true;
	http2_response_finish(stream);
	http2_response_resume(stream);
}

void http2_stream_refuse(struct http2_stream *stream, int status, const char *reason) {
	struct server *server = stream->http2->connection.server;
	struct header list[8];
	stream->is_refused = true;
	response_extent_begin(&stream->extent, status, stream->method);
	buffer_clear(&server->refusal);
	size_t count = server->events->format_refusal(server->owner, status, reason, list, &server->refusal);
	assert(count <= sizeof list / sizeof *list);
	struct slice body = buffer_slice(&server->refusal);
	bool has_body = !stream->extent.bodiless && body.len > 0;
	if (http2_response_submit(stream, status, (struct headers){list, count}, (int64_t)body.len, has_body))
		http2_response_reset(stream);
	else if (has_body)
		http2_response_add_bytes(stream, body);
	stream->is_answered = true;
	http2_stream_forget_request(stream);
	server_call_back_later(&stream->http2->connection);
}

// Limits how long and how slowly the client may read what waits. nghttp2 is on the stack, so the stream is ended later.
static void http2_response_watch(struct http2_stream *stream, size_t length) {
	struct server *server = stream->http2->connection.server;
	uint64_t now_ms = http2_unblocked_ms(stream->http2);
	bool is_too_slow = rate_watch_count(&stream->watch, length, &server->limits.rate, now_ms);
	if (write_queue_waiting(&stream->out) == 0) {
		timer_stop(&stream->silence);
		rate_watch_stop(&stream->watch, now_ms);
		return;
	}
	stream->is_too_slow |= is_too_slow;
	http2_stream_watch(stream, stream->is_too_slow ? 0 : server->timeouts.write_ms);
}

int http2_response_move(struct http2_stream *stream, struct slice frame_head, size_t length) {
	struct http2 *http2 = stream->http2;
	int rc = write_queue_add(&http2->out, frame_head);
	if (rc == 0)
		rc = write_queue_add(&http2->out, slice_of(write_queue_bytes(&stream->out).ptr, length));
	write_queue_drop(&stream->out, length);
	http2_response_watch(stream, length);
	if (stream->reported_full && !stream->out.is_full && list_is_empty(&stream->room))
		list_append(&http2->writable, &stream->room);
	return rc;
}
