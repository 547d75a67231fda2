// SPDX-License-Identifier: Apache-2.0
#include "gateway/access_log.h"

enum { LINES_BYTES = 64 * 1024, FULL_BYTES = LINES_BYTES - LOG_LINE_BYTES };

void access_log_fields(const struct access_entry *entry, struct log_field fields[ACCESS_LOG_FIELDS]) {
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

static void flush_lines(void *owner) {
	struct access_log *log = owner;
	log_flush(&log->lines);
}

void access_log_init(struct access_log *log, struct loop *loop) {
	buffer_init(&log->lines, LINES_BYTES);
	timer_init(&log->end_of_turn, loop, flush_lines, log);
}

void access_log_free(struct access_log *log) {
	timer_stop(&log->end_of_turn);
	log_flush(&log->lines);
	buffer_free(&log->lines);
}

void access_log_add(struct access_log *log, const struct access_entry *entry) {
	struct log_field fields[ACCESS_LOG_FIELDS];
	if (!log_enabled(LOG_INFO))
		return;
	if (log->lines.len == 0)
		timer_start(&log->end_of_turn, 0);
	access_log_fields(entry, fields);
	log_append(&log->lines, LOG_INFO, "request", fields);
	if (log->lines.len >= FULL_BYTES)
		log_flush(&log->lines);
}
