// SPDX-License-Identifier: Apache-2.0
#include "config/suggestion.h"

#include <stddef.h>

static const char *const validation[] = {
    "Correct the request as the message says; sending it again unchanged fails again.",
    "Check that every model of the pool supports what the request asks for.",
    NULL,
};
static const char *const throttling[] = {
    "Send the request again after retry_after_ms, or after a growing, random pause.",
    "Add models or regions to the policy, so that there is room elsewhere.",
    "Ask AWS for a higher quota of the model.",
    NULL,
};
static const char *const model_unavailable[] = {
    "Send the request again in a moment.",
    "Check that the model's id is right and that the account has access to it in the region.",
    "Add a fallback model to the policy.",
    NULL,
};
static const char *const timeout[] = {
    "Ask for a shorter answer, or stream it.",
    "Raise timeout_ms or ttft_ms in the policy if the model needs longer.",
    "Add a faster fallback model to the policy.",
    NULL,
};
static const char *const cancelled[] = {
    "Nothing needs to be done: the request was given up on this side.",
    NULL,
};
static const char *const circuit_open[] = {
    "Send the request again after retry_after_ms, when the first model returns.",
    "Look at the models' health for why their breakers opened.",
    "Add a fallback model to the policy.",
    NULL,
};
static const char *const internal[] = {
    "Send the request again in a moment.",
    "If it goes on, look into the log.",
    NULL,
};
static const char *const authentication[] = {
    "Check the credentials, and that they have not expired.",
    "Check that they may call bedrock:InvokeModel on the model.",
    NULL,
};
static const char *const network[] = {
    "Check that the endpoint is right and can be reached from here (name resolution, firewall, proxy).",
    "Send the request again in a moment.",
    "Add a model in another region to the policy.",
    NULL,
};
static const char *const unknown[] = {
    "Look at name, status and message for what the service said.",
    NULL,
};

const char *const *suggestion_list(enum error_type type) {
	switch (type) {
	case TYPE_VALIDATION:
		return validation;
	case TYPE_THROTTLING:
		return throttling;
	case TYPE_MODEL_UNAVAILABLE:
		return model_unavailable;
	case TYPE_TIMEOUT:
		return timeout;
	case TYPE_CANCELLED:
		return cancelled;
	case TYPE_CIRCUIT_OPEN:
		return circuit_open;
	case TYPE_INTERNAL:
		return internal;
	case TYPE_AUTHENTICATION:
		return authentication;
	case TYPE_NETWORK:
		return network;
	case TYPE_UNKNOWN:
		break;
	}
	return unknown;
}
