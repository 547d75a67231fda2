// SPDX-License-Identifier: Apache-2.0
#include "gateway/access.h"

const char *access_outcome(enum outcome outcome) {
	switch (outcome) {
	case OUTCOME_SUCCESS:
		return "success";
	case OUTCOME_RATE_LIMIT:
		return "rate_limit";
	case OUTCOME_FAIL_FAST:
		return "fail_fast";
	case OUTCOME_REFUSAL:
		return "refusal";
	case OUTCOME_CANCELLED:
		return "cancelled";
	}
	return "unknown";
}

void access_fields(const struct access_entry *entry, struct log_field fields[ACCESS_FIELDS]) {
	size_t count = 0;
	fields[count++] = LOG_S("request_id", entry->request_id);
	if (entry->upstream_id.len)
		fields[count++] = LOG_S("upstream_id", entry->upstream_id);
	fields[count++] = LOG_S("client", entry->client);
	fields[count++] = LOG_S("operation", entry->operation);
	fields[count++] = LOG_S("model", entry->model);
	fields[count++] = LOG_N("attempts", entry->attempts);
	fields[count++] = LOG_C("outcome", entry->outcome);
	fields[count++] = LOG_N("status", entry->status);
	fields[count++] = LOG_N("bytes_in", entry->bytes_in);
	fields[count++] = LOG_N("bytes_out", entry->bytes_out);
	fields[count++] = LOG_N("milliseconds", entry->milliseconds);
	fields[count] = LOG_NONE_;
}

void access_write(const struct access_entry *entry) {
	struct log_field fields[ACCESS_FIELDS];
	if (!log_enabled(LOG_INFO))
		return;
	access_fields(entry, fields);
	log_write(LOG_INFO, "request", fields);
}
