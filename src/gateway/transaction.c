// SPDX-License-Identifier: Apache-2.0
#include "gateway/transaction.h"

#include <stdlib.h>

#include "base/memory.h"
#include "gateway/access_log.h"
#include "gateway/data_listener.h"

enum {
	CLIENT_BYTES = 64,
	UPSTREAM_ID_BYTES = 64,
	STATUS_CLIENT_GONE = 499, // what proxies log for a client that disconnected before the head
};

struct transaction {
	struct list link; // in the listener's transactions
	struct data_listener *listener;
	struct server_call *call;
	struct mux_request *request;
	enum operation operation;
	uint64_t started_ms;
	uint64_t bytes_in, bytes_out;
	int64_t content_length;
	int status; // 0 until the head has been sent
	size_t client_length, upstream_id_length;
	char client[CLIENT_BYTES];
	char upstream_id[UPSTREAM_ID_BYTES];
	char request_id[UUID_BYTES];
	struct header headers[]; // that the engine may see; followed by their texts
};

static void write_access(const struct transaction *transaction, const char *outcome, int status, struct slice model,
                         uint32_t attempts) {
	if (!transaction->listener->logs_access)
		return;
	access_log_add(&transaction->listener->access_log,
	               &(struct access_entry){
	                   .request_id = slice_from(transaction->request_id),
	                   .upstream_id = slice_of(transaction->upstream_id, transaction->upstream_id_length),
	                   .client = slice_of(transaction->client, transaction->client_length),
	                   .operation = slice_from(operation_name(transaction->operation)),
	                   .model = model,
	                   .attempts = attempts,
	                   .outcome = outcome,
	                   .status = status,
	                   .bytes_in = transaction->bytes_in,
	                   .bytes_out = transaction->bytes_out,
	                   .milliseconds = loop_now_ms(transaction->listener->loop) - transaction->started_ms,
	               });
}

static void transaction_free(struct transaction *transaction) {
	list_remove(&transaction->link);
	free(transaction);
}

static void keep_upstream_id(struct transaction *transaction, struct headers upstream) {
	const struct slice *id = headers_find(upstream, SLICE("x-amzn-requestid"));
	if (!id)
		return;
	transaction->upstream_id_length = id->len < UPSTREAM_ID_BYTES ? id->len : UPSTREAM_ID_BYTES;
	memcpy(transaction->upstream_id, id->ptr, transaction->upstream_id_length);
}

static void transaction_on_head(void *owner, const struct mux_head *head) {
	struct transaction *transaction = owner;
	struct headers headers = response_headers_make(&transaction->listener->response_headers, head->headers,
	                                               slice_from(transaction->request_id), head->model, head->attempts);
	keep_upstream_id(transaction, head->headers);
	transaction->status = head->status;
	transaction->content_length = head->content_length;
	server_response_start(transaction->call, head->status, headers, head->content_length);
}

static bool transaction_on_body(void *owner, struct slice bytes) {
	struct transaction *transaction = owner;
	transaction->bytes_out += bytes.len;
	return server_response_write(transaction->call, bytes);
}

// Ends a response whose head has been sent. A body shorter than its announced length can only be aborted.
static void end_response(struct transaction *transaction) {
	if (transaction->content_length >= 0 && (uint64_t)transaction->content_length != transaction->bytes_out)
		server_response_abort(transaction->call, false);
	else
		server_response_end(transaction->call);
}

static void transaction_on_done(void *owner, const struct mux_result *result) {
	struct transaction *transaction = owner;
	int status;
	if (transaction->status) {
		status = transaction->status;
		end_response(transaction);
	} else {
		status = result->error.status;
		if (result->error.from_upstream)
			keep_upstream_id(transaction, result->error.headers);
		data_listener_respond_error(transaction->listener, transaction->call, &result->error,
		                            slice_from(transaction->request_id), result->model, result->attempts,
		                            &transaction->bytes_out);
	}
	write_access(transaction, outcome_names[result->outcome], status, result->model, result->attempts);
	transaction_free(transaction);
}

// Joins the values of the hop headers and appends our own id. `text` has room for hop_room bytes.
static struct slice append_hop(struct headers headers, const char *instance, char *text) {
	size_t length = 0;
	for (size_t i = 0; i < headers.count; i++) {
		struct slice value = headers.list[i].value;
		if (!slice_equal_nocase(headers.list[i].name, HOP_HEADER) || value.len == 0)
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

// The bytes that append_hop writes at most.
static size_t hop_room(struct headers headers, const char *instance) {
	size_t room = strlen(instance);
	for (size_t i = 0; i < headers.count; i++)
		if (slice_equal_nocase(headers.list[i].name, HOP_HEADER))
			room += headers.list[i].value.len + 2;
	return room;
}

// One allocation holds the transaction, the headers that the engine may see, the hop header's value and the model id.
static struct transaction *transaction_new(struct data_listener *listener, const struct server_request *request,
                                           struct slice *model, struct headers *headers) {
	size_t header_bytes = (request->headers.count + 1) * sizeof(struct header);
	size_t room = hop_room(request->headers, listener->instance);
	struct transaction *transaction = memory_new(1, sizeof *transaction + header_bytes + room + model->len);
	char *text = (char *)transaction + sizeof *transaction + header_bytes;
	size_t count = 0;
	for (size_t i = 0; i < request->headers.count; i++)
		if (!request_routes_withholds(request->headers.list[i].name))
			transaction->headers[count++] = request->headers.list[i];
	transaction->headers[count++] = (struct header){HOP_HEADER, append_hop(request->headers, listener->instance, text)};
	*headers = (struct headers){transaction->headers, count};
	if (model->len)
		memcpy(text + room, model->ptr, model->len);
	model->ptr = text + room;
	return transaction;
}

struct transaction *transaction_begin(struct data_listener *listener, struct server_call *call,
                                      const struct server_request *request, enum operation operation,
                                      struct slice model) {
	static const struct mux_sink sink = {
	    .on_head = transaction_on_head, .on_body = transaction_on_body, .on_done = transaction_on_done};
	struct headers headers;
	struct transaction *transaction = transaction_new(listener, request, &model, &headers);
	transaction->listener = listener;
	list_append(&listener->transactions, &transaction->link);
	transaction->call = call;
	transaction->operation = operation;
	transaction->started_ms = loop_now_ms(listener->loop);
	transaction->bytes_in = request->body.len;
	transaction->client_length = request->peer.len < CLIENT_BYTES ? request->peer.len : CLIENT_BYTES;
	if (transaction->client_length)
		memcpy(transaction->client, request->peer.ptr, transaction->client_length);
	random_uuid(&listener->random, transaction->request_id);
	struct mux_call asked = {
	    .request_id = slice_from(transaction->request_id),
	    .operation = operation,
	    .model = model,
	    .method = request->method,
	    .path = request->path,
	    .query = request->query,
	    .headers = headers,
	    .body = request->body,
	};
	transaction->request = mux_submit(listener->worker, &asked, &sink, transaction);
	return transaction;
}

void transaction_resume(struct transaction *transaction) {
	mux_resume(transaction->request);
}

void transaction_stop(struct list *link) {
	mux_stop(LIST_OWNER(link, struct transaction, link)->request);
}

void transaction_abandon(struct transaction *transaction) {
	struct slice model;
	uint32_t attempts = mux_progress(transaction->request, &model);
	write_access(transaction, outcome_names[OUTCOME_CANCELLED],
	             transaction->status ? transaction->status : STATUS_CLIENT_GONE, model, attempts);
	mux_cancel(transaction->request);
	transaction_free(transaction);
}
