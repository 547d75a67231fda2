// SPDX-License-Identifier: Apache-2.0
// The process's log: one line an entry on stderr, as text or JSON. An entry is a message and named fields; callers
// never pass prompts, responses or credentials. Thread-safe: lines don't mix.
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/slice.h"

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR, LOG_OFF };
enum log_format { LOG_TEXT, LOG_JSON };

// The names in settings, indexed by the enums above; NULL ends each list.
extern const char *const log_level_names[];
extern const char *const log_format_names[];

enum log_kind { LOG_END, LOG_STRING, LOG_NUMBER };

struct log_field {
	const char *name;
	enum log_kind kind;
	struct slice text;
	int64_t number;
};

// Fields for log_write: of a slice, a C string, a number.
#define LOG_S(name, slice) ((struct log_field){(name), LOG_STRING, (slice), 0})
#define LOG_C(name, string) LOG_S(name, slice_from(string))
#define LOG_N(name, number) ((struct log_field){(name), LOG_NUMBER, {0}, (int64_t)(number)})

// Call this before threads start. Until then the format is text and the level is LOG_INFO.
void log_configure(enum log_level level, enum log_format format);

bool log_enabled(enum log_level level);

// Writes "TIME LEVEL MESSAGE name=value ..." or one JSON object. A LOG_END entry ends `fields`; NULL is none.
// In text, values with spaces, quotes or control characters are quoted and escaped as JSON strings are.
void log_write(enum log_level level, const char *message, const struct log_field *fields);

// How far the log's reader is behind.
struct log_backlog {
	size_t waiting_bytes; // not written yet
	uint64_t lost_lines;  // dropped so far, for want of room
};

// Where lines go. Without a sink, callers write them to stderr themselves, and wait for a slow reader.
struct log_sink {
	void (*add)(void *owner, struct slice lines); // whole lines; from any thread
	struct log_backlog (*backlog)(void *owner);   // from any thread
	void *owner;
};

// Call this while no other thread writes lines. The sink is borrowed; NULL is none.
void log_set_sink(const struct log_sink *sink);
// All zero without a sink.
struct log_backlog log_backlog(void);

// The most bytes of a line. Of a longer one the longest values are cut short, and a field `cut_bytes` says by how much.
enum { LOG_LINE_BYTES = 16384 };

// Appends the line that log_write would write, with its line end; nothing if the level is not enabled. `lines` has room
// for LOG_LINE_BYTES more, or the line may be cut to what it has. A caller with many lines collects them and writes
// them at once.
void log_append(struct buffer *lines, enum log_level level, const char *message, const struct log_field *fields);
// Writes collected lines, or gives them to the sink, and clears the buffer.
void log_flush(struct buffer *lines);

// log_write with its fields as arguments: log_entry(LOG_INFO, "listening", LOG_C("address", a), LOG_N("port", p)).
#define log_entry(level, ...) log_entry_(level, __VA_ARGS__, LOG_NONE_)
#define log_entry_(level, message, ...) log_write(level, message, (const struct log_field[]){__VA_ARGS__})
#define LOG_NONE_ ((struct log_field){0})

#endif
