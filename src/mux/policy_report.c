// SPDX-License-Identifier: Apache-2.0
// What the running policy is and how it came to be, as JSON, and the files that it hangs on.
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "aws/calendar.h"
#include "base/memory.h"
#include "mux/history.h"
#include "mux/report.h"
#include "mux/worker.h"
#include "sandbox/sources.h"

enum { TIME_BYTES = 64 };

static void write_time(struct json_writer *json, const char *name, int64_t wall_ms) {
	struct civil utc = calendar_civil(wall_ms / 1000);
	char text[TIME_BYTES];
	snprintf(text, sizeof text,
	         "%04" PRId64 "-%02" PRId64 "-%02" PRId64 "T%02" PRId64 ":%02" PRId64 ":%02" PRId64 ".%03" PRId64 "Z",
	         utc.year, utc.month, utc.day, utc.hour, utc.minute, utc.second, wall_ms % 1000);
	json_write_string(json, name, slice_from(text));
}

void report_problems(const struct problems *problems, const char *key, struct json_writer *json) {
	json_begin_array(json, key);
	for (size_t i = 0; i < problems->count; i++) {
		const struct problem *problem = &problems->list[i];
		json_begin_object(json, NULL);
		json_write_string(json, "file", slice_from(problem->file));
		json_write_integer(json, "line", problem->line);
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

static void write_benched(struct json_writer *json, const struct policy *policy) {
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

void mux_report_policy(struct mux *mux, struct buffer *out) {
	struct json_writer json;
	json_writer_init(&json, out);
	pthread_mutex_lock(&mux->lock);
	const struct policy *policy = mux->version->policy;
	json_begin_object(&json, NULL);
	write_version(&json, history_last(&mux->history));
	json_write_string(&json, "source", slice_from(policy_source(policy)));
	json_write_unsigned(&json, "models", policy_pool(policy)->count);
	report_problems(&mux->rejected, "errors", &json);
	write_benched(&json, policy);
	write_history(&json, &mux->history);
	json_end_object(&json);
	pthread_mutex_unlock(&mux->lock);
}

static size_t add_files(const struct sources *sources, char **files, size_t count) {
	for (size_t i = 0; i < sources->count; i++) {
		struct source_view source = sources_at(sources, i);
		if (source.is_file)
			files[count++] = memory_string(slice_from(source.path));
	}
	return count;
}

char **mux_policy_files(struct mux *mux) {
	pthread_mutex_lock(&mux->lock);
	const struct sources *running = policy_sources(mux->version->policy);
	const struct sources *last_read = mux->last_read;
	char **files = memory_new(running->count + last_read->count + 1, sizeof *files);
	size_t count = add_files(running, files, 0);
	if (last_read != running)
		add_files(last_read, files, count);
	pthread_mutex_unlock(&mux->lock);
	return files;
}

void mux_free_files(char **files) {
	for (char **file = files; *file; file++)
		free(*file);
	free(files);
}
