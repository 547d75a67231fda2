// SPDX-License-Identifier: Apache-2.0
#include "mux/engine_failure.h"

#include "aws/exception.h"

static const struct failure_row {
	enum failure_kind kind;
	enum error_type type;
	enum fault fault;
	struct slice name, message;
} rows[] = {
#define X(constant, name, text)                                                                                        \
	[ENGINE_##constant] = {FAILURE_NETWORK, TYPE_NETWORK,                                                              \
	                       constant == EXCHANGE_EXHAUSTED ? FAULT_GATEWAY : FAULT_MODEL, SLICE(name), SLICE(text)},
    EXCHANGE_FAILURE_LIST(X)
#undef X
#define X(constant, kind, type, fault, name, text) [constant] = {kind, type, fault, SLICE(name), SLICE(text)},
        ENGINE_OWN_FAILURE_LIST(X)
#undef X
};

struct failure engine_failure(enum engine_failure which) {
	const struct failure_row *row = &rows[which];
	return (struct failure){
	    .kind = row->kind,
	    .name = row->name,
	    .message = row->message,
	    .type = row->type,
	    .fault = row->fault,
	    .retry_after_ms = -1,
	};
}

struct failure engine_failure_reported(enum failure_kind kind, const struct exception_report *report) {
	return (struct failure){
	    .kind = kind,
	    .status = report->status,
	    .name = report->name,
	    .message = report->message,
	    .type = report->type,
	    .fault = report->fault,
	    .retry_after_ms = report->retry_after_ms,
	    .shortage = report->shortage,
	};
}
