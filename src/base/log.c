// SPDX-License-Identifier: Apache-2.0
#include "base/log.h"

#include <errno.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/clock.h"
#include "base/json_writer.h"
#include "base/time_format.h"

enum { LEAST_VALUE_BYTES = 64 }; // no value is cut shorter

// The longest values that a line may have, and how many bytes that has cut off so far.
struct cutter {
	size_t most_bytes;
	size_t cut_bytes;
};

static enum log_level configured_level = LOG_INFO;
static enum log_format configured_format = LOG_TEXT;
static const struct log_sink *sink;

const char *const log_level_names[] = {"debug", "info", "warn", "error", "off", NULL};
const char *const log_format_names[] = {"text", "json", NULL};

void log_configure(enum log_level level, enum log_format format) {
	configured_level = level;
	configured_format = format;
}

void log_set_sink(const struct log_sink *next) {
	sink = next;
}

struct log_backlog log_backlog(void) {
	return sink ? sink->backlog(sink->owner) : (struct log_backlog){0};
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

// Cuts before a character, not within one.
static struct slice shortened(struct slice text, struct cutter *cutter) {
	size_t len = text.len;
	if (len <= cutter->most_bytes)
		return text;
	len = cutter->most_bytes;
	while (len > 0 && ((unsigned char)text.ptr[len] & 0xc0) == 0x80)
		len--;
	cutter->cut_bytes += text.len - len;
	return slice_of(text.ptr, len);
}

static void append_text_field(struct buffer *line, const struct log_field *field, struct cutter *cutter) {
	buffer_append_byte(line, ' ');
	buffer_append(line, slice_from(field->name));
	buffer_append_byte(line, '=');
	struct slice text = shortened(field->text, cutter);
	if (field->kind == LOG_NUMBER)
		buffer_append_number(line, field->number);
	else if (is_plain(text))
		buffer_append(line, text);
	else
		json_append_string(line, text);
}

static void format_text(struct buffer *line, enum log_level level, const char *message, const struct log_field *fields,
                        struct cutter *cutter) {
	append_time(line);
	buffer_append_byte(line, ' ');
	buffer_append(line, slice_from(log_level_names[level]));
	buffer_append_byte(line, ' ');
	buffer_append(line, shortened(slice_from(message), cutter));
	for (; fields && fields->kind != LOG_END; fields++)
		append_text_field(line, fields, cutter);
	if (cutter->cut_bytes)
		append_text_field(line, &LOG_N("cut_bytes", cutter->cut_bytes), cutter);
}

static void format_json(struct buffer *line, enum log_level level, const char *message, const struct log_field *fields,
                        struct cutter *cutter) {
	char time[TIME_ISO_BYTES];
	struct json_writer json;
	time_format_iso(clock_wall_ms(), time);
	json_writer_init(&json, line);
	json_begin_object(&json, NULL);
	json_write_string(&json, "time", slice_of(time, sizeof time - 1));
	json_write_string(&json, "level", slice_from(log_level_names[level]));
	json_write_string(&json, "message", shortened(slice_from(message), cutter));
	for (; fields && fields->kind != LOG_END; fields++)
		if (fields->kind == LOG_NUMBER)
			json_write_integer(&json, fields->name, fields->number);
		else
			json_write_string(&json, fields->name, shortened(fields->text, cutter));
	if (cutter->cut_bytes)
		json_write_unsigned(&json, "cut_bytes", cutter->cut_bytes);
	json_end_object(&json);
}

void log_append(struct buffer *lines, enum log_level level, const char *message, const struct log_field *fields) {
	if (!log_enabled(level))
		return;
	size_t before = lines->len;
	for (size_t most_bytes = LOG_LINE_BYTES; most_bytes >= LEAST_VALUE_BYTES; most_bytes /= 2) {
		struct cutter cutter = {.most_bytes = most_bytes};
		if (configured_format == LOG_JSON)
			format_json(lines, level, message, fields, &cutter);
		else
			format_text(lines, level, message, fields, &cutter);
		buffer_append_byte(lines, '\n');
		if (!lines->failed)
			return;
		lines->len = before;
		lines->failed = false;
	}
}

static void write_lines(struct slice lines) {
	size_t done = 0;
	while (done < lines.len) {
		ssize_t written = write(STDERR_FILENO, lines.ptr + done, lines.len - done);
		if (written < 0 && errno == EINTR)
			continue;
		if (written <= 0)
			break;
		done += (size_t)written;
	}
}

void log_flush(struct buffer *lines) {
	if (sink)
		sink->add(sink->owner, buffer_slice(lines));
	else
		write_lines(buffer_slice(lines));
	buffer_clear(lines);
}

void log_write(enum log_level level, const char *message, const struct log_field *fields) {
	struct buffer line;
	buffer_init(&line, LOG_LINE_BYTES);
	log_append(&line, level, message, fields);
	log_flush(&line);
	buffer_free(&line);
}
