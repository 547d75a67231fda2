// SPDX-License-Identifier: Apache-2.0
// nghttp2's callbacks, and limits on how often a client may do what. nghttp2 itself checks frames, their order, flow
// control, field names and values, pseudo-headers, and that a body has its announced length; malformed input resets its
// stream or ends the connection.
//
// Invariant: a stream has memory from its first field until nghttp2 has closed it and http2->over was processed.
#include <pthread.h>
#include <stdlib.h>

#include "base/memory.h"
#include "http/http2.h"

enum {
	// A client may cancel every stream that it can open, twice, and then this many a second.
	RESETS_AT_ONCE = 2 * HTTP2_STREAMS,
	RESETS_PER_SECOND = 50,
	// Frames without content: PING, SETTINGS, PRIORITY, WINDOW_UPDATE, empty DATA, invalid ones.
	CHATTER_AT_ONCE = 1000,
	CHATTER_PER_SECOND = 100,
	// Useful frames earn tokens: a head, a piece of a body in either direction.
	CHATTER_A_HEAD = 4,
	CHATTER_A_PIECE = 2,
	// Acknowledgements of PING and SETTINGS that wait to be sent.
	ACKNOWLEDGEMENTS = 1000,
	CONTINUATIONS = 8,
	// A head beyond its limit is refused, and decoded up to this many times the limit.
	HEAD_EXCESS = 4,
	// A connection's share of a turn, see http2_share.
	FRAMES_A_TURN = 1000,
	HEADS_A_TURN = 16,
	BYTES_A_TURN = 64 * 1024,
	CODED_BYTES_A_TURN = 8 * 1024,
	RESPONSE_HEAD_BYTES = 2 * 1024 * 1024,
};

static nghttp2_session_callbacks *callbacks;
static nghttp2_option *options;
static pthread_once_t made_once = PTHREAD_ONCE_INIT;

static uint64_t http2_now_ms(const struct http2 *http2) {
	return loop_now_ms(http2->connection.server->loop);
}

// Counts a frame of limited frequency.
static void http2_count_chatter(struct http2 *http2) {
	http2->is_flood |= !token_bucket_take(&http2->chatter, http2_now_ms(http2));
}

static void http2_count_reset(struct http2 *http2) {
	http2->is_flood |= !token_bucket_take(&http2->resets, http2_now_ms(http2));
}

// The share of this turn.
static struct http2_share *http2_share(struct http2 *http2) {
	uint64_t turn = http2->connection.server->turn;
	if (http2->share.turn != turn)
		http2->share = (struct http2_share){.turn = turn};
	return &http2->share;
}

bool http2_share_is_over(const struct http2 *http2) {
	const struct http2_share *share = &http2->share;
	return share->turn == http2->connection.server->turn &&
	       (share->frames > FRAMES_A_TURN || share->heads > HEADS_A_TURN || share->bytes > BYTES_A_TURN ||
	        share->coded_bytes > CODED_BYTES_A_TURN);
}

static int http2_session_on_begin_frame(nghttp2_session *session, const nghttp2_frame_hd *head, void *owner) {
	(void)session;
	struct http2 *http2 = owner;
	http2->is_in_head = head->type == NGHTTP2_HEADERS || head->type == NGHTTP2_CONTINUATION;
	http2->has_read_head |= http2->is_in_head;
	http2_share(http2)->frames++;
	if (http2->is_in_head)
		http2_share(http2)->coded_bytes += head->length;
	return 0;
}

static struct http2_stream *stream_of(nghttp2_session *session, int32_t id) {
	return nghttp2_session_get_stream_user_data(session, id);
}

static bool is_request(const nghttp2_frame *frame) {
	return frame->hd.type == NGHTTP2_HEADERS && frame->headers.cat == NGHTTP2_HCAT_REQUEST;
}

static int http2_session_on_begin_headers(nghttp2_session *session, const nghttp2_frame *frame, void *owner) {
	struct http2 *http2 = owner;
	http2->head_id = frame->hd.stream_id;
	http2->head_bytes = 0;
	http2_share(http2)->heads++;
	if (is_request(frame))
		nghttp2_session_set_stream_user_data(session, frame->hd.stream_id,
		                                     http2_stream_new(http2, frame->hd.stream_id));
	return 0;
}

// Ends the connection within a head, the rest of which isn't decoded: a byte that names a field of HPACK's table makes
// nghttp2 check kilobytes. nghttp2 reads nothing more once its session is terminated.
static int http2_session_break_off_head(nghttp2_session *session, struct http2 *http2) {
	http2->is_flood = true;
	return nghttp2_session_terminate_session(session, NGHTTP2_ENHANCE_YOUR_CALM)
	           ? NGHTTP2_ERR_CALLBACK_FAILURE
	           : NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
}

// Trailers are dropped.
static int http2_session_on_header(nghttp2_session *session, const nghttp2_frame *frame, const uint8_t *name,
                                   size_t name_size, const uint8_t *value, size_t value_size, uint8_t flags,
                                   void *owner) {
	(void)flags;
	struct http2 *http2 = owner;
	size_t bytes = name_size + value_size + HTTP2_FIELD_BYTES;
	http2->head_bytes += bytes;
	http2_share(http2)->bytes += bytes;
	if (http2->head_bytes > HEAD_EXCESS * http2->connection.server->limits.header_bytes)
		return http2_session_break_off_head(session, http2);
	struct http2_stream *stream = is_request(frame) ? stream_of(session, frame->hd.stream_id) : NULL;
	if (stream)
		http2_stream_take_field(stream, slice_of(name, name_size), slice_of(value, value_size));
	return http2_share_is_over(http2) ? NGHTTP2_ERR_PAUSE : 0;
}

// Resets the stream. nghttp2 would drop the field, while another parser might keep it.
static int http2_session_on_invalid_header(nghttp2_session *session, const nghttp2_frame *frame, const uint8_t *name,
                                           size_t name_size, const uint8_t *value, size_t value_size, uint8_t flags,
                                           void *owner) {
	(void)session;
	(void)frame;
	(void)name;
	(void)name_size;
	(void)value;
	(void)value_size;
	(void)flags;
	(void)owner;
	return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
}

static void http2_session_on_headers(struct http2 *http2, struct http2_stream *stream, const nghttp2_frame *frame) {
	bool ends = frame->hd.flags & NGHTTP2_FLAG_END_STREAM;
	http2->head_id = 0;
	token_bucket_give(&http2->chatter, CHATTER_A_HEAD);
	if (stream && is_request(frame))
		http2_stream_head_ended(stream, ends);
	else if (stream && ends)
		http2_stream_body_ended(stream);
}

static void http2_session_on_data(struct http2 *http2, struct http2_stream *stream, const nghttp2_frame *frame) {
	bool ends = frame->hd.flags & NGHTTP2_FLAG_END_STREAM;
	if (frame->hd.length == frame->data.padlen && !ends)
		http2_count_chatter(http2);
	else
		token_bucket_give(&http2->chatter, CHATTER_A_PIECE);
	if (stream && ends)
		http2_stream_body_ended(stream);
}

// The client leaves: an error concerns all of its streams.
static void http2_session_on_goaway(struct http2 *http2, const nghttp2_frame *frame) {
	http2_count_chatter(http2);
	http2->broken |= frame->goaway.error_code != NGHTTP2_NO_ERROR;
}

// The response to the PING after our notice: the client has read the notice, and all it sent before that is here.
static void http2_session_on_pong(struct http2 *http2) {
	if (http2->notified)
		nghttp2_submit_goaway(http2->session, NGHTTP2_FLAG_NONE,
		                      nghttp2_session_get_last_proc_stream_id(http2->session), NGHTTP2_NO_ERROR, NULL, 0);
	else
		http2_count_chatter(http2);
}

static int http2_session_on_frame_received(nghttp2_session *session, const nghttp2_frame *frame, void *owner) {
	struct http2 *http2 = owner;
	struct http2_stream *stream = frame->hd.stream_id ? stream_of(session, frame->hd.stream_id) : NULL;
	bool is_first = !http2->has_settings;
	http2->has_settings = true;
	if (frame->hd.type == NGHTTP2_HEADERS)
		http2_session_on_headers(http2, stream, frame);
	else if (frame->hd.type == NGHTTP2_DATA)
		http2_session_on_data(http2, stream, frame);
	else if (frame->hd.type == NGHTTP2_GOAWAY)
		http2_session_on_goaway(http2, frame);
	else if (frame->hd.type == NGHTTP2_PING && (frame->hd.flags & NGHTTP2_FLAG_ACK))
		http2_session_on_pong(http2);
	else if (!is_first)
		http2_count_chatter(http2);
	return 0;
}

static int http2_session_on_invalid_frame(nghttp2_session *session, const nghttp2_frame *frame, int error,
                                          void *owner) {
	(void)session;
	(void)error;
	struct http2 *http2 = owner;
	if (frame->hd.type == NGHTTP2_HEADERS)
		http2->head_id = 0;
	http2_count_chatter(http2);
	return 0;
}

// The windows are refilled at once, since the body's limit bounds the memory; that of a body which waits for memory is
// refilled when it goes on.
static int http2_session_on_data_chunk(nghttp2_session *session, uint8_t flags, int32_t id, const uint8_t *bytes,
                                       size_t size, void *owner) {
	(void)flags;
	(void)owner;
	struct http2_stream *stream = stream_of(session, id);
	if (stream)
		http2_stream_take_body(stream, slice_of(bytes, size));
	bool is_waiting = stream && upload_is_waiting(&stream->upload);
	if (is_waiting)
		stream->withheld_bytes += size;
	int rc = !stream || stream->is_refused || is_waiting ? nghttp2_session_consume_connection(session, size)
	                                                     : nghttp2_session_consume(session, id, size);
	return rc ? NGHTTP2_ERR_CALLBACK_FAILURE : 0;
}

static int http2_session_on_stream_closed(nghttp2_session *session, int32_t id, uint32_t error, void *owner) {
	struct http2 *http2 = owner;
	struct http2_stream *stream = stream_of(session, id);
	if (http2->head_id == id)
		http2->head_id = 0;
	if (!stream)
		return 0;
	nghttp2_session_set_stream_user_data(session, id, NULL);
	if (error != NGHTTP2_NO_ERROR && !stream->is_refused && !stream->breaks_off)
		http2_count_reset(http2);
	stream->is_over = true;
	timer_stop(&stream->silence);
	upload_end(&stream->upload);
	list_remove(&stream->room);
	list_remove(&stream->queue_link);
	list_append(&http2->over, &stream->queue_link);
	return 0;
}

static int http2_session_on_frame_sent(nghttp2_session *session, const nghttp2_frame *frame, void *owner) {
	struct http2 *http2 = owner;
	bool is_response = frame->hd.type == NGHTTP2_HEADERS || frame->hd.type == NGHTTP2_DATA;
	if (!is_response)
		return 0;
	token_bucket_give(&http2->chatter, CHATTER_A_PIECE);
	struct http2_stream *stream = stream_of(session, frame->hd.stream_id);
	if (stream && (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) && !stream->is_whole)
		http2_stream_linger(stream);
	return 0;
}

static ssize_t http2_session_on_send(nghttp2_session *session, const uint8_t *bytes, size_t size, int flags,
                                     void *owner) {
	(void)session;
	(void)flags;
	struct http2 *http2 = owner;
	if (write_queue_waiting(&http2->out) >= HTTP2_GATHERED_BYTES)
		return NGHTTP2_ERR_WOULDBLOCK;
	return write_queue_add(&http2->out, slice_of(bytes, size)) ? NGHTTP2_ERR_CALLBACK_FAILURE : (ssize_t)size;
}

static int http2_session_on_send_data(nghttp2_session *session, nghttp2_frame *frame, const uint8_t *head,
                                      size_t length, nghttp2_data_source *source, void *owner) {
	(void)session;
	(void)frame;
	struct http2 *http2 = owner;
	if (write_queue_waiting(&http2->out) >= HTTP2_GATHERED_BYTES)
		return NGHTTP2_ERR_WOULDBLOCK;
	enum { FRAME_HEAD_BYTES = 9 };
	int rc = http2_response_move(source->ptr, slice_of(head, FRAME_HEAD_BYTES), length);
	return rc ? NGHTTP2_ERR_CALLBACK_FAILURE : 0;
}

static void http2_session_make_callbacks(void) {
	if (nghttp2_session_callbacks_new(&callbacks) || nghttp2_option_new(&options))
		abort();
	nghttp2_session_callbacks_set_on_begin_frame_callback(callbacks, http2_session_on_begin_frame);
	nghttp2_session_callbacks_set_on_begin_headers_callback(callbacks, http2_session_on_begin_headers);
	nghttp2_session_callbacks_set_on_header_callback(callbacks, http2_session_on_header);
	nghttp2_session_callbacks_set_on_invalid_header_callback(callbacks, http2_session_on_invalid_header);
	nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, http2_session_on_frame_received);
	nghttp2_session_callbacks_set_on_invalid_frame_recv_callback(callbacks, http2_session_on_invalid_frame);
	nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, http2_session_on_data_chunk);
	nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, http2_session_on_stream_closed);
	nghttp2_session_callbacks_set_on_frame_send_callback(callbacks, http2_session_on_frame_sent);
	nghttp2_session_callbacks_set_send_callback(callbacks, http2_session_on_send);
	nghttp2_session_callbacks_set_send_data_callback(callbacks, http2_session_on_send_data);
	nghttp2_option_set_no_auto_window_update(options, 1);
	nghttp2_option_set_no_closed_streams(options, 1);
	nghttp2_option_set_max_outbound_ack(options, ACKNOWLEDGEMENTS);
	nghttp2_option_set_max_continuations(options, CONTINUATIONS);
	nghttp2_option_set_max_send_header_block_length(options, RESPONSE_HEAD_BYTES);
}

nghttp2_session *http2_session_new(struct http2 *http2) {
	uint64_t now = http2_now_ms(http2);
	nghttp2_session *session;
	pthread_once(&made_once, http2_session_make_callbacks);
	token_bucket_init(&http2->resets, RESETS_AT_ONCE, RESETS_PER_SECOND, now);
	token_bucket_init(&http2->chatter, CHATTER_AT_ONCE, CHATTER_PER_SECOND, now);
	// Credentials of clients are in frames, in fields on their way to a callback and in HPACK's table: wiping all costs
	// less than to find out which.
	nghttp2_mem memory = {NULL, memory_wiped_malloc, memory_wiped_free, memory_wiped_calloc, memory_wiped_realloc};
	if (nghttp2_session_server_new3(&session, callbacks, http2, options, &memory))
		return NULL;
	nghttp2_settings_entry entries[] = {
	    {NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, HTTP2_STREAMS},
	    {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, HTTP2_STREAM_WINDOW_BYTES},
	    {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, (uint32_t)http2->connection.server->limits.header_bytes},
	};
	if (nghttp2_submit_settings(session, NGHTTP2_FLAG_NONE, entries, sizeof entries / sizeof *entries) == 0 &&
	    nghttp2_session_set_local_window_size(session, NGHTTP2_FLAG_NONE, 0, HTTP2_CONNECTION_WINDOW_BYTES) == 0)
		return session;
	nghttp2_session_del(session);
	return NULL;
}
