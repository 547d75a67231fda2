// SPDX-License-Identifier: Apache-2.0
#include "mux/engine_failure.h"

static const struct row {
	enum failure_kind kind;
	enum error_type type;
	enum fault fault;
	struct slice name, message;
} rows[] = {
#define X(constant, name, text)                                                                                        \
	[ENGINE_##constant] = {FAILURE_NETWORK, TYPE_NETWORK, FAULT_MODEL, SLICE(name), SLICE(text)},
    EXCHANGE_FAILURE_LIST(X)
#undef X
#define X(constant, kind, type, fault, name, text) [constant] = {kind, type, fault, SLICE(name), SLICE(text)},
        ENGINE_OWN_FAILURE_LIST(X)
#undef X
};

struct failure engine_failure(enum engine_failure which) {
	const struct row *row = &rows[which];
	return (struct failure){
	    .kind = row->kind,
	    .name = row->name,
	    .message = row->message,
	    .type = row->type,
	    .fault = row->fault,
	    .retry_after_ms = -1,
	};
}
