// SPDX-License-Identifier: Apache-2.0
#include "gateway/event_log.h"

enum log_level notice_level(enum event_kind kind) {
	switch (kind) {
	case EVENT_BREAKER_CHANGED:
	case EVENT_POLICY_DISABLED:
		return LOG_WARN;
	case EVENT_MODEL_COOLDOWN:
	case EVENT_STATS_RESET:
		return LOG_INFO;
	default:
		return LOG_DEBUG;
	}
}

static bool is_of_attempt(enum event_kind kind) {
	return kind == EVENT_MODEL_SELECTED || kind == EVENT_MODEL_INVOCATION_START ||
	       kind == EVENT_MODEL_INVOCATION_COMPLETE;
}

void notice_write(void *owner, const struct route_event *event) {
	(void)owner;
	enum log_level level = notice_level(event->kind);
	if (!log_enabled(level) || event->kind == EVENT_REQUEST)
		return;
	struct log_field fields[6];
	size_t count = 0;
	if (event->request_id.len)
		fields[count++] = LOG_S("request_id", event->request_id);
	if (event->model.len)
		fields[count++] = LOG_S("model", event->model);
	if (event->detail.len)
		fields[count++] = LOG_S("detail", event->detail);
	if (event->latency_ms)
		fields[count++] = LOG_N("milliseconds", event->latency_ms);
	if (is_of_attempt(event->kind))
		fields[count++] = LOG_N("attempt", (int64_t)event->attempt + 1);
	fields[count] = LOG_NONE_;
	log_write(level, event_name(event->kind), fields);
}
