// SPDX-License-Identifier: Apache-2.0
// The process's log: one line an entry on stderr, as text or JSON. An entry is a message and named fields; callers
// never pass prompts, answers or credentials. Safe from any thread: a line is one write.
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/slice.h"

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR, LOG_OFF };
enum log_format { LOG_TEXT, LOG_JSON };

// By the enums above, as settings name them; ended by NULL.
extern const char *const log_level_names[];
extern const char *const log_format_names[];

enum log_kind { LOG_END, LOG_STRING, LOG_NUMBER };

struct log_field {
	const char *name;
	enum log_kind kind;
	struct slice text;
	int64_t number;
};

// Builders for log_write's fields.
#define LOG_S(name, slice) ((struct log_field){(name), LOG_STRING, (slice), 0})
#define LOG_C(name, string) LOG_S(name, slice_from(string))
#define LOG_N(name, number) ((struct log_field){(name), LOG_NUMBER, {0}, (int64_t)(number)})

// To be called before threads start. Text at LOG_INFO until then.
void log_configure(enum log_level level, enum log_format format);

bool log_enabled(enum log_level level);

// Writes "TIME LEVEL MESSAGE name=value ..." or one JSON object. `fields` ends with a LOG_END entry; NULL is none.
// In text, values with spaces, quotes or control characters are quoted and escaped as JSON strings are.
void log_write(enum log_level level, const char *message, const struct log_field *fields);

// Appends the line that log_write would write, with its end; nothing where the level is not enabled. For those who
// gather many lines and write them at once.
void log_append(struct buffer *lines, enum log_level level, const char *message, const struct log_field *fields);
// Writes gathered lines and forgets them.
void log_flush(struct buffer *lines);

// log_write with its fields as arguments: log_entry(LOG_INFO, "listening", LOG_C("address", a), LOG_N("port", p)).
#define log_entry(level, ...) log_entry_(level, __VA_ARGS__, LOG_NONE_)
#define log_entry_(level, message, ...) log_write(level, message, (const struct log_field[]){__VA_ARGS__})
#define LOG_NONE_ ((struct log_field){0})

#endif
