// SPDX-License-Identifier: Apache-2.0
#include "base/log.h"

#include <time.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/clock.h"

enum { LINE_BYTES = 16384 };

static enum log_level configured_level = LOG_INFO;
static enum log_format configured_format = LOG_TEXT;

static const char *const level_names[] = {"debug", "info", "warn", "error", "off"};

void log_configure(enum log_level level, enum log_format format) {
	configured_level = level;
	configured_format = format;
}

bool log_enabled(enum log_level level) {
	return level >= configured_level;
}

static void append_time(struct buffer *line) {
	int64_t wall_ms = clock_wall_ms();
	time_t seconds = (time_t)(wall_ms / 1000);
	struct tm utc;
	gmtime_r(&seconds, &utc);
	buffer_printf(line, "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ", utc.tm_year + 1900, utc.tm_mon + 1, utc.tm_mday,
	              utc.tm_hour, utc.tm_min, utc.tm_sec, (int)(wall_ms % 1000));
}

static bool is_plain(struct slice text) {
	for (size_t i = 0; i < text.len; i++) {
		unsigned char c = (unsigned char)text.ptr[i];
		if (c <= ' ' || c >= 0x7f || c == '"' || c == '\\' || c == '=')
			return false;
	}
	return text.len > 0;
}

static void append_text_field(struct buffer *line, const struct log_field *field) {
	buffer_printf(line, " %s=", field->name);
	if (field->kind == LOG_NUMBER)
		buffer_printf(line, "%lld", (long long)field->number);
	else if (is_plain(field->text))
		buffer_append(line, field->text);
	else
		buffer_append_json(line, field->text);
}

static void append_json_field(struct buffer *line, const struct log_field *field) {
	buffer_printf(line, ",\"%s\":", field->name);
	if (field->kind == LOG_NUMBER)
		buffer_printf(line, "%lld", (long long)field->number);
	else
		buffer_append_json(line, field->text);
}

static void format_text(struct buffer *line, enum log_level level, const char *message,
                        const struct log_field *fields) {
	append_time(line);
	buffer_printf(line, " %s %s", level_names[level], message);
	for (; fields && fields->kind != LOG_END; fields++)
		append_text_field(line, fields);
}

static void format_json(struct buffer *line, enum log_level level, const char *message,
                        const struct log_field *fields) {
	buffer_append(line, SLICE("{\"time\":\""));
	append_time(line);
	buffer_printf(line, "\",\"level\":\"%s\",\"message\":", level_names[level]);
	buffer_append_json(line, slice_from(message));
	for (; fields && fields->kind != LOG_END; fields++)
		append_json_field(line, fields);
	buffer_append_byte(line, '}');
}

void log_write(enum log_level level, const char *message, const struct log_field *fields) {
	if (!log_enabled(level))
		return;
	struct buffer line;
	buffer_init(&line, LINE_BYTES);
	if (configured_format == LOG_JSON)
		format_json(&line, level, message, fields);
	else
		format_text(&line, level, message, fields);
	buffer_append_byte(&line, '\n');
	size_t done = 0;
	while (done < line.len) {
		ssize_t written = write(STDERR_FILENO, line.ptr + done, line.len - done);
		if (written <= 0)
			break;
		done += (size_t)written;
	}
	buffer_free(&line);
}
