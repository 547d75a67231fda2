// SPDX-License-Identifier: Apache-2.0
// The names are those of the rooms that make failures: the service's exceptions, the exchange's ends, the engine's own.
#include "cli/failure_table.h"

#include "aws/exception.h"
#include "base/memory.h"
#include "http/exchange.h"
#include "mux/answer.h"

struct failure_list {
	struct dry_run_failure *items;
	size_t count;
};

static struct failure *add(struct failure_list *list, const char *name, struct failure failure) {
	list->items = memory_resize(list->items, list->count + 1, sizeof *list->items);
	list->items[list->count] = (struct dry_run_failure){name, failure};
	return &list->items[list->count++].failure;
}

static struct failure by_exception(const struct exception *exception) {
	return (struct failure){.kind = FAILURE_HTTP,
	                        .status = exception->status,
	                        .name = slice_from(exception->name),
	                        .message = SLICE("The service says why."),
	                        .type = exception->type,
	                        .fault = exception->fault,
	                        .retry_after_ms = -1};
}

static void add_exceptions(struct failure_list *list) {
	const struct exception *exception;
	for (size_t i = 0; (exception = exception_at(i)) != NULL; i++)
		add(list, exception->name, by_exception(exception));
}

static void add_throttles(struct failure_list *list) {
	struct failure throttle = by_exception(exception_find(SLICE("ThrottlingException")));
	add(list, "ThrottlingException, to come back in 5 s", throttle)->retry_after_ms = 5000;
	throttle.message = SLICE(EXCEPTION_TOO_MANY_TOKENS);
	throttle.shortage = SHORTAGE_TOKENS;
	add(list, "ThrottlingException, too many tokens", throttle);
	throttle.message = SLICE(EXCEPTION_TOO_MANY_REQUESTS);
	throttle.shortage = SHORTAGE_REQUESTS;
	add(list, "ThrottlingException, too many requests", throttle);
	throttle.message = SLICE("The service says why.");
	throttle.shortage = SHORTAGE_NONE;
	add(list, "ThrottlingException in a stream", throttle)->kind = FAILURE_STREAM;
}

static void add_statuses(struct failure_list *list) {
	static const struct {
		const char *name;
		int status;
	} rows[] = {
	    {"status 400 without a name", 400}, {"status 403 without a name", 403}, {"status 404 without a name", 404},
	    {"status 418 without a name", 418}, {"status 429 without a name", 429}, {"status 500 without a name", 500},
	    {"status 503 without a name", 503}, {"status 302 without a name", 302},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct failure failure = by_exception(exception_by_status(rows[i].status));
		failure.status = rows[i].status;
		failure.name = failure.message = (struct slice){0};
		add(list, rows[i].name, failure);
	}
}

static void add_connections(struct failure_list *list) {
#define X(constant, failure_name, text)                                                                                \
	add(list, failure_name,                                                                                            \
	    (struct failure){.kind = FAILURE_NETWORK,                                                                      \
	                     .name = SLICE(failure_name),                                                                  \
	                     .message = SLICE(text),                                                                       \
	                     .type = TYPE_NETWORK,                                                                         \
	                     .fault = FAULT_MODEL,                                                                         \
	                     .retry_after_ms = -1});
	EXCHANGE_FAILURE_LIST(X)
#undef X
}

#define ENDED(failure_kind, failure_name, failure_type)                                                                \
	{                                                                                                                  \
		failure_name, {                                                                                                \
			.kind = failure_kind, .name = SLICE(failure_name), .type = failure_type, .fault = FAULT_MODEL,             \
			.retry_after_ms = -1                                                                                       \
		}                                                                                                              \
	}

static void add_ends(struct failure_list *list) {
	static const struct dry_run_failure rows[] = {
	    ENDED(FAILURE_NETWORK, "ForeignAnswer", TYPE_NETWORK),   ENDED(FAILURE_NETWORK, "AnswerTooLarge", TYPE_NETWORK),
	    ENDED(FAILURE_TIMEOUT, "AttemptTimeout", TYPE_TIMEOUT),  ENDED(FAILURE_TIMEOUT, "StreamStalled", TYPE_TIMEOUT),
	    ENDED(FAILURE_STREAM, "StreamEndedEarly", TYPE_NETWORK), ENDED(FAILURE_STREAM, "CorruptFrame", TYPE_NETWORK),
	    ENDED(FAILURE_STREAM, "ProtocolError", TYPE_NETWORK),
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		add(list, rows[i].name, rows[i].failure);
	static const struct failure unsigned_request = {.kind = FAILURE_NETWORK,
	                                                .name = SLICE(RESPONSE_NO_CREDENTIALS),
	                                                .type = TYPE_AUTHENTICATION,
	                                                .fault = FAULT_OPERATOR,
	                                                .retry_after_ms = -1};
	add(list, RESPONSE_NO_CREDENTIALS, unsigned_request);
	static const struct failure odd = {.kind = FAILURE_HTTP,
	                                   .status = 599,
	                                   .name = SLICE("__index\n%s%n[%a-\x1b[31m\xff"),
	                                   .message = SLICE("[%a-z*]+ %s%n\n\x1b[31m\"'\\\0\xff\xc0"),
	                                   .type = TYPE_UNKNOWN,
	                                   .fault = FAULT_MODEL,
	                                   .retry_after_ms = 300000};
	add(list, "a hostile error", odd);
}

struct dry_run_failure *failure_table(size_t *count) {
	struct failure_list list = {0};
	add_exceptions(&list);
	add_throttles(&list);
	add_statuses(&list);
	add_connections(&list);
	add_ends(&list);
	*count = list.count;
	return list.items;
}
