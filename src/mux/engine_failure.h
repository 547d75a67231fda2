// SPDX-License-Identifier: Apache-2.0
// Every failure of an attempt that the service did not name, in one list: the exchange's and the engine's own. Logs and
// policies know them by their names.
#ifndef MUX_ENGINE_FAILURE_H
#define MUX_ENGINE_FAILURE_H

#include "http/exchange.h"
#include "route/decide.h"

// The engine's own: constant, kind, type, fault, name, message.
#define ENGINE_OWN_FAILURE_LIST(X)                                                                                     \
	X(ENGINE_FOREIGN_RESPONSE, FAILURE_NETWORK, TYPE_NETWORK, FAULT_MODEL, "ForeignAnswer",                            \
	  "the answer is not of the operation's content type")                                                             \
	X(ENGINE_RESPONSE_TOO_LARGE, FAILURE_NETWORK, TYPE_NETWORK, FAULT_MODEL, "AnswerTooLarge",                         \
	  "the answer is larger than limits.response_bytes")                                                               \
	X(ENGINE_ATTEMPT_TIMEOUT, FAILURE_TIMEOUT, TYPE_TIMEOUT, FAULT_MODEL, "AttemptTimeout",                            \
	  "the model did not answer in time")                                                                              \
	X(ENGINE_STREAM_STALLED, FAILURE_TIMEOUT, TYPE_TIMEOUT, FAULT_MODEL, "StreamStalled", "the stream fell silent")    \
	X(ENGINE_STREAM_ENDED_EARLY, FAILURE_STREAM, TYPE_NETWORK, FAULT_MODEL, "StreamEndedEarly",                        \
	  "the stream ended before its message did")                                                                       \
	X(ENGINE_CORRUPT_FRAME, FAILURE_STREAM, TYPE_NETWORK, FAULT_MODEL, "CorruptFrame",                                 \
	  "the stream ended within a frame")                                                                               \
	X(ENGINE_PROTOCOL_ERROR, FAILURE_STREAM, TYPE_NETWORK, FAULT_MODEL, "ProtocolError",                               \
	  "a frame is neither an event nor an exception")                                                                  \
	X(ENGINE_GATEWAY_STOPPING, FAILURE_NETWORK, TYPE_NETWORK, FAULT_MODEL, "GatewayStopping",                          \
	  "the gateway is shutting down")                                                                                  \
	X(ENGINE_NO_CREDENTIALS, FAILURE_NETWORK, TYPE_AUTHENTICATION, FAULT_OPERATOR, "NoCredentials",                    \
	  "there are no credentials to sign with")

// The exchange's come first, by their own numbers.
enum engine_failure {
#define X(constant, name, text) ENGINE_##constant,
	EXCHANGE_FAILURE_LIST(X)
#undef X
#define X(constant, kind, type, fault, name, text) constant,
	    ENGINE_OWN_FAILURE_LIST(X)
#undef X
	        ENGINE_FAILURES
};

// The failure as routing is told of it, without times and tier; its texts live for ever.
struct failure engine_failure(enum engine_failure which);

#endif
