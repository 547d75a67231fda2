// SPDX-License-Identifier: Apache-2.0
// Status codes of functions (0 is success), and the kinds of failures that a request can have. How a failure is
// reported to a client is decided elsewhere.
#ifndef BASE_ERROR_H
#define BASE_ERROR_H

#include <stdbool.h>

#define ERROR_LIST(X)                                                                                                  \
	X(ERROR_LIMIT, "a size limit is reached")                                                                          \
	X(ERROR_MEMORY, "out of memory")                                                                                   \
	X(ERROR_INVALID, "invalid input")                                                                                  \
	X(ERROR_NOT_FOUND, "not found")                                                                                    \
	X(ERROR_MISSING, "missing")                                                                                        \
	X(ERROR_IO, "input or output failed")                                                                              \
	X(ERROR_IN_USE, "already in use")                                                                                  \
	X(ERROR_BUSY, "busy")                                                                                              \
	X(ERROR_CRYPTO, "a cryptographic operation failed")

enum error_code {
	ERROR_NONE = 0,
#define X(code, text) code,
	ERROR_LIST(X)
#undef X
};

// The kind of a request's failure, under the same name in every interface: constant, name, whether a later retry may
// succeed.
#define ERROR_TYPE_LIST(X)                                                                                             \
	X(TYPE_VALIDATION, "validation", false)                                                                            \
	X(TYPE_THROTTLING, "throttling", true)                                                                             \
	X(TYPE_MODEL_UNAVAILABLE, "model_unavailable", true)                                                               \
	X(TYPE_TIMEOUT, "timeout", true)                                                                                   \
	X(TYPE_CANCELLED, "cancelled", false)                                                                              \
	X(TYPE_CIRCUIT_OPEN, "circuit_open", true)                                                                         \
	X(TYPE_INTERNAL, "internal", true)                                                                                 \
	X(TYPE_AUTHENTICATION, "authentication", false)                                                                    \
	X(TYPE_NETWORK, "network", true)                                                                                   \
	X(TYPE_UNKNOWN, "unknown", false)

enum error_type {
#define X(constant, name, retryable) constant,
	ERROR_TYPE_LIST(X)
#undef X
};

// The cause of a failed attempt. The default classification depends on it.
enum fault {
	FAULT_THROTTLE, // the model's quota is used up; another model may have capacity
	FAULT_MODEL,    // a failure of the model, the service or the network, or a timeout; counts for the breaker
	FAULT_OPERATOR, // refused credentials or an unknown model: the operator has to fix the configuration
	FAULT_CALLER,   // the request itself
	FAULT_GATEWAY,  // this process, which lacks descriptors, memory, threads or ports; nothing is learnt of the model
};

// What a failed attempt lacked, if the response says so.
enum shortage { SHORTAGE_NONE, SHORTAGE_TOKENS, SHORTAGE_REQUESTS, SHORTAGE_TIER };

// "validation" and so on; never NULL.
const char *error_type_name(enum error_type type);

bool error_type_is_retryable(enum error_type type);

// The text of a status; never NULL.
const char *error_text(int code);

#endif
