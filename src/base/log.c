// SPDX-License-Identifier: Apache-2.0
#include "base/log.h"

#include <errno.h>
#include <time.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/clock.h"
#include "base/json_writer.h"

enum { LINE_BYTES = 16384, TIME_BYTES = 40 };

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

// "2026-01-02T03:04:05." of the second that was formatted last on this thread.
static _Thread_local struct {
	int64_t second;
	char text[32];
	size_t bytes;
} last_time = {.second = INT64_MIN};

static struct slice format_time(char text[TIME_BYTES]) {
	int64_t wall_ms = clock_wall_ms();
	int64_t second = wall_ms / 1000;
	if (second != last_time.second) {
		struct tm utc;
		gmtime_r(&(time_t){(time_t)second}, &utc);
		last_time.bytes = strftime(last_time.text, sizeof last_time.text, "%Y-%m-%dT%H:%M:%S.", &utc);
		last_time.second = second;
	}
	int milliseconds = (int)(wall_ms % 1000);
	char rest[] = {(char)('0' + milliseconds / 100), (char)('0' + milliseconds / 10 % 10),
	               (char)('0' + milliseconds % 10), 'Z'};
	memcpy(text, last_time.text, last_time.bytes);
	memcpy(text + last_time.bytes, rest, sizeof rest);
	return slice_of(text, last_time.bytes + sizeof rest);
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
	buffer_append_byte(line, ' ');
	buffer_append(line, slice_from(field->name));
	buffer_append_byte(line, '=');
	if (field->kind == LOG_NUMBER)
		buffer_append_number(line, field->number);
	else if (is_plain(field->text))
		buffer_append(line, field->text);
	else
		json_append_string(line, field->text);
}

static void format_text(struct buffer *line, enum log_level level, const char *message,
                        const struct log_field *fields) {
	char time[TIME_BYTES];
	buffer_append(line, format_time(time));
	buffer_append_byte(line, ' ');
	buffer_append(line, slice_from(level_names[level]));
	buffer_append_byte(line, ' ');
	buffer_append(line, slice_from(message));
	for (; fields && fields->kind != LOG_END; fields++)
		append_text_field(line, fields);
}

static void format_json(struct buffer *line, enum log_level level, const char *message,
                        const struct log_field *fields) {
	char time[TIME_BYTES];
	struct json_writer json;
	json_writer_init(&json, line);
	json_begin_object(&json, NULL);
	json_write_string(&json, "time", format_time(time));
	json_write_string(&json, "level", slice_from(level_names[level]));
	json_write_string(&json, "message", slice_from(message));
	for (; fields && fields->kind != LOG_END; fields++)
		if (fields->kind == LOG_NUMBER)
			json_write_integer(&json, fields->name, fields->number);
		else
			json_write_string(&json, fields->name, fields->text);
	json_end_object(&json);
}

void log_append(struct buffer *lines, enum log_level level, const char *message, const struct log_field *fields) {
	if (!log_enabled(level))
		return;
	if (configured_format == LOG_JSON)
		format_json(lines, level, message, fields);
	else
		format_text(lines, level, message, fields);
	buffer_append_byte(lines, '\n');
}

void log_flush(struct buffer *lines) {
	size_t done = 0;
	while (done < lines->len) {
		ssize_t written = write(STDERR_FILENO, lines->ptr + done, lines->len - done);
		if (written < 0 && errno == EINTR)
			continue;
		if (written <= 0)
			break;
		done += (size_t)written;
	}
	buffer_clear(lines);
}

void log_write(enum log_level level, const char *message, const struct log_field *fields) {
	struct buffer line;
	buffer_init(&line, LINE_BYTES);
	log_append(&line, level, message, fields);
	log_flush(&line);
	buffer_free(&line);
}
