// SPDX-License-Identifier: Apache-2.0
// What the running policy is and how it came to be, as JSON.
#include <inttypes.h>

#include "base/problem.h"
#include "base/time_format.h"
#include "config/report.h"
#include "mux/history.h"

static void append_text(struct buffer *out, const char *name, const char *text) {
	buffer_printf(out, "\"%s\":", name);
	buffer_append_json(out, slice_from(text));
}

static void append_time(struct buffer *out, const char *name, int64_t wall_ms) {
	char text[TIME_ISO_BYTES];
	time_format_iso(wall_ms, text);
	append_text(out, name, text);
}

void report_problems(const struct problems *problems, struct buffer *out) {
	buffer_append_byte(out, '[');
	for (size_t i = 0; i < problems->count; i++) {
		const struct problem *problem = &problems->list[i];
		buffer_append(out, i ? SLICE(",{") : SLICE("{"));
		append_text(out, "file", problem->file);
		if (problem->line)
			buffer_printf(out, ",\"line\":%d,", problem->line);
		else
			buffer_append(out, SLICE(",\"line\":null,"));
		append_text(out, "field", problem->field);
		buffer_append_byte(out, ',');
		append_text(out, "expected", problem->expected);
		buffer_append_byte(out, ',');
		append_text(out, "found", problem->found);
		buffer_append_byte(out, '}');
	}
	buffer_append_byte(out, ']');
}

static void append_version(const struct history_entry *entry, struct buffer *out) {
	buffer_printf(out, "\"version\":%" PRIu64 ",", entry->number);
	append_text(out, "hash", entry->hash);
	buffer_append_byte(out, ',');
	append_time(out, "since", entry->since_wall_ms);
	if (entry->restores)
		buffer_printf(out, ",\"restores\":%" PRIu64, entry->restores);
	else
		buffer_append(out, SLICE(",\"restores\":null"));
}

static void append_disabled(const struct policy *policy, struct buffer *out) {
	const char *names[POLICY_HOOKS_MAX];
	size_t count = policy_disabled(policy, names);
	buffer_append(out, SLICE("\"benched\":["));
	for (size_t i = 0; i < count; i++) {
		buffer_append(out, i ? SLICE(",") : SLICE(""));
		buffer_append_json(out, slice_from(names[i]));
	}
	buffer_append_byte(out, ']');
}

static void append_history(const struct history *history, struct buffer *out) {
	buffer_append(out, SLICE("\"history\":["));
	for (size_t i = history->count; i-- > 0;) {
		buffer_append(out, i + 1 < history->count ? SLICE(",{") : SLICE("{"));
		append_version(&history->list[i], out);
		buffer_append_byte(out, '}');
	}
	buffer_append_byte(out, ']');
}

static void append_policy(void *owner, const struct mux_policy_view *view) {
	struct buffer *out = owner;
	buffer_append_byte(out, '{');
	append_version(history_last(view->history), out);
	buffer_append_byte(out, ',');
	append_text(out, "source", policy_source(view->policy));
	buffer_printf(out, ",\"models\":%zu,\"errors\":", policy_pool(view->policy)->count);
	report_problems(view->rejected, out);
	buffer_append_byte(out, ',');
	append_disabled(view->policy, out);
	buffer_append_byte(out, ',');
	append_history(view->history, out);
	buffer_append_byte(out, '}');
}

void report_policy(struct mux *mux, struct buffer *out) {
	mux_view_policy(mux, append_policy, out);
}
