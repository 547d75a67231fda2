// SPDX-License-Identifier: Apache-2.0
// The failures of attempts. Those that the service did not report are one list: the exchange's and the engine's own;
// their names appear in logs and policies. Those that the service reported come from its exceptions.
#ifndef MUX_ENGINE_FAILURE_H
#define MUX_ENGINE_FAILURE_H

#include "http/exchange.h"
#include "route/decide.h"

struct exception_report;

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
	X(ENGINE_OUT_OF_MEMORY, FAILURE_NETWORK, TYPE_NETWORK, FAULT_GATEWAY, "OutOfMemory",                               \
	  "there is no memory for the request")                                                                            \
	X(ENGINE_NO_CREDENTIALS, FAILURE_NETWORK, TYPE_AUTHENTICATION, FAULT_OPERATOR, "NoCredentials",                    \
	  "there are no credentials to sign with")

// The exchange's come first, with the numbers of enum exchange_failure.
enum engine_failure {
#define X(constant, name, text) ENGINE_##constant,
	EXCHANGE_FAILURE_LIST(X)
#undef X
#define X(constant, kind, type, fault, name, text) constant,
	    ENGINE_OWN_FAILURE_LIST(X)
#undef X
	        ENGINE_FAILURES
};

// The failure for routing, without times and tier. Its texts are static.
struct failure engine_failure(enum engine_failure which);

// The failure for routing that the service reported, without times and tier. Its texts are the report's.
struct failure engine_failure_reported(enum failure_kind kind, const struct exception_report *report);

#endif
