// SPDX-License-Identifier: Apache-2.0
#include "gateway/admin.h"

#include "aws/exception.h"
#include "aws/percent.h"
#include "base/clock.h"
#include "gateway/reload_call.h"
#include "gateway/request_routes.h"
#include "route/operator.h"
#include "route/state.h"

enum {
	BODY_BYTES = 16 * 1024 * 1024, // thousands of models
	NAME_BYTES = 8192,
	HEADER_BYTES = 16 * 1024,
	REQUEST_BODY_BYTES = 16 * 1024,
	CONNECTIONS = 256,
};

struct admin_context {
	struct mux *mux;
	const struct pool *pool;
	const struct observers *observers;
	const struct server_request *request;
	bool is_draining;
	struct report_time time;
	struct admin_response *response;
};

static void respond_message(struct admin_response *response, int status, const char *message) {
	response->status = status;
	exception_format_body(slice_from(message), &response->body);
}

static void get_health(const struct admin_context *context) {
	struct system_health health;
	pool_health(context->pool, context->time.now_ms, &health);
	context->response->status = report_health(health.healthy, context->is_draining, &context->response->body);
}

static void get_health_detail(const struct admin_context *context) {
	struct policy *policy = context->mux ? mux_policy(context->mux) : NULL;
	report_health_detail(policy ? policy_pool(policy) : context->pool, policy, context->time, &context->response->body);
	if (policy)
		policy_release(policy);
}

static void get_stats(const struct admin_context *context) {
	report_statistics(context->pool, &context->response->body);
}

static void get_breakers(const struct admin_context *context) {
	report_breakers(context->pool, context->time, &context->response->body);
}

static void post_stats_reset(const struct admin_context *context) {
	operator_reset_statistics(context->pool, context->time.now_ms, context->observers);
	report_statistics(context->pool, &context->response->body);
}

static void get_policy(const struct admin_context *context) {
	if (context->mux)
		report_policy(context->mux, &context->response->body);
}

static void post_reload(const struct admin_context *context) {
	struct admin_response *response = context->response;
	response->is_reload = reload_call_read(context->request->query, context->request->body, &response->order);
	if (!response->is_reload)
		respond_message(response, 400, "A reload takes nothing, ?to=VERSION, or a body {\"to\": VERSION}.");
}

static const struct {
	const char *path;
	bool changes; // requested by POST, the others by GET or HEAD
	void (*respond)(const struct admin_context *context);
} paths[] = {
    {"/health", false, get_health},     {"/health/detail", false, get_health_detail},
    {"/stats", false, get_stats},       {"/stats/reset", true, post_stats_reset},
    {"/breakers", false, get_breakers}, {"/policy", false, get_policy},
    {"/reload", true, post_reload},
};

static void command_breaker(const struct admin_context *context, struct slice name, struct slice command) {
	const struct model *model = pool_find(context->pool, name);
	if (!model) {
		respond_message(context->response, 404, "No model has that name.");
		return;
	}
	for (size_t i = 0; breaker_command_names[i]; i++) {
		if (!slice_equal(command, slice_from(breaker_command_names[i])))
			continue;
		operator_command_breaker(model, (enum breaker_command)i, context->time.now_ms, context->observers);
		report_breaker(model, context->time, &context->response->body);
		return;
	}
	respond_message(context->response, 404, "A breaker's commands are open, close and reset.");
}

// /breakers/{name}/{command}. The command is the last segment, since a name may contain slashes.
static void respond_breaker(const struct admin_context *context) {
	const struct server_request *request = context->request;
	struct slice rest = slice_from_offset(request->path, sizeof "/breakers/" - 1);
	size_t end = rest.len;
	while (end && rest.ptr[end - 1] != '/')
		end--;
	struct buffer name;
	buffer_init(&name, NAME_BYTES);
	if (!slice_equal(request->method, SLICE("POST"))) {
		context->response->allow = "POST";
		respond_message(context->response, 405, "The path takes another method.");
	} else if (end == 0 || !percent_decode(slice_of(rest.ptr, end - 1), &name)) {
		respond_message(context->response, 404, "A breaker's path is /breakers/{name}/{open|close|reset}.");
	} else {
		command_breaker(context, buffer_slice(&name), slice_from_offset(rest, end));
	}
	buffer_free(&name);
}

static void respond_path(const struct admin_context *context) {
	const struct server_request *request = context->request;
	for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
		if (!slice_equal(request->path, slice_from(paths[i].path)))
			continue;
		if (paths[i].changes ? slice_equal(request->method, SLICE("POST"))
		                     : request_routes_is_reading(request->method)) {
			paths[i].respond(context);
			return;
		}
		context->response->allow = paths[i].changes ? "POST" : "GET, HEAD";
		respond_message(context->response, 405, "The path takes another method.");
		return;
	}
	if (slice_starts(request->path, SLICE("/breakers/")))
		respond_breaker(context);
	else
		respond_message(context->response, 404, "There is nothing at this path.");
}

void admin_respond(struct mux *mux, const struct pool *pool, const struct observers *observers, bool is_draining,
                   const struct request_hosts *hosts, const struct server_request *request, struct report_time time,
                   struct admin_response *response) {
	response->status = 200;
	response->allow = NULL;
	response->is_reload = false;
	buffer_clear(&response->body);
	const char *foreign = request_routes_foreign(request, hosts);
	if (foreign)
		respond_message(response, 403, foreign);
	else
		respond_path(&(struct admin_context){mux, pool, observers, request, is_draining, time, response});
	if (response->body.failed) {
		buffer_clear(&response->body);
		respond_message(response, 500, "The answer is too large.");
	}
}

static void respond_now(struct server_call *call, const struct admin_response *response) {
	struct header headers[] = {
	    {SLICE("content-type"), SLICE("application/json")},
	    {SLICE("cache-control"), SLICE("no-store")},
	    {SLICE("allow"), slice_from(response->allow)},
	};
	server_respond(call, response->status, (struct headers){headers, response->allow ? 3 : 2},
	               buffer_slice(&response->body));
}

static void admin_on_request(void *owner, struct server_call *call, const struct server_request *request,
                             void **call_owner) {
	struct admin *admin = owner;
	struct policy *policy = mux_policy(admin->mux);
	struct report_time time = {.now_ms = loop_now_ms(admin->loop), .wall_ms = clock_wall_ms()};
	struct admin_response response;
	struct reload_call *pending = NULL;
	buffer_init(&response.body, BODY_BYTES);
	admin_respond(admin->mux, policy_pool(policy), admin->observers, atomic_load(admin->is_draining), &admin->hosts,
	              request, time, &response);
	policy_release(policy);
	if (response.is_reload && reload_call_start(admin->reload, response.order, call, &pending))
		respond_message(&response, 503, "Too many reloads wait already.");
	*call_owner = pending;
	if (!pending)
		respond_now(call, &response);
	buffer_free(&response.body);
}

// server_respond takes the whole response: there is never more to write.
static void admin_on_writable(void *owner, struct server_call *call, void *call_owner) {
	(void)owner;
	(void)call;
	(void)call_owner;
}

static void admin_on_gone(void *owner, struct server_call *call, void *call_owner) {
	(void)owner;
	(void)call;
	if (call_owner)
		reload_call_abandon(call_owner);
}

static size_t admin_format_refusal(void *owner, int status, const char *reason, struct header *headers,
                                   struct buffer *body) {
	(void)owner;
	(void)status;
	exception_format_body(slice_from(reason), body);
	headers[0] = (struct header){SLICE("content-type"), SLICE("application/json")};
	return 1;
}

static const struct server_events events = {
    .on_request = admin_on_request,
    .on_writable = admin_on_writable,
    .on_gone = admin_on_gone,
    .format_refusal = admin_format_refusal,
};

void admin_init(struct admin *admin, struct loop *loop, struct mux *mux, const struct observers *observers,
                struct reload *reload, const atomic_bool *is_draining, const struct address_list *allowed_hosts,
                const struct server_timeouts *timeouts) {
	static const struct server_limits limits = {
	    .header_bytes = HEADER_BYTES, .body_bytes = REQUEST_BODY_BYTES, .connections = CONNECTIONS};
	*admin =
	    (struct admin){.loop = loop, .mux = mux, .observers = observers, .reload = reload, .is_draining = is_draining};
	admin->hosts = (struct request_hosts){.are_checked = true, .listed = allowed_hosts};
	admin->server = server_new(loop, &limits, timeouts, &events, admin);
}

void admin_close(struct admin *admin) {
	struct server *server = admin->server;
	admin->server = NULL;
	if (server)
		server_close(server);
}
