// SPDX-License-Identifier: Apache-2.0
// Exceptions and the engine's failures come from the rooms that define them; what can vary within one is added here.
#include "cli/failure_table.h"

#include "aws/exception.h"
#include "base/memory.h"
#include "mux/engine_failure.h"

struct failure_list {
	struct dry_run_failure *items;
	size_t count;
};

static struct failure *add_failure(struct failure_list *list, const char *name, struct failure failure) {
	list->items = memory_resize(list->items, list->count + 1, sizeof *list->items);
	list->items[list->count] = (struct dry_run_failure){name, failure};
	return &list->items[list->count++].failure;
}

static struct failure failure_of_exception(const struct exception *exception) {
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
		add_failure(list, exception->name, failure_of_exception(exception));
}

static void add_throttles(struct failure_list *list) {
	struct failure throttle = failure_of_exception(exception_find(SLICE("ThrottlingException")));
	add_failure(list, "ThrottlingException, to come back in 5 s", throttle)->retry_after_ms = 5000;
	throttle.message = SLICE(EXCEPTION_TOO_MANY_TOKENS);
	throttle.shortage = SHORTAGE_TOKENS;
	add_failure(list, "ThrottlingException, too many tokens", throttle);
	throttle.message = SLICE(EXCEPTION_TOO_MANY_REQUESTS);
	throttle.shortage = SHORTAGE_REQUESTS;
	add_failure(list, "ThrottlingException, too many requests", throttle);
	throttle.message = SLICE("The service says why.");
	throttle.shortage = SHORTAGE_NONE;
	add_failure(list, "ThrottlingException in a stream", throttle)->kind = FAILURE_STREAM;
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
		struct failure failure = failure_of_exception(exception_by_status(rows[i].status));
		failure.status = rows[i].status;
		failure.exception = failure.name;
		failure.name = failure.message = (struct slice){0};
		add_failure(list, rows[i].name, failure);
	}
}

static void add_engine_failures(struct failure_list *list) {
	for (int i = 0; i < ENGINE_FAILURES; i++) {
		struct failure failure = engine_failure((enum engine_failure)i);
		// No hook is asked about the gateway's own.
		if (failure.fault != FAULT_GATEWAY)
			add_failure(list, failure.name.ptr, failure);
	}
}

static void add_hostile(struct failure_list *list) {
	static const struct failure hostile = {.kind = FAILURE_HTTP,
	                                       .status = 599,
	                                       .name = SLICE("__index\n%s%n[%a-\x1b[31m\xff"),
	                                       .message = SLICE("[%a-z*]+ %s%n\n\x1b[31m\"'\\\0\xff\xc0"),
	                                       .type = TYPE_UNKNOWN,
	                                       .fault = FAULT_MODEL,
	                                       .retry_after_ms = 300000};
	add_failure(list, "a hostile error", hostile);
}

struct dry_run_failure *failure_table(size_t *count) {
	struct failure_list list = {0};
	add_exceptions(&list);
	add_throttles(&list);
	add_statuses(&list);
	add_engine_failures(&list);
	add_hostile(&list);
	*count = list.count;
	return list.items;
}
