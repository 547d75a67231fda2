// SPDX-License-Identifier: Apache-2.0
#include "gateway/data_listener.h"

#include "aws/exception.h"
#include "base/log.h"
#include "config/report.h"
#include "gateway/transaction.h"

// What a client is told to wait for a gateway that starts again, and for one that has taken on too much.
enum { STOPPING_RETRY_MS = 1000, FULL_RETRY_MS = 2000 };

enum {
	BODY_BYTES = 256 * 1024, // of our own answers: the longest is a 404 that lists twenty names of 2048 bytes
	MODEL_ID_BYTES = 8192,
};

static struct slice format_message(struct data_listener *data_listener, struct slice message) {
	buffer_clear(&data_listener->body);
	if (exception_format_body(message, &data_listener->body) != 0) {
		buffer_clear(&data_listener->body);
		return SLICE("{\"message\":\"\"}");
	}
	return buffer_slice(&data_listener->body);
}

void data_listener_respond_error(struct data_listener *data_listener, struct server_call *call,
                                 const struct mux_error *error, struct slice request_id, struct slice model,
                                 uint32_t attempts, uint64_t *bytes_out) {
	struct slice body = error->from_upstream ? error->body : format_message(data_listener, error->message);
	*bytes_out = body.len;
	server_respond(call, error->status,
	               response_headers_error(&data_listener->response_headers, error, request_id, model, attempts), body);
}

// What is answered without the engine: logged first, since an answered call's request is gone.
static void log_own(struct data_listener *data_listener, const struct server_request *request, struct slice request_id,
                    struct slice operation, const char *outcome, int status, size_t bytes_out) {
	if (!data_listener->access_log)
		return;
	access_log_add(&data_listener->access, &(struct access_entry){
	                                           .request_id = request_id,
	                                           .client = request->peer,
	                                           .operation = operation,
	                                           .outcome = outcome,
	                                           .status = status,
	                                           .bytes_in = request->body.len,
	                                           .bytes_out = slice_equal(request->method, SLICE("HEAD")) ? 0 : bytes_out,
	                                       });
}

static void respond_health(struct data_listener *data_listener, struct server_call *call,
                           const struct server_request *request, struct slice request_id) {
	struct policy *policy = mux_policy(data_listener->mux);
	bool is_serving = report_is_serving(policy_pool(policy), loop_now_ms(data_listener->loop));
	policy_release(policy);
	struct header json = {SLICE("content-type"), SLICE("application/json")};
	struct headers headers = response_headers_response(&data_listener->response_headers, (struct headers){&json, 1},
	                                                   request_id, (struct slice){0}, 0);
	buffer_clear(&data_listener->body);
	int status = report_health(is_serving, atomic_load(data_listener->is_draining), &data_listener->body);
	log_own(data_listener, request, request_id, SLICE("Health"), "success", status, data_listener->body.len);
	server_respond(call, status, headers, buffer_slice(&data_listener->body));
}

static void refuse(struct data_listener *data_listener, struct server_call *call, const struct server_request *request,
                   const struct request_route *request_route, int64_t retry_after_ms) {
	char id[UUID_BYTES];
	uint64_t bytes_out;
	struct mux_error error = {
	    .status = request_route->status,
	    .exception = slice_from(request_route->exception),
	    .message = slice_from(request_route->message),
	    .retry_after_ms = retry_after_ms,
	};
	uuid_make(&data_listener->random, id);
	log_own(data_listener, request, slice_from(id), slice_from(operation_name(request_route->operation)), "refused",
	        request_route->status, format_message(data_listener, error.message).len);
	data_listener_respond_error(data_listener, call, &error, slice_from(id), (struct slice){0}, 0, &bytes_out);
}

// A call that is not to be taken on: why, and when to come again; NULL for one that is.
static const char *reason_to_refuse(const struct data_listener *data_listener, int64_t *retry_after_ms) {
	*retry_after_ms = data_listener->is_stopping ? STOPPING_RETRY_MS : FULL_RETRY_MS;
	if (data_listener->is_stopping)
		return "The gateway is shutting down, please try again.";
	if (memory_meter_is_full(data_listener->memory))
		return "The gateway holds as much as it may (limits.memory_bytes), please try again.";
	return NULL;
}

static void on_request(void *owner, struct server_call *call, const struct server_request *request, void **call_owner) {
	struct data_listener *data_listener = owner;
	struct request_route request_route;
	buffer_clear(&data_listener->model_id);
	request_routes_read(request, slice_from(data_listener->instance), &data_listener->model_id, &request_route);
	int64_t retry_after_ms;
	const char *reason = reason_to_refuse(data_listener, &retry_after_ms);
	if (request_route.kind == ROUTES_CALL && reason) {
		request_route.status = 429;
		request_route.exception = "ThrottlingException";
		request_route.message = reason;
		refuse(data_listener, call, request, &request_route, retry_after_ms);
	} else if (request_route.kind == ROUTES_CALL) {
		*call_owner = transaction_begin(data_listener, call, request, request_route.operation,
		                                buffer_slice(&data_listener->model_id));
	} else if (request_route.kind == ROUTES_HEALTH) {
		char id[UUID_BYTES];
		uuid_make(&data_listener->random, id);
		respond_health(data_listener, call, request, slice_from(id));
	} else {
		refuse(data_listener, call, request, &request_route, -1);
	}
}

static void on_writable(void *owner, struct server_call *call, void *call_owner) {
	(void)owner;
	(void)call;
	transaction_resume(call_owner);
}

static void on_gone(void *owner, struct server_call *call, void *call_owner) {
	(void)owner;
	(void)call;
	transaction_abandon(call_owner);
}

static size_t format_refusal(void *owner, int status, const char *reason, struct header *headers, struct buffer *body) {
	struct data_listener *data_listener = owner;
	uuid_make(&data_listener->random, data_listener->refusal_id);
	exception_format_body(slice_from(reason), body);
	headers[0] = (struct header){SLICE("content-type"), SLICE("application/json")};
	headers[1] = (struct header){SLICE("x-amzn-requestid"), slice_from(data_listener->refusal_id)};
	headers[2] = (struct header){SLICE("x-amzn-errortype"), slice_from(request_routes_refusal_name(status))};
	headers[3] = (struct header){SLICE("x-signalbox-attempts"), SLICE("0")};
	if (data_listener->access_log)
		access_log_add(&data_listener->access, &(struct access_entry){
		                                           .request_id = slice_from(data_listener->refusal_id),
		                                           .operation = slice_from(operation_name(OPERATION_UNKNOWN)),
		                                           .outcome = "refused",
		                                           .status = status,
		                                           .bytes_out = body->len,
		                                       });
	if (status != 429)
		return 4;
	headers[4] = (struct header){SLICE("x-amz-retry-after"), SLICE("2000")};
	headers[5] = (struct header){SLICE("retry-after"), SLICE("2")};
	return 6;
}

static const struct server_events events = {
    .on_request = on_request,
    .on_writable = on_writable,
    .on_gone = on_gone,
    .format_refusal = format_refusal,
};

void data_listener_init(struct data_listener *data_listener, struct loop *loop, struct mux *mux,
                        struct mux_worker *worker, const struct data_listener_settings *settings) {
	*data_listener = (struct data_listener){
	    .loop = loop,
	    .mux = mux,
	    .worker = worker,
	    .instance = settings->instance,
	    .access_log = settings->access_log,
	    .memory = settings->memory,
	    .is_draining = settings->is_draining,
	};
	list_init(&data_listener->replies);
	random_init_from_system(&data_listener->random);
	access_log_init(&data_listener->access, loop);
	buffer_init(&data_listener->model_id, MODEL_ID_BYTES);
	buffer_init(&data_listener->body, BODY_BYTES);
	data_listener->server = server_new(loop, &settings->limits, &settings->timeouts, &events, data_listener);
}

void data_listener_drain(struct data_listener *data_listener, loop_callback on_drained, void *owner) {
	server_drain(data_listener->server, on_drained, owner);
}

// Each reply leaves the list before it is ended; one whose end is on its way already stays and ends by itself.
void data_listener_stop(struct data_listener *data_listener) {
	struct list rest;
	data_listener->is_stopping = true;
	list_init(&rest);
	while (!list_is_empty(&data_listener->replies)) {
		struct list *link = data_listener->replies.next;
		list_remove(link);
		list_append(&rest, link);
	}
	while (!list_is_empty(&rest)) {
		struct list *link = rest.next;
		list_remove(link);
		list_append(&data_listener->replies, link);
		transaction_stop(link);
	}
}

void data_listener_close(struct data_listener *data_listener) {
	struct server *server = data_listener->server;
	data_listener->server = NULL;
	if (server)
		server_close(server);
	log_flush(&data_listener->access.lines);
}

void data_listener_free(struct data_listener *data_listener) {
	data_listener_close(data_listener);
	access_log_free(&data_listener->access);
	buffer_free(&data_listener->model_id);
	buffer_free(&data_listener->body);
	response_headers_free(&data_listener->response_headers);
}
