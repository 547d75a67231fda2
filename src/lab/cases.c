// SPDX-License-Identifier: Apache-2.0
// The table of cases. Their names are part of what `check` prints: don't change them.
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
#define TIMEOUT                                                                                                        \
	{                                                                                                                  \
		.kind = FAILURE_TIMEOUT, .name = {"AttemptTimeout", 14}, .message = {"the model did not answer in time", 32},  \
		.type = TYPE_TIMEOUT, .fault = FAULT_MODEL, .retry_after_ms = -1                                               \
	}

// A case: name, hooks that it shows, preset, request; then all other members that are not zero.
#define CASE(text, hooks, models, asked, ...)                                                                          \
	{ .name = text, .about = hooks, .preset = models, .request = asked, __VA_ARGS__ }

enum { ALWAYS = UINT32_MAX, REQUESTS = ABOUT_SELECT | ABOUT_PREPARE };

const struct dry_run_case dry_run_cases[] = {
    CASE("all models healthy", REQUESTS, MODELS_NEW, REQUEST_PLAIN),
    CASE("after some traffic", ABOUT_SELECT, MODELS_MEASURED, REQUEST_PLAIN),
    CASE("the first primary's breaker open", ABOUT_SELECT, FIRST_OPEN, REQUEST_PLAIN),
    CASE("the first primary's breaker half-open", ABOUT_SELECT, FIRST_HALF_OPEN, REQUEST_PLAIN),
    CASE("the first primary in cooldown", ABOUT_SELECT, FIRST_IN_COOLDOWN, REQUEST_PLAIN),
    CASE("the first primary's quota used up", ABOUT_SELECT, FIRST_QUOTA_USED, REQUEST_PLAIN),
    CASE("only fallbacks left", ABOUT_SELECT, PRIMARIES_OPEN, REQUEST_PLAIN),
    CASE("a single model left", ABOUT_SELECT, LAST_LEFT, REQUEST_PLAIN),
    CASE("all models in cooldown", ABOUT_SELECT, ALL_IN_COOLDOWN, REQUEST_PLAIN),
    CASE("all breakers open", ABOUT_SELECT, ALL_OPEN, REQUEST_PLAIN),
    CASE("another model after a failure", ABOUT_SELECT | ABOUT_PREPARE, MODELS_NEW, REQUEST_PLAIN, .occasion = 2,
         .course = THROTTLED(1)),
    CASE("a third model after two failures", ABOUT_SELECT, MODELS_NEW, REQUEST_PLAIN, .occasion = 3,
         .course = THROTTLED(2)),
    CASE("a stream", REQUESTS, MODELS_NEW, REQUEST_STREAM),
    CASE("an InvokeModel", REQUESTS, MODELS_NEW, REQUEST_INVOKE),
    CASE("an InvokeModel stream", REQUESTS, MODELS_NEW, REQUEST_INVOKE_STREAM),
    CASE("a CountTokens", REQUESTS, MODELS_NEW, REQUEST_COUNT),
    CASE("the largest body", REQUESTS, MODELS_NEW, REQUEST_LARGE, .is_brief = true),
    CASE("an empty body", REQUESTS, MODELS_NEW, REQUEST_EMPTY),
    CASE("a body that is no JSON", REQUESTS, MODELS_NEW, REQUEST_BROKEN),
    CASE("a body of wrong types", REQUESTS, MODELS_NEW, REQUEST_MISSHAPEN),
    CASE("a body nested too deep", REQUESTS, MODELS_NEW, REQUEST_DEEP),
    CASE("a hostile model name", REQUESTS, MODELS_NEW, REQUEST_ODD_NAME),
    CASE("hostile headers", REQUESTS, MODELS_NEW, REQUEST_ODD_HEADERS),
    CASE("hostile metadata", REQUESTS, MODELS_NEW, REQUEST_ODD_METADATA),
    CASE("broken metadata", REQUESTS, MODELS_NEW, REQUEST_BROKEN_METADATA),
    CASE("an unknown model asked for", ABOUT_SELECT, MODELS_NEW, REQUEST_UNKNOWN),
    CASE("an answer", ABOUT_FINISH, MODELS_NEW, REQUEST_PLAIN, .is_brief = true),
    CASE("a streamed answer", ABOUT_FINISH, MODELS_NEW, REQUEST_STREAM, .is_brief = true),
    CASE("every attempt failed", ABOUT_FINISH, MODELS_NEW, REQUEST_PLAIN, .course = THROTTLED(ALWAYS),
         .is_brief = true),
    CASE("no model could be reached", ABOUT_FINISH, MODELS_NEW, REQUEST_PLAIN,
         .course = {.failure = RESET, .failures = ALWAYS}, .is_brief = true),
    CASE("no model answered in time", ABOUT_FINISH, MODELS_NEW, REQUEST_PLAIN,
         .course = {.failure = TIMEOUT, .failures = ALWAYS}, .is_brief = true),
    CASE("a stream broke off", ABOUT_FINISH, MODELS_NEW, REQUEST_STREAM,
         .course = {.failure = RESET, .failures = ALWAYS, .breaks_off = true}, .is_brief = true),
    CASE("no model was eligible", ABOUT_FINISH, ALL_OPEN, REQUEST_PLAIN, .is_brief = true),
    CASE("no model serves it", ABOUT_FINISH, MODELS_NEW, REQUEST_UNKNOWN, .is_brief = true),
    CASE("the client left", ABOUT_FINISH, MODELS_NEW, REQUEST_PLAIN, .course = {.client_leaves = MOMENT_SENT},
         .is_brief = true),
    CASE("the client left within a stream", ABOUT_FINISH, MODELS_NEW, REQUEST_STREAM,
         .course = {.client_leaves = MOMENT_STREAMING}, .is_brief = true),
    CASE("the gateway stopped", ABOUT_FINISH, MODELS_NEW, REQUEST_PLAIN, .course = {.gateway_stops = MOMENT_SENT},
         .is_brief = true),
    CASE("ten ticks after some traffic", ABOUT_SELECT | ABOUT_TICK, MODELS_MEASURED, REQUEST_PLAIN, .ticks = 10),
    CASE("a tick while nothing is known", ABOUT_TICK, MODELS_NEW, REQUEST_PLAIN, .ticks = 1, .is_brief = true),
    CASE("a tick while all models rest", ABOUT_TICK, ALL_IN_COOLDOWN, REQUEST_PLAIN, .ticks = 1, .is_brief = true),
    CASE("a tick while all breakers are open", ABOUT_TICK, ALL_OPEN, REQUEST_PLAIN, .ticks = 1, .is_brief = true),
    {0},
};
