// SPDX-License-Identifier: Apache-2.0
// The table. Failures, whole answers and the names that a pool serves are situations too, made where they are known.
#include "lab/cases.h"

#define THROTTLE                                                                                                       \
	{                                                                                                                  \
		.kind = FAILURE_HTTP, .status = 429, .name = {"ThrottlingException", 19},                                      \
		.message = {"The service says why.", 21}, .type = TYPE_THROTTLING, .fault = FAULT_THROTTLE,                    \
		.retry_after_ms = -1, .shortage = SHORTAGE_REQUESTS                                                            \
	}
#define THROTTLED(times)                                                                                               \
	{ .failure = THROTTLE, .failures = times }
#define RESET                                                                                                          \
	{                                                                                                                  \
		.kind = FAILURE_NETWORK, .name = {"ConnectionReset", 15}, .message = {"the connection was reset", 24},         \
		.type = TYPE_NETWORK, .fault = FAULT_MODEL, .retry_after_ms = -1                                               \
	}
#define SILENCE                                                                                                        \
	{                                                                                                                  \
		.kind = FAILURE_TIMEOUT, .name = {"AttemptTimeout", 14}, .message = {"the model did not answer in time", 32},  \
		.type = TYPE_TIMEOUT, .fault = FAULT_MODEL, .retry_after_ms = -1                                               \
	}

// A situation: name, hooks that it is about, scenery, request; then what else is not zero.
#define IN(text, hooks, models, asked, ...)                                                                            \
	{ .name = text, .about = hooks, .preset = models, .request = asked, __VA_ARGS__ }

enum { ALWAYS = UINT32_MAX, REQUESTS = ABOUT_SELECT | ABOUT_PREPARE };

const struct dry_run_case dry_run_cases[] = {
    IN("all models healthy", REQUESTS, MODELS_NEW, REQUEST_PLAIN),
    IN("after some traffic", ABOUT_SELECT, MODELS_MEASURED, REQUEST_PLAIN),
    IN("the first primary's breaker open", ABOUT_SELECT, FIRST_OPEN, REQUEST_PLAIN),
    IN("the first primary's breaker half-open", ABOUT_SELECT, FIRST_HALF_OPEN, REQUEST_PLAIN),
    IN("the first primary resting", ABOUT_SELECT, FIRST_RESTS, REQUEST_PLAIN),
    IN("the first primary's quota used up", ABOUT_SELECT, FIRST_SPENT, REQUEST_PLAIN),
    IN("only fallbacks left", ABOUT_SELECT, PRIMARIES_OPEN, REQUEST_PLAIN),
    IN("a single model left", ABOUT_SELECT, LAST_LEFT, REQUEST_PLAIN),
    IN("all models resting", ABOUT_SELECT, ALL_REST, REQUEST_PLAIN),
    IN("all breakers open", ABOUT_SELECT, ALL_OPEN, REQUEST_PLAIN),
    IN("another model after a failure", ABOUT_SELECT | ABOUT_PREPARE, MODELS_NEW, REQUEST_PLAIN, .occasion = 2,
       .course = THROTTLED(1)),
    IN("a third model after two failures", ABOUT_SELECT, MODELS_NEW, REQUEST_PLAIN, .occasion = 3,
       .course = THROTTLED(2)),
    IN("a stream", REQUESTS, MODELS_NEW, REQUEST_STREAM),
    IN("an InvokeModel", REQUESTS, MODELS_NEW, REQUEST_INVOKE),
    IN("an InvokeModel stream", REQUESTS, MODELS_NEW, REQUEST_INVOKE_STREAM),
    IN("a CountTokens", REQUESTS, MODELS_NEW, REQUEST_COUNT),
    IN("the largest body", REQUESTS, MODELS_NEW, REQUEST_LARGE, .is_brief = true),
    IN("an empty body", REQUESTS, MODELS_NEW, REQUEST_EMPTY),
    IN("a body that is no JSON", REQUESTS, MODELS_NEW, REQUEST_BROKEN),
    IN("a body of wrong types", REQUESTS, MODELS_NEW, REQUEST_MISSHAPEN),
    IN("a body nested too deep", REQUESTS, MODELS_NEW, REQUEST_DEEP),
    IN("a hostile model name", REQUESTS, MODELS_NEW, REQUEST_ODD_NAME),
    IN("hostile headers", REQUESTS, MODELS_NEW, REQUEST_ODD_HEADERS),
    IN("hostile metadata", REQUESTS, MODELS_NEW, REQUEST_ODD_METADATA),
    IN("broken metadata", REQUESTS, MODELS_NEW, REQUEST_BROKEN_METADATA),
    IN("an unknown model asked for", ABOUT_SELECT, MODELS_NEW, REQUEST_UNKNOWN),
    IN("an answer", ABOUT_FINISH, MODELS_NEW, REQUEST_PLAIN, .is_brief = true),
    IN("a streamed answer", ABOUT_FINISH, MODELS_NEW, REQUEST_STREAM, .is_brief = true),
    IN("every attempt failed", ABOUT_FINISH, MODELS_NEW, REQUEST_PLAIN, .course = THROTTLED(ALWAYS), .is_brief = true),
    IN("no model could be reached", ABOUT_FINISH, MODELS_NEW, REQUEST_PLAIN,
       .course = {.failure = RESET, .failures = ALWAYS}, .is_brief = true),
    IN("no model answered in time", ABOUT_FINISH, MODELS_NEW, REQUEST_PLAIN,
       .course = {.failure = SILENCE, .failures = ALWAYS}, .is_brief = true),
    IN("a stream broke off", ABOUT_FINISH, MODELS_NEW, REQUEST_STREAM,
       .course = {.failure = RESET, .failures = ALWAYS, .breaks_off = true}, .is_brief = true),
    IN("no model was eligible", ABOUT_FINISH, ALL_OPEN, REQUEST_PLAIN, .is_brief = true),
    IN("no model serves it", ABOUT_FINISH, MODELS_NEW, REQUEST_UNKNOWN, .is_brief = true),
    IN("the client left", ABOUT_FINISH, MODELS_NEW, REQUEST_PLAIN, .course = {.client_leaves = MOMENT_SENT},
       .is_brief = true),
    IN("the client left within a stream", ABOUT_FINISH, MODELS_NEW, REQUEST_STREAM,
       .course = {.client_leaves = MOMENT_STREAMING}, .is_brief = true),
    IN("the gateway stopped", ABOUT_FINISH, MODELS_NEW, REQUEST_PLAIN, .course = {.gateway_stops = MOMENT_SENT},
       .is_brief = true),
    IN("ten ticks after some traffic", ABOUT_SELECT | ABOUT_TICK, MODELS_MEASURED, REQUEST_PLAIN, .ticks = 10),
    IN("a tick while nothing is known", ABOUT_TICK, MODELS_NEW, REQUEST_PLAIN, .ticks = 1, .is_brief = true),
    IN("a tick while all models rest", ABOUT_TICK, ALL_REST, REQUEST_PLAIN, .ticks = 1, .is_brief = true),
    IN("a tick while all breakers are open", ABOUT_TICK, ALL_OPEN, REQUEST_PLAIN, .ticks = 1, .is_brief = true),
    {0},
};
