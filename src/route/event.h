// SPDX-License-Identifier: Apache-2.0
// What happens in routing, told to whoever listens. Events carry model, request id, latency and outcome, never content
// or credentials.
#ifndef ROUTE_EVENT_H
#define ROUTE_EVENT_H

#include <stdint.h>

#include "base/slice.h"

#define EVENT_LIST(X)                                                                                                  \
	X(EVENT_REQUEST, "request")                                                                                        \
	X(EVENT_SUCCESS, "success")                                                                                        \
	X(EVENT_ERROR, "error")                                                                                            \
	X(EVENT_MODEL_SELECTED, "model-selected")                                                                          \
	X(EVENT_MODEL_CIRCUIT_OPEN_SKIPPED, "model-circuit-open-skipped")                                                  \
	X(EVENT_MODEL_INVOCATION_START, "model-invocation-start")                                                          \
	X(EVENT_MODEL_INVOCATION_COMPLETE, "model-invocation-complete")                                                    \
	X(EVENT_REFUSAL_DETECTED, "refusal-detected")                                                                      \
	X(EVENT_TIER_ESCALATION, "tier-escalation")                                                                        \
	X(EVENT_TIER_ESCALATION_SUCCESS, "tier-escalation-success")                                                        \
	X(EVENT_TIER_ESCALATION_FAILURE, "tier-escalation-failure")                                                        \
	X(EVENT_STATS_RESET, "stats-reset")                                                                                \
	X(EVENT_POLICY_RELOADED, "policy-reloaded")                                                                        \
	X(EVENT_POLICY_REJECTED, "policy-rejected")                                                                        \
	X(EVENT_POLICY_ERROR, "policy-error")                                                                              \
	X(EVENT_POLICY_DISABLED, "policy-benched")                                                                         \
	X(EVENT_BREAKER_CHANGED, "breaker-changed")                                                                        \
	X(EVENT_MODEL_COOLDOWN, "model-cooldown")

enum event_kind {
#define X(constant, name) constant,
	EVENT_LIST(X)
#undef X
};

// Everything is borrowed for the call. Fields that a kind has no use for are zero.
struct route_event {
	enum event_kind kind;
	struct slice request_id;
	struct slice model;  // its name; none where a selection chose none and says why
	struct slice detail; // outcome, breaker state, exception name, or a reason
	uint64_t latency_ms; // of an invocation or request; of a cooldown: how long
	uint32_t attempt;
};

typedef void (*route_event_callback)(void *owner, const struct route_event *event);

// "model-selected" and so on; never NULL.
const char *event_name(enum event_kind kind);

#endif
