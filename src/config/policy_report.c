// SPDX-License-Identifier: Apache-2.0
// The running policy, its history and the mistakes of the one last rejected, as JSON.
#include "base/json_writer.h"
#include "base/problem.h"
#include "base/time_format.h"
#include "config/report.h"
#include "mux/history.h"

static void write_time(struct json_writer *json, const char *name, int64_t wall_ms) {
	char text[TIME_ISO_BYTES];
	time_format_iso(wall_ms, text);
	json_write_string(json, name, slice_from(text));
}

void report_line(int line, struct json_writer *json) {
	if (line)
		json_write_integer(json, "line", line);
	else
		json_write_null(json, "line");
}

void report_problems(const struct problems *problems, const char *key, struct json_writer *json) {
	json_begin_array(json, key);
	for (size_t i = 0; i < problems->count; i++) {
		const struct problem *problem = &problems->list[i];
		json_begin_object(json, NULL);
		json_write_string(json, "file", slice_from(problem->file));
		report_line(problem->line, json);
		json_write_string(json, "field", slice_from(problem->field));
		json_write_string(json, "expected", slice_from(problem->expected));
		json_write_string(json, "found", slice_from(problem->found));
		json_end_object(json);
	}
	json_end_array(json);
}

static void write_version(struct json_writer *json, const struct history_entry *entry) {
	json_write_unsigned(json, "version", entry->number);
	json_write_string(json, "hash", slice_from(entry->hash));
	write_time(json, "since", entry->since_wall_ms);
	if (entry->restores)
		json_write_unsigned(json, "restores", entry->restores);
	else
		json_write_null(json, "restores");
}

static void write_disabled(struct json_writer *json, const struct policy *policy) {
	const char *names[POLICY_HOOKS_MAX];
	size_t count = policy_disabled(policy, names);
	json_begin_array(json, "benched");
	for (size_t i = 0; i < count; i++)
		json_write_string(json, NULL, slice_from(names[i]));
	json_end_array(json);
}

static void write_history(struct json_writer *json, const struct history *history) {
	json_begin_array(json, "history");
	for (size_t i = history->count; i-- > 0;) {
		json_begin_object(json, NULL);
		write_version(json, &history->list[i]);
		json_end_object(json);
	}
	json_end_array(json);
}

static void write_policy(void *owner, const struct mux_policy_view *view) {
	struct json_writer json;
	json_writer_init(&json, owner);
	json_begin_object(&json, NULL);
	write_version(&json, history_last(view->history));
	json_write_string(&json, "source", slice_from(policy_source(view->policy)));
	json_write_unsigned(&json, "models", policy_pool(view->policy)->count);
	report_problems(view->rejected, "errors", &json);
	write_disabled(&json, view->policy);
	write_history(&json, view->history);
	json_end_object(&json);
}

void report_policy(struct mux *mux, struct buffer *out) {
	mux_view_policy(mux, write_policy, out);
}
