// SPDX-License-Identifier: Apache-2.0
#include "base/log.h"

#include <errno.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/clock.h"
#include "base/json_writer.h"
#include "base/time_format.h"

enum { LINE_BYTES = 16384 };

static enum log_level configured_level = LOG_INFO;
static enum log_format configured_format = LOG_TEXT;

const char *const log_level_names[] = {"debug", "info", "warn", "error", "off", NULL};
const char *const log_format_names[] = {"text", "json", NULL};

void log_configure(enum log_level level, enum log_format format) {
	configured_level = level;
	configured_format = format;
}

bool log_enabled(enum log_level level) {
	return level >= configured_level;
}

static void append_time(struct buffer *line) {
	char text[TIME_ISO_BYTES];
	time_format_iso(clock_wall_ms(), text);
	buffer_append(line, slice_of(text, sizeof text - 1));
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
	append_time(line);
	buffer_append_byte(line, ' ');
	buffer_append(line, slice_from(log_level_names[level]));
	buffer_append_byte(line, ' ');
	buffer_append(line, slice_from(message));
	for (; fields && fields->kind != LOG_END; fields++)
		append_text_field(line, fields);
}

static void format_json(struct buffer *line, enum log_level level, const char *message,
                        const struct log_field *fields) {
	char time[TIME_ISO_BYTES];
	struct json_writer json;
	time_format_iso(clock_wall_ms(), time);
	json_writer_init(&json, line);
	json_begin_object(&json, NULL);
	json_write_string(&json, "time", slice_of(time, sizeof time - 1));
	json_write_string(&json, "level", slice_from(log_level_names[level]));
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
