// SPDX-License-Identifier: Apache-2.0
// The entry: separates the control path from the service's paths, checks credentials, operation and model, and passes
// valid requests to response.c. Every request gets one response, here or there.
#include "emulator/emulator.h"

#include <stdlib.h>
#include <string.h>

#include "aws/exception.h"
#include "aws/request_shape.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/memory.h"
#include "emulator/control.h"
#include "emulator/emulator_state.h"
#include "emulator/respond.h"

enum { BODY_BYTES = 128 << 20, FRAMES_BYTES = 1 << 20, ID_BYTES_MAX = 2048, EXCEPTIONS_MAX = 63 };

// Like the service's: bodies of 25 MB, and long timeouts.
static const struct server_limits limits = {.header_bytes = 65536, .body_bytes = 26214400, .connections = 100000};
static const struct server_timeouts timeouts = {
    .header_ms = 60000, .body_ms = 60000, .write_ms = 600000, .client_idle_ms = 300000};

uint64_t emulator_now_ms(const struct emulator *emulator) {
	return (uint64_t)((double)(loop_now_ms(emulator->loop) - emulator->started_ms) * emulator->speed);
}

const char *const *emulator_exception_names(void) {
	static const char *names[EXCEPTIONS_MAX + 1];
	for (size_t i = 0; !names[i] && i < EXCEPTIONS_MAX && exception_at(i); i++)
		names[i] = exception_at(i)->name;
	return names;
}

static void emulator_reject(struct emulator *emulator, struct server_call *call, const char *name, int status,
                            const char *message) {
	emulator->counters.rejected++;
	respond_exception(emulator, call, name, status, message, 0);
}

// The service's errors for unreadable bodies. Those of InvokeModel come from the model.
static void emulator_reject_body(struct emulator *emulator, struct server_call *call, enum operation operation) {
	if (operation_is_invoke(operation))
		emulator_reject(emulator, call, "ValidationException", 400, respond_message("ValidationException"));
	else
		emulator_reject(emulator, call, "SerializationException", 400, "The request's body is no JSON object.");
}

static void emulator_begin_call(struct emulator *emulator, struct server_call *call,
                                const struct server_request *request, enum operation operation, struct slice model,
                                void **call_owner) {
	struct prompt prompt;
	struct request_shape shape;
	request_shape_read(request->body, &shape);
	struct slice tier = request_shape_tier(operation, request->headers, &shape);
	struct behaviour *behaviour = world_find(emulator->world, model);
	if (operation < OPERATION_CONVERSE || operation > OPERATION_COUNT_TOKENS ||
	    operation == OPERATION_INVOKE_MODEL_BIDIRECTIONAL)
		emulator_reject(emulator, call, "UnknownOperationException", 404, "The emulator has no such operation.");
	else if (!behaviour)
		emulator_reject(emulator, call, "ValidationException", 400, "The provided model identifier is invalid.");
	else if (prompt_read(operation, request->body, &shape, &prompt))
		emulator_reject_body(emulator, call, operation);
	else if (operation_is_converse(operation) && !prompt.has_messages)
		emulator_reject(
		    emulator, call, "ValidationException", 400,
		    "A conversation must start with a user message. Try again with a conversation that starts with a user "
		    "message.");
	else if (tier.len && (prompt.tier = service_tier_find(tier)) == TIER_NONE)
		emulator_reject(emulator, call, "ValidationException", 400, "The service tier provided is invalid.");
	else
		response_begin(emulator, call, operation, behaviour, &prompt, call_owner);
}

static void emulator_route(struct emulator *emulator, struct server_call *call, const struct server_request *request,
                           void **call_owner) {
	enum operation operation = OPERATION_UNKNOWN;
	struct buffer model;
	buffer_init(&model, ID_BYTES_MAX);
	switch (operation_parse(request->method, request->path, &operation, &model)) {
	case OPERATION_MATCHED:
		emulator_begin_call(emulator, call, request, operation, buffer_slice(&model), call_owner);
		break;
	case OPERATION_BAD_MODEL_ID:
		emulator_reject(emulator, call, "ValidationException", 400, "The provided model identifier is invalid.");
		break;
	case OPERATION_BAD_PATH:
	case OPERATION_NO_SUCH_PATH:
	case OPERATION_WRONG_METHOD:
		emulator_reject(emulator, call, "UnknownOperationException", 404, "There is no such operation.");
		break;
	}
	buffer_free(&model);
}

static void emulator_on_request(void *owner, struct server_call *call, const struct server_request *request,
                                void **call_owner) {
	struct emulator *emulator = owner;
	*call_owner = NULL;
	if (control_owns(request->path)) {
		control_respond(emulator, call, request);
		return;
	}
	const struct sigv4_refusal *refusal =
	    authentication_check(emulator->authentication, request, clock_wall_ms() / 1000);
	if (refusal)
		emulator_reject(emulator, call, refusal->exception, refusal->status, refusal->message);
	else
		emulator_route(emulator, call, request, call_owner);
}

static void emulator_on_writable(void *owner, struct server_call *call, void *call_owner) {
	(void)owner;
	(void)call;
	if (call_owner)
		response_on_writable(call_owner);
}

static void emulator_on_gone(void *owner, struct server_call *call, void *call_owner) {
	(void)owner;
	(void)call;
	if (call_owner)
		response_on_gone(call_owner);
}

static size_t emulator_format_refusal(void *owner, int status, const char *reason, struct header *headers,
                                      struct buffer *body) {
	(void)owner;
	(void)status;
	headers[0] = (struct header){SLICE("content-type"), SLICE("application/json")};
	headers[1] = (struct header){SLICE("x-amzn-errortype"), SLICE("ValidationException")};
	exception_format_body(slice_from(reason), body);
	return 2;
}

static const struct server_events events = {
    .on_request = emulator_on_request,
    .on_writable = emulator_on_writable,
    .on_gone = emulator_on_gone,
    .format_refusal = emulator_format_refusal,
};

static bool is_loopback(const char *address) {
	struct slice text = slice_from(address);
	return slice_starts(text, SLICE("127.")) || slice_starts(text, SLICE("[::1]:")) ||
	       slice_starts(text, SLICE("localhost:")) || slice_starts(text, SLICE("unix:"));
}

struct emulator *emulator_new(struct loop *loop, const struct scenario *scenario,
                              const struct emulator_settings *settings, const char **message) {
	struct emulator *emulator = memory_new(1, sizeof *emulator);
	*emulator = (struct emulator){.loop = loop, .speed = settings->speed, .started_ms = loop_now_ms(loop)};
	emulator->controllable = is_loopback(settings->listen);
	random_init(&emulator->random, scenario->seed);
	buffer_init(&emulator->body, BODY_BYTES);
	buffer_init(&emulator->frames, FRAMES_BYTES);
	events_scratch_init(&emulator->events);
	emulator->world = world_new(scenario);
	emulator->server = server_new(loop, &limits, &timeouts, &events, emulator);
	emulator->authentication = authentication_new(settings->keys, settings->bearer);
	if (emulator->authentication &&
	    server_listen_tls(emulator->server, settings->listen, false, settings->tls, message) == 0)
		return emulator;
	if (!emulator->authentication)
		*message = "libcrypto has no SHA-256";
	emulator_close(emulator);
	return NULL;
}

const char *emulator_address(const struct emulator *emulator) {
	return server_address(emulator->server, 0);
}

void emulator_close(struct emulator *emulator) {
	server_close(emulator->server);
	authentication_free(emulator->authentication);
	world_free(emulator->world);
	counters_free(&emulator->counters);
	buffer_free(&emulator->body);
	buffer_free(&emulator->frames);
	events_scratch_free(&emulator->events);
	free(emulator);
}
