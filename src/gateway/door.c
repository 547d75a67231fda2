// SPDX-License-Identifier: Apache-2.0
#include "gateway/door.h"

#include "aws/exception.h"
#include "base/log.h"
#include "gateway/reply.h"
#include "mux/report.h"

// What a client is told to wait for a gateway that starts again, and for one that has taken on too much.
enum { STOPPING_RETRY_MS = 1000, FULL_RETRY_MS = 2000 };

enum {
	BODY_BYTES = 256 * 1024, // of our own answers: the longest is a 404 that lists twenty names of 2048 bytes
	MODEL_ID_BYTES = 8192,
};

static struct slice format_message(struct door *door, struct slice message) {
	buffer_clear(&door->body);
	if (exception_format_body(message, &door->body) != 0) {
		buffer_clear(&door->body);
		return SLICE("{\"message\":\"\"}");
	}
	return buffer_slice(&door->body);
}

void door_answer_error(struct door *door, struct server_call *call, const struct mux_error *error,
                       struct slice request_id, struct slice model, uint32_t attempts, uint64_t *bytes_out) {
	struct slice message =
	    error->from_upstream ? SLICE("The upstream failed without a message of the service.") : error->message;
	struct slice body = heading_passes_body(error) ? error->body : format_message(door, message);
	*bytes_out = body.len;
	server_answer(call, error->status, heading_error(&door->heading, error, request_id, model, attempts), body);
}

// What is answered without the engine: logged first, since an answered call's request is gone.
static void log_own(struct door *door, const struct server_request *request, struct slice request_id,
                    struct slice operation, const char *outcome, int status, size_t bytes_out) {
	if (!door->access_log)
		return;
	access_add(&door->access, &(struct access_entry){
	                              .request_id = request_id,
	                              .client = request->peer,
	                              .operation = operation,
	                              .outcome = outcome,
	                              .status = status,
	                              .bytes_in = request->body.len,
	                              .bytes_out = slice_equal(request->method, SLICE("HEAD")) ? 0 : bytes_out,
	                          });
}

static void answer_health(struct door *door, struct server_call *call, const struct server_request *request,
                          struct slice request_id) {
	struct policy *policy = mux_policy(door->mux);
	bool is_serving = report_is_serving(policy_pool(policy), loop_now_ms(door->loop));
	policy_release(policy);
	const char *word = door->is_draining ? "draining" : is_serving ? "healthy" : "unhealthy";
	int status = is_serving && !door->is_draining ? 200 : 503;
	struct header json = {SLICE("content-type"), SLICE("application/json")};
	struct headers headers =
	    heading_answer(&door->heading, (struct headers){&json, 1}, request_id, (struct slice){0}, 0);
	buffer_clear(&door->body);
	report_health(word, status, &door->body);
	log_own(door, request, request_id, SLICE("Health"), "success", status, door->body.len);
	server_answer(call, status, headers, buffer_slice(&door->body));
}

static void refuse(struct door *door, struct server_call *call, const struct server_request *request,
                   const struct surface *surface, int64_t retry_after_ms) {
	char id[REQUEST_ID_BYTES];
	uint64_t bytes_out;
	struct mux_error error = {
	    .status = surface->status,
	    .exception = slice_from(surface->exception),
	    .message = slice_from(surface->message),
	    .retry_after_ms = retry_after_ms,
	};
	request_id_make(&door->random, id);
	log_own(door, request, slice_from(id), slice_from(operation_name(surface->operation)), "refused", surface->status,
	        format_message(door, error.message).len);
	door_answer_error(door, call, &error, slice_from(id), (struct slice){0}, 0, &bytes_out);
}

// A call that is not to be taken on: why, and when to come again; NULL for one that is.
static const char *reason_to_refuse(const struct door *door, int64_t *retry_after_ms) {
	*retry_after_ms = door->is_stopping ? STOPPING_RETRY_MS : FULL_RETRY_MS;
	if (door->is_stopping)
		return "The gateway is shutting down, please try again.";
	if (memory_meter_is_full(door->memory))
		return "The gateway holds as much as it may (limits.memory_bytes), please try again.";
	return NULL;
}

static void on_request(void *owner, struct server_call *call, const struct server_request *request, void **call_owner) {
	struct door *door = owner;
	struct surface surface;
	buffer_clear(&door->model_id);
	surface_read(request, slice_from(door->instance), &door->model_id, &surface);
	int64_t retry_after_ms;
	const char *reason = reason_to_refuse(door, &retry_after_ms);
	if (surface.kind == SURFACE_CALL && reason) {
		surface.status = 429;
		surface.exception = "ThrottlingException";
		surface.message = reason;
		refuse(door, call, request, &surface, retry_after_ms);
	} else if (surface.kind == SURFACE_CALL) {
		*call_owner = reply_begin(door, call, request, surface.operation, buffer_slice(&door->model_id));
	} else if (surface.kind == SURFACE_HEALTH) {
		char id[REQUEST_ID_BYTES];
		request_id_make(&door->random, id);
		answer_health(door, call, request, slice_from(id));
	} else {
		refuse(door, call, request, &surface, -1);
	}
}

static void on_writable(void *owner, struct server_call *call, void *call_owner) {
	(void)owner;
	(void)call;
	reply_resume(call_owner);
}

static void on_gone(void *owner, struct server_call *call, void *call_owner) {
	(void)owner;
	(void)call;
	reply_abandon(call_owner);
}

static size_t format_refusal(void *owner, int status, const char *reason, struct header *headers, struct buffer *body) {
	struct door *door = owner;
	request_id_make(&door->random, door->refusal_id);
	exception_format_body(slice_from(reason), body);
	headers[0] = (struct header){SLICE("content-type"), SLICE("application/json")};
	headers[1] = (struct header){SLICE("x-amzn-requestid"), slice_from(door->refusal_id)};
	headers[2] = (struct header){SLICE("x-amzn-errortype"), slice_from(surface_refusal_name(status))};
	headers[3] = (struct header){SLICE("x-signalbox-attempts"), SLICE("0")};
	if (door->access_log)
		access_add(&door->access, &(struct access_entry){
		                              .request_id = slice_from(door->refusal_id),
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

void door_init(struct door *door, struct loop *loop, struct mux *mux, struct mux_worker *worker,
               const struct door_settings *settings) {
	*door = (struct door){
	    .loop = loop,
	    .mux = mux,
	    .worker = worker,
	    .instance = settings->instance,
	    .access_log = settings->access_log,
	    .memory = settings->memory,
	};
	list_init(&door->replies);
	random_init_from_system(&door->random);
	access_init(&door->access, loop);
	buffer_init(&door->model_id, MODEL_ID_BYTES);
	buffer_init(&door->body, BODY_BYTES);
	door->server = server_new(loop, &settings->limits, &settings->timeouts, &events, door);
}

void door_drain(struct door *door, loop_callback on_drained, void *owner) {
	door->is_draining = true;
	server_drain(door->server, on_drained, owner);
}

// Each reply leaves the list before it is ended; one whose end is on its way already stays and ends by itself.
void door_stop(struct door *door) {
	struct list rest;
	door->is_stopping = true;
	list_init(&rest);
	while (!list_is_empty(&door->replies)) {
		struct list *link = door->replies.next;
		list_remove(link);
		list_append(&rest, link);
	}
	while (!list_is_empty(&rest)) {
		struct list *link = rest.next;
		list_remove(link);
		list_append(&door->replies, link);
		reply_stop(link);
	}
}

void door_close(struct door *door) {
	struct server *server = door->server;
	door->server = NULL;
	if (server)
		server_close(server);
	log_flush(&door->access.lines);
}

void door_free(struct door *door) {
	door_close(door);
	access_free(&door->access);
	buffer_free(&door->model_id);
	buffer_free(&door->body);
	heading_free(&door->heading);
}
