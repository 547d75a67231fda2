// SPDX-License-Identifier: Apache-2.0
#include "mux/answer.h"

#include "base/buffer.h"
#include "mux/engine_failure.h"

enum { NAMES_LISTED = 20, NAMES_BYTES = 16384, NAME_SHOWN = 200 };

static void say(struct mux_error *out, enum error_type type, int status, struct slice exception, struct slice message) {
	out->type = type;
	out->status = status;
	out->exception = exception;
	out->message = message;
}

// An upstream's own error, as it was. A 429 or 5xx also tells when to come back.
static void pass_on(const struct kept_error *kept, uint64_t retry_after_ms, struct mux_error *out) {
	say(out, kept->type, kept->status, kept->name, (struct slice){0});
	out->from_upstream = true;
	out->headers = kept->headers;
	out->body = kept->body;
	if (kept->status == 429 || kept->status >= 500)
		out->retry_after_ms = kept->retry_after_ms >= 0 ? kept->retry_after_ms : (int64_t)retry_after_ms;
}

struct names {
	struct slice list[NAMES_LISTED];
	size_t count; // of all different ones, up to one more than are listed
};

static void add_name(struct names *names, struct slice name) {
	size_t listed = names->count < NAMES_LISTED ? names->count : NAMES_LISTED;
	for (size_t i = 0; i < listed; i++)
		if (slice_equal(names->list[i], name))
			return;
	if (names->count < NAMES_LISTED)
		names->list[names->count] = name;
	names->count++;
}

static void collect_names(const struct pool *pool, struct names *names) {
	for (size_t i = 0; i < pool->count && names->count <= NAMES_LISTED; i++) {
		const struct model *model = &pool->models[i];
		add_name(names, slice_from(model->name));
		for (size_t j = 0; j < model->serves_count; j++)
			add_name(names, slice_from(model->serves[j]));
	}
}

static struct slice shorten(struct slice name) {
	return slice_of(name.ptr, name.len < NAME_SHOWN ? name.len : NAME_SHOWN);
}

static void not_served(const struct pool *pool, struct slice asked, struct arena *arena, struct mux_error *out) {
	struct names names = {.count = 0};
	struct buffer text;
	buffer_init(&text, NAMES_BYTES);
	collect_names(pool, &names);
	for (size_t i = 0; i < names.count && i < NAMES_LISTED; i++) {
		buffer_append(&text, i ? SLICE(", ") : SLICE(""));
		buffer_append(&text, shorten(names.list[i]));
	}
	if (names.count > NAMES_LISTED)
		buffer_append(&text, SLICE(", ..."));
	struct slice message = arena_printf(arena, "No model here serves \"%.*s\". Served are: %.*s",
	                                    SLICE_ARGS(shorten(asked)), SLICE_ARGS(buffer_slice(&text)));
	buffer_free(&text);
	say(out, TYPE_MODEL_UNAVAILABLE, 404, SLICE("ResourceNotFoundException"), message);
}

static void no_models(const struct step *step, const struct pool *pool, struct slice asked, struct arena *arena,
                      struct mux_error *out) {
	if (step->why == NO_MODELS_NOT_SERVED) {
		not_served(pool, asked, arena, out);
		return;
	}
	struct slice message = step->why == NO_MODELS_UNAVAILABLE
	                           ? SLICE("Every model that serves this request is resting or has its breaker open.")
	                           : SLICE("The routing policy chose no model for this request.");
	say(out, step->why == NO_MODELS_UNAVAILABLE ? TYPE_CIRCUIT_OPEN : TYPE_THROTTLING, 429,
	    SLICE("ThrottlingException"), message);
	out->retry_after_ms = (int64_t)step->retry_after_ms;
}

// Every attempt failed and no upstream said a word that could be passed on: the last attempt's kind decides.
static void attempts_failed(const struct step *step, const struct failure *last, struct mux_error *out) {
	if (step->all_refused) {
		say(out, TYPE_MODEL_UNAVAILABLE, 424, SLICE("ModelErrorException"), SLICE("Every model refused the request."));
	} else if (last && slice_equal(last->name, engine_failure(ENGINE_NO_CREDENTIALS).name)) {
		say(out, TYPE_AUTHENTICATION, 500, SLICE("InternalServerException"),
		    SLICE("The request could not be signed; the gateway's log says why."));
	} else if (step->error == ROUTE_DEADLINE_EXCEEDED || (last && last->kind == FAILURE_TIMEOUT)) {
		say(out, TYPE_TIMEOUT, 408, SLICE("ModelTimeoutException"), SLICE("No model answered in time."));
	} else {
		say(out, TYPE_NETWORK, 503, SLICE("ServiceUnavailableException"), SLICE("No model could be reached."));
		out->retry_after_ms = (int64_t)step->retry_after_ms;
	}
}

// Clients are told of the errors that are routing's own.
static struct slice code_of(enum route_error error) {
	bool is_told = error != ROUTE_FAILED && error != ROUTE_CANCELLED;
	return slice_from(is_told ? route_error_names[error] : NULL);
}

// Who lacked nothing but a tier has not failed: where nobody did, it is as if nobody had been asked.
static bool has_found_no_model(const struct step *step, const struct failure *last) {
	if (step->error == ROUTE_RETRIES_EXHAUSTED)
		return !last && !step->all_refused;
	return step->error == ROUTE_NO_MODELS_AVAILABLE;
}

void response_failure(const struct step *step, const struct kept_error *kept, const struct failure *last,
                      const struct pool *pool, struct slice asked, struct arena *arena, struct mux_error *out) {
	*out = (struct mux_error){.retry_after_ms = -1, .code = code_of(step->error)};
	if (kept->status)
		pass_on(kept, step->retry_after_ms, out);
	else if (has_found_no_model(step, last))
		no_models(step, pool, asked, arena, out);
	else
		attempts_failed(step, last, out);
}
