// SPDX-License-Identifier: Apache-2.0
// The names of the engine's failures, which must not change: logs, policies and dashboards rely on them.
#include "mux/engine_failure.h"

#include "../check.h"

static const struct row {
	enum engine_failure which;
	const char *name;
	enum failure_kind kind;
} ROWS[] = {
    {ENGINE_EXCHANGE_RESOLVE, "ResolveFailed", FAILURE_NETWORK},
    {ENGINE_EXCHANGE_REFUSED, "ConnectionRefused", FAILURE_NETWORK},
    {ENGINE_EXCHANGE_CONNECT, "ConnectFailed", FAILURE_NETWORK},
    {ENGINE_EXCHANGE_CONNECT_TIMEOUT, "ConnectTimeout", FAILURE_NETWORK},
    {ENGINE_EXCHANGE_TLS, "TlsFailed", FAILURE_NETWORK},
    {ENGINE_EXCHANGE_CERTIFICATE, "CertificateRefused", FAILURE_NETWORK},
    {ENGINE_EXCHANGE_PROXY, "ProxyFailed", FAILURE_NETWORK},
    {ENGINE_EXCHANGE_RESET, "ConnectionReset", FAILURE_NETWORK},
    {ENGINE_EXCHANGE_CLOSED, "ConnectionClosed", FAILURE_NETWORK},
    {ENGINE_EXCHANGE_TRUNCATED, "AnswerTruncated", FAILURE_NETWORK},
    {ENGINE_EXCHANGE_MALFORMED, "MalformedAnswer", FAILURE_NETWORK},
    {ENGINE_EXCHANGE_HEAD_TOO_LARGE, "HeadTooLarge", FAILURE_NETWORK},
    {ENGINE_EXCHANGE_EXHAUSTED, "GatewayExhausted", FAILURE_NETWORK},
    {ENGINE_FOREIGN_RESPONSE, "ForeignAnswer", FAILURE_NETWORK},
    {ENGINE_RESPONSE_TOO_LARGE, "AnswerTooLarge", FAILURE_NETWORK},
    {ENGINE_ATTEMPT_TIMEOUT, "AttemptTimeout", FAILURE_TIMEOUT},
    {ENGINE_STREAM_STALLED, "StreamStalled", FAILURE_TIMEOUT},
    {ENGINE_STREAM_ENDED_EARLY, "StreamEndedEarly", FAILURE_STREAM},
    {ENGINE_CORRUPT_FRAME, "CorruptFrame", FAILURE_STREAM},
    {ENGINE_PROTOCOL_ERROR, "ProtocolError", FAILURE_STREAM},
    {ENGINE_GATEWAY_STOPPING, "GatewayStopping", FAILURE_NETWORK},
    {ENGINE_OUT_OF_MEMORY, "OutOfMemory", FAILURE_NETWORK},
    {ENGINE_NO_CREDENTIALS, "NoCredentials", FAILURE_NETWORK},
};

TEST(each_failure_has_its_name_and_kind) {
	CHECK_INT(sizeof ROWS / sizeof *ROWS, ENGINE_FAILURES);
	for (size_t i = 0; i < sizeof ROWS / sizeof *ROWS; i++) {
		struct failure failure = engine_failure(ROWS[i].which);
		CHECK_SLICE(failure.name, slice_from(ROWS[i].name));
		CHECK_INT(failure.kind, ROWS[i].kind);
		CHECK(failure.message.len > 0);
		CHECK_INT(failure.status, 0);
		CHECK_INT(failure.retry_after_ms, -1);
		bool is_operators = ROWS[i].which == ENGINE_NO_CREDENTIALS, is_late = ROWS[i].kind == FAILURE_TIMEOUT;
		bool is_ours = ROWS[i].which == ENGINE_OUT_OF_MEMORY || ROWS[i].which == ENGINE_EXCHANGE_EXHAUSTED;
		CHECK_INT(failure.fault, is_operators ? FAULT_OPERATOR : is_ours ? FAULT_GATEWAY : FAULT_MODEL);
		CHECK_INT(failure.type, is_operators ? TYPE_AUTHENTICATION : is_late ? TYPE_TIMEOUT : TYPE_NETWORK);
	}
}

TEST(failures_of_the_exchange_have_the_same_numbers) {
	CHECK_INT((int)EXCHANGE_RESOLVE, (int)ENGINE_EXCHANGE_RESOLVE);
	CHECK_INT((int)EXCHANGE_EXHAUSTED, (int)ENGINE_EXCHANGE_EXHAUSTED);
}

int main(void) {
	RUN(each_failure_has_its_name_and_kind);
	RUN(failures_of_the_exchange_have_the_same_numbers);
	return check_summary();
}
