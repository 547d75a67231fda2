// SPDX-License-Identifier: Apache-2.0
// The failures of dry runs: all that the service and the engine can report, each once, with the values of traffic.
#include "cli/failure_table.h"

#include <stdlib.h>

#include "../check.h"
#include "aws/exception.h"
#include "mux/engine_failure.h"

static const struct dry_run_failure *find_failure(const struct dry_run_failure *table, size_t count, const char *name) {
	for (size_t i = 0; i < count; i++)
		if (strcmp(table[i].name, name) == 0)
			return &table[i];
	return NULL;
}

TEST(each_failure_is_listed_once) {
	size_t count;
	struct dry_run_failure *table = failure_table(&count);
	for (size_t i = 0; i < count; i++)
		if (find_failure(table, count, table[i].name) != &table[i])
			check_report(__FILE__, __LINE__, table[i].name);
	free(table);
}

TEST(every_exception_of_the_service_is_listed) {
	size_t count;
	struct dry_run_failure *table = failure_table(&count);
	const struct exception *exception;
	for (size_t i = 0; (exception = exception_at(i)) != NULL; i++) {
		const struct dry_run_failure *row = find_failure(table, count, exception->name);
		CHECK(row != NULL);
		if (!row)
			continue;
		CHECK_INT(row->failure.kind, FAILURE_HTTP);
		CHECK_INT(row->failure.status, exception->status);
		CHECK_INT(row->failure.type, exception->type);
		CHECK_INT(row->failure.fault, exception->fault);
		CHECK_INT(row->failure.retry_after_ms, -1);
	}
	free(table);
}

// But for the gateway's own, of which no hook is asked.
TEST(every_failure_of_the_engine_is_listed) {
	size_t count;
	struct dry_run_failure *table = failure_table(&count);
	for (int i = 0; i < ENGINE_FAILURES; i++) {
		struct failure failure = engine_failure((enum engine_failure)i);
		const struct dry_run_failure *row = find_failure(table, count, failure.name.ptr);
		if (failure.fault == FAULT_GATEWAY)
			CHECK(row == NULL);
		else
			CHECK(row && row->failure.kind == failure.kind && row->failure.type == failure.type);
	}
	CHECK(find_failure(table, count, "GatewayStopping") != NULL);
	free(table);
}

TEST(statuses_without_a_name_have_none) {
	static const struct {
		const char *name;
		int status;
		enum fault fault;
	} rows[] = {
	    {"status 400 without a name", 400, FAULT_CALLER}, {"status 403 without a name", 403, FAULT_OPERATOR},
	    {"status 418 without a name", 418, FAULT_CALLER}, {"status 429 without a name", 429, FAULT_THROTTLE},
	    {"status 503 without a name", 503, FAULT_MODEL},
	};
	size_t count;
	struct dry_run_failure *table = failure_table(&count);
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		const struct dry_run_failure *row = find_failure(table, count, rows[i].name);
		CHECK(row != NULL);
		if (!row)
			continue;
		CHECK_INT(row->failure.status, rows[i].status);
		CHECK_INT(row->failure.fault, rows[i].fault);
		CHECK_INT(row->failure.name.len, 0);
	}
	const struct dry_run_failure *asked = find_failure(table, count, "ThrottlingException, to come back in 5 s");
	CHECK(asked && asked->failure.retry_after_ms == 5000);
	free(table);
}

int main(void) {
	RUN(each_failure_is_listed_once);
	RUN(every_exception_of_the_service_is_listed);
	RUN(every_failure_of_the_engine_is_listed);
	RUN(statuses_without_a_name_have_none);
	return check_summary();
}
