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

struct inquiry {
	struct mux *mux;
	const struct pool *pool;
	const struct observers *observers;
	const struct server_request *request;
	bool is_draining;
	struct report_time time;
	struct admin_response *response;
};

static void say(struct admin_response *response, int status, const char *message) {
	response->status = status;
	exception_format_body(slice_from(message), &response->body);
}

static void get_health(const struct inquiry *about) {
	struct system_health health;
	pool_health(about->pool, about->time.now_ms, &health);
	about->response->status = report_health(health.healthy, about->is_draining, &about->response->body);
}

static void get_health_detail(const struct inquiry *about) {
	report_health_detail(about->pool, about->time, &about->response->body);
}

static void get_stats(const struct inquiry *about) {
	report_statistics(about->pool, &about->response->body);
}

static void get_breakers(const struct inquiry *about) {
	report_breakers(about->pool, about->time, &about->response->body);
}

static void post_stats_reset(const struct inquiry *about) {
	operator_reset_statistics(about->pool, about->time.now_ms, about->observers);
	report_statistics(about->pool, &about->response->body);
}

static void get_policy(const struct inquiry *about) {
	if (about->mux)
		report_policy(about->mux, &about->response->body);
}

static void post_reload(const struct inquiry *about) {
	struct admin_response *response = about->response;
	response->is_reload = reload_call_read(about->request->query, about->request->body, &response->order);
	if (!response->is_reload)
		say(response, 400, "A reload takes nothing, ?to=VERSION, or a body {\"to\": VERSION}.");
}

static const struct {
	const char *path;
	bool changes; // is asked for by POST, the others by GET or HEAD
	void (*respond)(const struct inquiry *about);
} paths[] = {
    {"/health", false, get_health},     {"/health/detail", false, get_health_detail},
    {"/stats", false, get_stats},       {"/stats/reset", true, post_stats_reset},
    {"/breakers", false, get_breakers}, {"/policy", false, get_policy},
    {"/reload", true, post_reload},
};

static void command_breaker(const struct inquiry *about, struct slice name, struct slice command) {
	const struct model *model = pool_find(about->pool, name);
	if (!model) {
		say(about->response, 404, "No model has that name.");
		return;
	}
	for (size_t i = 0; breaker_command_names[i]; i++) {
		if (!slice_equal(command, slice_from(breaker_command_names[i])))
			continue;
		operator_command_breaker(model, (enum breaker_command)i, about->time.now_ms, about->observers);
		report_breaker(model, about->time, &about->response->body);
		return;
	}
	say(about->response, 404, "A breaker's commands are open, close and reset.");
}

// /breakers/{name}/{command}: the command is the last segment, since a name may have slashes.
static void respond_breaker(const struct inquiry *about) {
	const struct server_request *request = about->request;
	struct slice rest = slice_from_offset(request->path, sizeof "/breakers/" - 1);
	size_t end = rest.len;
	while (end && rest.ptr[end - 1] != '/')
		end--;
	struct buffer name;
	buffer_init(&name, NAME_BYTES);
	if (!slice_equal(request->method, SLICE("POST"))) {
		about->response->allow = "POST";
		say(about->response, 405, "The path takes another method.");
	} else if (end == 0 || !percent_decode(slice_of(rest.ptr, end - 1), &name)) {
		say(about->response, 404, "A breaker's path is /breakers/{name}/{open|close|reset}.");
	} else {
		command_breaker(about, buffer_slice(&name), slice_from_offset(rest, end));
	}
	buffer_free(&name);
}

static void respond_path(const struct inquiry *about) {
	const struct server_request *request = about->request;
	for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
		if (!slice_equal(request->path, slice_from(paths[i].path)))
			continue;
		if (paths[i].changes ? slice_equal(request->method, SLICE("POST"))
		                     : request_routes_is_reading(request->method)) {
			paths[i].respond(about);
			return;
		}
		about->response->allow = paths[i].changes ? "POST" : "GET, HEAD";
		say(about->response, 405, "The path takes another method.");
		return;
	}
	if (slice_starts(request->path, SLICE("/breakers/")))
		respond_breaker(about);
	else
		say(about->response, 404, "There is nothing at this path.");
}

void admin_respond(struct mux *mux, const struct pool *pool, const struct observers *observers, bool is_draining,
                   const struct server_request *request, struct report_time time, struct admin_response *response) {
	response->status = 200;
	response->allow = NULL;
	response->is_reload = false;
	buffer_clear(&response->body);
	if (request_routes_is_foreign(request->headers))
		say(response, 403, "Requests on behalf of another site are refused.");
	else
		respond_path(&(struct inquiry){mux, pool, observers, request, is_draining, time, response});
	if (response->body.failed) {
		buffer_clear(&response->body);
		say(response, 500, "The answer is too large.");
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

static void on_request(void *owner, struct server_call *call, const struct server_request *request, void **call_owner) {
	struct admin *admin = owner;
	struct policy *policy = mux_policy(admin->mux);
	struct report_time time = {.now_ms = loop_now_ms(admin->loop), .wall_ms = clock_wall_ms()};
	struct admin_response response;
	struct reload_call *pending = NULL;
	buffer_init(&response.body, BODY_BYTES);
	admin_respond(admin->mux, policy_pool(policy), admin->observers, atomic_load(admin->is_draining), request, time,
	              &response);
	policy_release(policy);
	if (response.is_reload && reload_call_start(admin->reload, response.order, call, &pending))
		say(&response, 503, "Too many reloads wait already.");
	*call_owner = pending;
	if (!pending)
		respond_now(call, &response);
	buffer_free(&response.body);
}

// Whole answers are never left to write to.
static void on_writable(void *owner, struct server_call *call, void *call_owner) {
	(void)owner;
	(void)call;
	(void)call_owner;
}

static void on_gone(void *owner, struct server_call *call, void *call_owner) {
	(void)owner;
	(void)call;
	if (call_owner)
		reload_call_abandon(call_owner);
}

static size_t format_refusal(void *owner, int status, const char *reason, struct header *headers, struct buffer *body) {
	(void)owner;
	(void)status;
	exception_format_body(slice_from(reason), body);
	headers[0] = (struct header){SLICE("content-type"), SLICE("application/json")};
	return 1;
}

static const struct server_events events = {
    .on_request = on_request,
    .on_writable = on_writable,
    .on_gone = on_gone,
    .format_refusal = format_refusal,
};

void admin_init(struct admin *admin, struct loop *loop, struct mux *mux, const struct observers *observers,
                struct reload *reload, const atomic_bool *is_draining, const struct server_timeouts *timeouts) {
	static const struct server_limits limits = {
	    .header_bytes = HEADER_BYTES, .body_bytes = REQUEST_BODY_BYTES, .connections = CONNECTIONS};
	*admin =
	    (struct admin){.loop = loop, .mux = mux, .observers = observers, .reload = reload, .is_draining = is_draining};
	admin->server = server_new(loop, &limits, timeouts, &events, admin);
}

void admin_close(struct admin *admin) {
	struct server *server = admin->server;
	admin->server = NULL;
	if (server)
		server_close(server);
}
