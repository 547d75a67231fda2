// SPDX-License-Identifier: Apache-2.0
#include "gateway/data_listener.h"

#include "aws/exception.h"
#include "base/log.h"
#include "config/report.h"
#include "gateway/transaction.h"

// The retry-after of refusals: for a gateway that restarts, and for one that is over its memory limit.
enum { STOPPING_RETRY_MS = 1000, FULL_RETRY_MS = 2000 };

enum {
	BODY_BYTES = 256 * 1024, // of our own responses: the longest is a 404 that lists twenty names of 2048 bytes
	MODEL_ID_BYTES = 8192,
};

static struct slice format_message(struct data_listener *listener, struct slice message) {
	buffer_clear(&listener->body);
	if (exception_format_body(message, &listener->body) != 0) {
		buffer_clear(&listener->body);
		return SLICE("{\"message\":\"\"}");
	}
	return buffer_slice(&listener->body);
}

void data_listener_respond_error(struct data_listener *listener, struct server_call *call,
                                 const struct mux_error *error, struct slice request_id, struct slice model,
                                 uint32_t attempts, uint64_t *bytes_out) {
	struct slice body = error->from_upstream ? error->body : format_message(listener, error->message);
	*bytes_out = body.len;
	server_respond(call, error->status,
	               response_headers_make_error(&listener->response_headers, error, request_id, model, attempts), body);
}

// Logs a response that doesn't come from the engine. Called before the response is sent, which ends the request's life.
static void log_local(struct data_listener *listener, const struct server_request *request, struct slice request_id,
                      struct slice operation, const char *outcome, int status, size_t bytes_out) {
	if (!listener->logs_access)
		return;
	access_log_add(&listener->access_log, &(struct access_entry){
	                                          .request_id = request_id,
	                                          .client = request->peer,
	                                          .operation = operation,
	                                          .outcome = outcome,
	                                          .status = status,
	                                          .bytes_in = request->body.len,
	                                          .bytes_out = slice_equal(request->method, SLICE("HEAD")) ? 0 : bytes_out,
	                                      });
}

static void respond_health(struct data_listener *listener, struct server_call *call,
                           const struct server_request *request, struct slice request_id) {
	struct policy *policy = mux_policy(listener->mux);
	bool is_serving = report_is_serving(policy_pool(policy), loop_now_ms(listener->loop));
	policy_release(policy);
	struct header json = {SLICE("content-type"), SLICE("application/json")};
	struct headers headers = response_headers_make(&listener->response_headers, (struct headers){&json, 1}, request_id,
	                                               (struct slice){0}, 0);
	buffer_clear(&listener->body);
	int status = report_health(is_serving, atomic_load(listener->is_draining), &listener->body);
	log_local(listener, request, request_id, SLICE("Health"), "success", status, listener->body.len);
	server_respond(call, status, headers, buffer_slice(&listener->body));
}

static void refuse_request(struct data_listener *listener, struct server_call *call,
                           const struct server_request *request, const struct request_route *route,
                           int64_t retry_after_ms) {
	char id[UUID_BYTES];
	uint64_t bytes_out;
	struct mux_error error = {
	    .status = route->status,
	    .exception = slice_from(route->exception),
	    .message = slice_from(route->message),
	    .retry_after_ms = retry_after_ms,
	};
	random_uuid(&listener->random, id);
	log_local(listener, request, slice_from(id), slice_from(operation_name(route->operation)), "refused", route->status,
	          format_message(listener, error.message).len);
	data_listener_respond_error(listener, call, &error, slice_from(id), (struct slice){0}, 0, &bytes_out);
}

// Why a call is refused, and when to retry; NULL: it is accepted.
static const char *reason_to_refuse(const struct data_listener *listener, int64_t *retry_after_ms) {
	*retry_after_ms = listener->is_stopping ? STOPPING_RETRY_MS : FULL_RETRY_MS;
	if (listener->is_stopping)
		return "The gateway is shutting down, please try again.";
	if (memory_meter_is_full(listener->memory))
		return "The gateway holds as much as it may (limits.memory_bytes), please try again.";
	return NULL;
}

static void data_listener_on_request(void *owner, struct server_call *call, const struct server_request *request,
                                     void **call_owner) {
	struct data_listener *listener = owner;
	struct request_route route;
	buffer_clear(&listener->model_id);
	request_routes_read(request, slice_from(listener->instance), &listener->hosts, &listener->model_id, &route);
	int64_t retry_after_ms;
	const char *reason = reason_to_refuse(listener, &retry_after_ms);
	if (route.kind == REQUEST_ROUTE_CALL && reason) {
		route.status = 429;
		route.exception = "ThrottlingException";
		route.message = reason;
		refuse_request(listener, call, request, &route, retry_after_ms);
	} else if (route.kind == REQUEST_ROUTE_CALL) {
		*call_owner = transaction_begin(listener, call, request, route.operation, buffer_slice(&listener->model_id));
	} else if (route.kind == REQUEST_ROUTE_HEALTH) {
		char id[UUID_BYTES];
		random_uuid(&listener->random, id);
		respond_health(listener, call, request, slice_from(id));
	} else {
		refuse_request(listener, call, request, &route, -1);
	}
}

static void data_listener_on_writable(void *owner, struct server_call *call, void *call_owner) {
	(void)owner;
	(void)call;
	transaction_resume(call_owner);
}

static void data_listener_on_gone(void *owner, struct server_call *call, void *call_owner) {
	(void)owner;
	(void)call;
	transaction_abandon(call_owner);
}

static size_t data_listener_format_refusal(void *owner, int status, const char *reason, struct header *headers,
                                           struct buffer *body) {
	struct data_listener *listener = owner;
	random_uuid(&listener->random, listener->refusal_id);
	exception_format_body(slice_from(reason), body);
	headers[0] = (struct header){SLICE("content-type"), SLICE("application/json")};
	headers[1] = (struct header){SLICE("x-amzn-requestid"), slice_from(listener->refusal_id)};
	headers[2] = (struct header){SLICE("x-amzn-errortype"), slice_from(request_routes_refusal_name(status))};
	headers[3] = (struct header){SLICE("x-signalbox-attempts"), SLICE("0")};
	if (listener->logs_access)
		access_log_add(&listener->access_log, &(struct access_entry){
		                                          .request_id = slice_from(listener->refusal_id),
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
    .on_request = data_listener_on_request,
    .on_writable = data_listener_on_writable,
    .on_gone = data_listener_on_gone,
    .format_refusal = data_listener_format_refusal,
};

void data_listener_init(struct data_listener *listener, struct loop *loop, struct mux *mux, struct mux_worker *worker,
                        const struct data_listener_settings *settings) {
	*listener = (struct data_listener){
	    .loop = loop,
	    .mux = mux,
	    .worker = worker,
	    .instance = settings->instance,
	    .hosts = settings->hosts,
	    .logs_access = settings->logs_access,
	    .memory = settings->memory,
	    .is_draining = settings->is_draining,
	};
	list_init(&listener->transactions);
	random_init_from_system(&listener->random);
	access_log_init(&listener->access_log, loop);
	buffer_init(&listener->model_id, MODEL_ID_BYTES);
	buffer_init(&listener->body, BODY_BYTES);
	listener->server = server_new(loop, &settings->limits, &settings->timeouts, &events, listener);
}

void data_listener_drain(struct data_listener *listener, loop_callback on_drained, void *owner) {
	server_drain(listener->server, on_drained, owner);
}

// transaction_stop may free the transaction, or leave it in the list because its end is under way already. The second
// list ensures that each is stopped once.
void data_listener_stop(struct data_listener *listener) {
	struct list rest;
	listener->is_stopping = true;
	list_init(&rest);
	list_move_all(&rest, &listener->transactions);
	while (!list_is_empty(&rest)) {
		struct list *link = rest.next;
		list_remove(link);
		list_append(&listener->transactions, link);
		transaction_stop(link);
	}
}

void data_listener_close(struct data_listener *listener) {
	struct server *server = listener->server;
	listener->server = NULL;
	if (server)
		server_close(server);
	log_flush(&listener->access_log.lines);
}

void data_listener_free(struct data_listener *listener) {
	data_listener_close(listener);
	access_log_free(&listener->access_log);
	buffer_free(&listener->model_id);
	buffer_free(&listener->body);
	response_headers_free(&listener->response_headers);
}
