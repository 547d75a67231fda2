// SPDX-License-Identifier: Apache-2.0
// What the running policy is and how it came to be, as JSON, and the files that it hangs on.
#include <inttypes.h>
#include <stdlib.h>

#include "aws/calendar.h"
#include "base/memory.h"
#include "mux/history.h"
#include "mux/report.h"
#include "mux/worker.h"
#include "sandbox/sources.h"

static void append_text(struct buffer *out, const char *name, const char *text) {
	buffer_printf(out, "\"%s\":", name);
	buffer_append_json(out, slice_from(text));
}

static void append_time(struct buffer *out, const char *name, int64_t wall_ms) {
	struct civil utc = calendar_civil(wall_ms / 1000);
	buffer_printf(out,
	              "\"%s\":\"%04" PRId64 "-%02" PRId64 "-%02" PRId64 "T%02" PRId64 ":%02" PRId64 ":%02" PRId64
	              ".%03" PRId64 "Z\"",
	              name, utc.year, utc.month, utc.day, utc.hour, utc.minute, utc.second, wall_ms % 1000);
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

void mux_report_policy(struct mux *mux, struct buffer *out) {
	pthread_mutex_lock(&mux->lock);
	const struct policy *policy = mux->version->policy;
	buffer_append_byte(out, '{');
	append_version(history_last(&mux->history), out);
	buffer_append_byte(out, ',');
	append_text(out, "source", policy_source(policy));
	buffer_printf(out, ",\"models\":%zu,\"errors\":", policy_pool(policy)->count);
	report_problems(&mux->rejected, out);
	buffer_append_byte(out, ',');
	append_disabled(policy, out);
	buffer_append_byte(out, ',');
	append_history(&mux->history, out);
	buffer_append_byte(out, '}');
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
