// SPDX-License-Identifier: Apache-2.0
// What can go wrong inside a function, as its status (0 is success), and what kind of failure a request met. What a
// client is told is no business of this file.
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

// What kind of failure a request met, as every door names it: constant, name, whether trying again later may help.
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

// Whose fault a failed attempt was, which is what the default classification goes by.
enum fault {
	FAULT_THROTTLE, // the model's quota: another model may have room
	FAULT_MODEL,    // model or service trouble, the network, a timeout: the breaker learns from it
	FAULT_OPERATOR, // refused credentials, a model that is not there: ours to mend, since we sign
	FAULT_CALLER,   // the request itself
};

// What was lacking, where a failed attempt was told.
enum shortage { SHORTAGE_NONE, SHORTAGE_TOKENS, SHORTAGE_REQUESTS, SHORTAGE_TIER };

// "validation" and so on; never NULL.
const char *error_type_name(enum error_type type);

bool error_type_is_retryable(enum error_type type);

// The text of a status; never NULL.
const char *error_text(int code);

#endif
