// SPDX-License-Identifier: Apache-2.0
// An upstream's own error takes precedence; without one the last attempt's failure decides.
#include "route/error_response.h"

#include "base/buffer.h"

enum { NAMES_LISTED = 20, NAMES_BYTES = 16384, NAME_SHOWN = 200 };

// EXHAUSTED_RETRY_MS is also what a client gets beyond limits.memory_bytes: memory is free again when requests end.
enum { STOPPED_RETRY_MS = 1000, EXHAUSTED_RETRY_MS = 2000, LACKING_RETRY_MS = 1000 };

void attempt_failures_note(struct attempt_failures *failures, uint32_t attempt, const struct failure *failure) {
	failures->has_failed = true;
	failures->last = *failure;
	if (failure->status == 0)
		return;
	failures->upstream = *failure;
	failures->upstream_attempt = attempt;
}

enum outcome attempt_failures_outcome(const struct attempt_failures *failures) {
	bool is_throttle = failures->has_failed && failures->last.fault == FAULT_THROTTLE;
	return is_throttle ? OUTCOME_RATE_LIMIT : OUTCOME_FAIL_FAST;
}

static void set_error(struct error_response *out, enum error_type type, int status, struct slice exception,
                      struct slice message) {
	out->type = type;
	out->status = status;
	out->exception = exception;
	out->message = message;
}

static void set_throttling(struct error_response *out, enum error_type type, struct slice message,
                           uint64_t retry_after_ms) {
	set_error(out, type, 429, SLICE("ThrottlingException"), message);
	out->retry_after_ms = (int64_t)retry_after_ms;
}

// An upstream's own error, unchanged. A 429 or 5xx also gets a retry-after.
static void set_upstream_error(const struct attempt_failures *failures, uint64_t retry_after_ms,
                               struct error_response *out) {
	const struct failure *failure = &failures->upstream;
	set_error(out, failure->type, failure->status, failure->name.len ? failure->name : failure->exception,
	          (struct slice){0});
	out->from_upstream = true;
	out->attempt = failures->upstream_attempt;
	if (failure->status == 429 || failure->status >= 500)
		out->retry_after_ms = failure->retry_after_ms >= 0 ? failure->retry_after_ms : (int64_t)retry_after_ms;
}

struct names {
	struct slice list[NAMES_LISTED];
	size_t count; // of different names, up to one more than are listed
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

static void set_not_served(const struct pool *pool, struct slice asked, struct arena *arena,
                           struct error_response *out) {
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
	set_error(out, TYPE_MODEL_UNAVAILABLE, 404, SLICE("ResourceNotFoundException"), message);
}

static void set_no_models(const struct step *step, const struct pool *pool, struct slice asked, struct arena *arena,
                          struct error_response *out) {
	switch (step->why) {
	case NO_MODELS_NOT_SERVED:
		set_not_served(pool, asked, arena, out);
		break;
	case NO_MODELS_UNAVAILABLE:
		set_throttling(
		    out, TYPE_CIRCUIT_OPEN,
		    SLICE("Every model that serves this request is in cooldown, over its quota or has its breaker open."),
		    step->retry_after_ms);
		break;
	case NO_MODELS_NONE_SELECTED:
		set_throttling(out, TYPE_THROTTLING, SLICE("The routing policy chose no model for this request."),
		               step->retry_after_ms);
		break;
	}
}

// Every attempt failed, and no upstream sent an error that can be forwarded.
static void set_attempts_failed(const struct step *step, const struct attempt_failures *failures,
                                struct error_response *out) {
	const struct failure *last = failures->has_failed ? &failures->last : NULL;
	if (step->all_refused) {
		set_error(out, TYPE_MODEL_UNAVAILABLE, 424, SLICE("ModelErrorException"),
		          SLICE("Every model refused the request."));
		out->outcome = OUTCOME_REFUSAL;
	} else if (last && last->fault == FAULT_GATEWAY) {
		// A 429, as for the gateway's memory: it is for clients to slow down, and no model is to blame.
		set_throttling(out, TYPE_THROTTLING, SLICE("The gateway is short of system resources, please try again."),
		               LACKING_RETRY_MS);
	} else if (last && last->type == TYPE_AUTHENTICATION) {
		set_error(out, TYPE_AUTHENTICATION, 500, SLICE("InternalServerException"),
		          SLICE("The request could not be signed; the gateway's log says why."));
	} else if (step->error == ROUTE_DEADLINE_EXCEEDED || (last && last->kind == FAILURE_TIMEOUT)) {
		set_error(out, TYPE_TIMEOUT, 408, SLICE("ModelTimeoutException"), SLICE("No model answered in time."));
	} else {
		set_error(out, TYPE_NETWORK, 503, SLICE("ServiceUnavailableException"), SLICE("No model could be reached."));
		out->retry_after_ms = (int64_t)step->retry_after_ms;
	}
}

// Not an upstream's error: the policy might not let that through either.
static void set_policy_failed(struct error_response *out) {
	out->outcome = OUTCOME_FAIL_FAST;
	set_error(out, TYPE_INTERNAL, 503, SLICE("ServiceUnavailableException"),
	          SLICE("The routing policy failed at this request, which it then refuses; the gateway's log says why."));
}

static struct slice code_of(enum route_error error) {
	bool has_code = error == ROUTE_NO_MODELS_AVAILABLE || error == ROUTE_RETRIES_EXHAUSTED ||
	                error == ROUTE_DEADLINE_EXCEEDED || error == ROUTE_REFUSED || error == ROUTE_POLICY_FAILED;
	return slice_from(has_code ? route_error_names[error] : NULL);
}

// A missing tier is no failure: if nothing else failed, no model was available.
static bool has_found_no_model(const struct step *step, const struct attempt_failures *failures) {
	if (step->error == ROUTE_RETRIES_EXHAUSTED)
		return !failures->has_failed && !step->all_refused;
	return step->error == ROUTE_NO_MODELS_AVAILABLE;
}

void error_response_make(const struct step *step, const struct attempt_failures *failures, const struct pool *pool,
                         struct slice asked, struct arena *arena, struct error_response *out) {
	*out = (struct error_response){.outcome = attempt_failures_outcome(failures), .retry_after_ms = -1};
	if (arena->is_exhausted) {
		set_throttling(out, TYPE_THROTTLING,
		               SLICE("The request is over its memory: the models that were tried have said too much."),
		               EXHAUSTED_RETRY_MS);
		return;
	}
	out->code = code_of(step->error);
	if (step->error == ROUTE_STOPPED) {
		out->outcome = OUTCOME_CANCELLED;
		set_throttling(out, TYPE_THROTTLING, SLICE("The gateway is shutting down, please try again."),
		               STOPPED_RETRY_MS);
	} else if (step->error == ROUTE_REFUSED) {
		set_error(out, TYPE_VALIDATION, 400, SLICE("ValidationException"), step->refusal);
		out->outcome = OUTCOME_FAIL_FAST;
	} else if (step->error == ROUTE_POLICY_FAILED) {
		set_policy_failed(out);
	} else if (failures->upstream.status) {
		set_upstream_error(failures, step->retry_after_ms, out);
	} else if (has_found_no_model(step, failures)) {
		set_no_models(step, pool, asked, arena, out);
	} else {
		set_attempts_failed(step, failures, out);
	}
}
