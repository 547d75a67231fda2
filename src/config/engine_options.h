// SPDX-License-Identifier: Apache-2.0
// Reads struct engine_options. Its keys are defined once: names, types, ranges, defaults, meanings. A door whose
// settings embed the structure includes these lists in its own by a SCHEMA_KEYS entry at the structure's offset.
#ifndef CONFIG_ENGINE_OPTIONS_H
#define CONFIG_ENGINE_OPTIONS_H

#include "base/document.h"
#include "base/environment.h"
#include "base/error.h"
#include "base/problem.h"
#include "base/schema.h"
#include "mux/engine_options.h"

enum { KIBI = 1024, MEBI = 1024 * 1024, MINUTE_MS = 60 * 1000, HOUR_MS = 3600 * 1000 };

// All keys.
extern const struct schema_key engine_options_keys[];
// The same in parts, for doors that have further keys in the tables `timeouts` and `limits`: the keys without the two
// tables, and the keys of each table.
extern const struct schema_key engine_base_keys[];
extern const struct schema_key engine_timeouts_keys[];
extern const struct schema_key engine_limits_keys[];

// Builders of keys for a structure `of`. Offsets count from the start of the whole structure, also for keys of an inner
// table.
#define KEY_INTEGER(of, table, key, fallback, least, most, text)                                                       \
	{                                                                                                                  \
		.name = #key, .type = SCHEMA_INTEGER, .offset = offsetof(of, table.key), .minimum = (least),                   \
		.maximum = (most), .default_number = (fallback), .meaning = text                                               \
	}
#define KEY_BOOLEAN(of, key, text)                                                                                     \
	{ .name = #key, .type = SCHEMA_BOOLEAN, .offset = offsetof(of, key), .meaning = text }
#define KEY_CUSTOM(of, key, reader, form, text)                                                                        \
	{                                                                                                                  \
		.name = #key, .type = SCHEMA_CUSTOM, .offset = offsetof(of, key), .parse = reader, .expected = form,           \
		.meaning = text                                                                                                \
	}
#define KEY_TABLE(key, inner, text)                                                                                    \
	{ .name = #key, .type = SCHEMA_TABLE, .keys = inner, .meaning = text }

// Includes a list of the keys above in the list of a structure `of` that embeds a struct engine_options as `member`.
#define ENGINE_OPTIONS_KEYS(of, member, list)                                                                          \
	{ .name = "", .type = SCHEMA_KEYS, .offset = offsetof(of, member), .keys = (list) }

// Fills region, endpoint and proxy from the environment, if they are still NULL, and checks keys against each other.
// `file` is where the endpoint came from, for messages.
void engine_options_complete(const char *file, const struct environment *environment, struct problems *problems,
                             struct engine_options *options);

// Fills `options` (release with engine_options_free, whatever the result) from defaults, the table and the environment.
// 0, or ERROR_INVALID with every mistake in `problems`.
int engine_options_read(const char *file, const struct document *table, const struct environment *environment,
                        struct problems *problems, struct engine_options *options);

// Wipes and frees what it holds.
void engine_options_free(struct engine_options *options);

#endif
