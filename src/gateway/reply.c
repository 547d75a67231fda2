// SPDX-License-Identifier: Apache-2.0
#include "gateway/reply.h"

#include <stdlib.h>

#include "base/memory.h"
#include "gateway/access.h"
#include "gateway/door.h"

enum {
	CLIENT_BYTES = 64,
	UPSTREAM_ID_BYTES = 64,
	STATUS_CLIENT_GONE = 499, // what proxies log for a client that left before the head
};

struct reply {
	struct list link; // in the door's replies
	struct door *door;
	struct server_call *call;
	struct mux_request *request;
	enum operation operation;
	uint64_t started_ms;
	uint64_t bytes_in, bytes_out;
	int64_t content_length;
	int status; // 0 until the head has gone out
	size_t client_length, upstream_id_length;
	char client[CLIENT_BYTES];
	char upstream_id[UPSTREAM_ID_BYTES];
	char request_id[REQUEST_ID_BYTES];
	struct header headers[]; // what the engine may see, and behind them their texts
};

static void write_access(const struct reply *reply, const char *outcome, int status, struct slice model,
                         uint32_t attempts) {
	if (!reply->door->access_log)
		return;
	access_add(&reply->door->access, &(struct access_entry){
	                                     .request_id = slice_from(reply->request_id),
	                                     .upstream_id = slice_of(reply->upstream_id, reply->upstream_id_length),
	                                     .client = slice_of(reply->client, reply->client_length),
	                                     .operation = slice_from(operation_name(reply->operation)),
	                                     .model = model,
	                                     .attempts = attempts,
	                                     .outcome = outcome,
	                                     .status = status,
	                                     .bytes_in = reply->bytes_in,
	                                     .bytes_out = reply->bytes_out,
	                                     .milliseconds = loop_now_ms(reply->door->loop) - reply->started_ms,
	                                 });
}

static void reply_free(struct reply *reply) {
	list_remove(&reply->link);
	free(reply);
}

static void keep_upstream_id(struct reply *reply, struct headers upstream) {
	const struct slice *id = headers_find(upstream, SLICE("x-amzn-requestid"));
	if (!id)
		return;
	reply->upstream_id_length = id->len < UPSTREAM_ID_BYTES ? id->len : UPSTREAM_ID_BYTES;
	memcpy(reply->upstream_id, id->ptr, reply->upstream_id_length);
}

static void on_head(void *owner, const struct mux_head *head) {
	struct reply *reply = owner;
	struct headers headers = heading_answer(&reply->door->heading, head->headers, slice_from(reply->request_id),
	                                        head->model, head->attempts);
	keep_upstream_id(reply, head->headers);
	reply->status = head->status;
	reply->content_length = head->content_length;
	server_answer_start(reply->call, head->status, headers, head->content_length);
}

static bool on_body(void *owner, struct slice bytes) {
	struct reply *reply = owner;
	reply->bytes_out += bytes.len;
	return server_answer_write(reply->call, bytes);
}

// Ends an answer whose head is out. A body that fell short of its length can only be broken off.
static void end_answer(struct reply *reply) {
	if (reply->content_length >= 0 && (uint64_t)reply->content_length != reply->bytes_out)
		server_answer_abort(reply->call, false);
	else
		server_answer_end(reply->call);
}

static void on_done(void *owner, const struct mux_result *result) {
	struct reply *reply = owner;
	int status = result->status;
	if (reply->status) {
		status = reply->status;
		end_answer(reply);
	} else {
		status = result->error.status;
		if (result->error.from_upstream)
			keep_upstream_id(reply, result->error.headers);
		door_answer_error(reply->door, reply->call, &result->error, slice_from(reply->request_id), result->model,
		                  result->attempts, &reply->bytes_out);
	}
	write_access(reply, access_outcome(result->outcome), status, result->model, result->attempts);
	reply_free(reply);
}

// The values of the hop headers together, with our own id behind them. `text` has room.
static struct slice append_hop(struct headers headers, const char *instance, char *text) {
	size_t length = 0;
	for (size_t i = 0; i < headers.count; i++) {
		struct slice value = headers.list[i].value;
		if (!slice_equal_nocase(headers.list[i].name, SURFACE_HOP_HEADER) || value.len == 0)
			continue;
		memcpy(text + length, value.ptr, value.len);
		length += value.len;
		memcpy(text + length, ", ", 2);
		length += 2;
	}
	size_t own = strlen(instance);
	memcpy(text + length, instance, own);
	return slice_of(text, length + own);
}

// Bytes that append_hop may write.
static size_t hop_room(struct headers headers, const char *instance) {
	size_t room = strlen(instance);
	for (size_t i = 0; i < headers.count; i++)
		if (slice_equal_nocase(headers.list[i].name, SURFACE_HOP_HEADER))
			room += headers.list[i].value.len + 2;
	return room;
}

// One allocation holds the reply, the headers that the engine may see, the hop header's value and the model id.
static struct reply *reply_new(struct door *door, const struct server_request *request, struct slice *model,
                               struct headers *headers) {
	size_t header_bytes = (request->headers.count + 1) * sizeof(struct header);
	size_t room = hop_room(request->headers, door->instance);
	struct reply *reply = memory_new(1, sizeof *reply + header_bytes + room + model->len);
	char *text = (char *)reply + sizeof *reply + header_bytes;
	size_t count = 0;
	for (size_t i = 0; i < request->headers.count; i++)
		if (!surface_withholds(request->headers.list[i].name))
			reply->headers[count++] = request->headers.list[i];
	reply->headers[count++] = (struct header){SURFACE_HOP_HEADER, append_hop(request->headers, door->instance, text)};
	*headers = (struct headers){reply->headers, count};
	if (model->len)
		memcpy(text + room, model->ptr, model->len);
	model->ptr = text + room;
	return reply;
}

struct reply *reply_begin(struct door *door, struct server_call *call, const struct server_request *request,
                          enum operation operation, struct slice model) {
	static const struct mux_sink sink = {.on_head = on_head, .on_body = on_body, .on_done = on_done};
	struct headers headers;
	struct reply *reply = reply_new(door, request, &model, &headers);
	reply->door = door;
	list_append(&door->replies, &reply->link);
	reply->call = call;
	reply->operation = operation;
	reply->started_ms = loop_now_ms(door->loop);
	reply->bytes_in = request->body.len;
	reply->client_length = request->peer.len < CLIENT_BYTES ? request->peer.len : CLIENT_BYTES;
	if (reply->client_length)
		memcpy(reply->client, request->peer.ptr, reply->client_length);
	request_id_make(&door->random, reply->request_id);
	struct mux_call asked = {
	    .request_id = slice_from(reply->request_id),
	    .operation = operation,
	    .model = model,
	    .method = request->method,
	    .path = request->path,
	    .query = request->query,
	    .headers = headers,
	    .body = request->body,
	};
	reply->request = mux_submit(door->worker, &asked, &sink, reply);
	return reply;
}

void reply_resume(struct reply *reply) {
	mux_resume(reply->request);
}

void reply_stop(struct list *link) {
	mux_stop(LIST_OWNER(link, struct reply, link)->request);
}

void reply_abandon(struct reply *reply) {
	struct slice model;
	uint32_t attempts = mux_progress(reply->request, &model);
	write_access(reply, access_outcome(OUTCOME_CANCELLED), reply->status ? reply->status : STATUS_CLIENT_GONE, model,
	             attempts);
	mux_cancel(reply->request);
	reply_free(reply);
}
