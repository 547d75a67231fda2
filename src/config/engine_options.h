// SPDX-License-Identifier: Apache-2.0
// The settings that every door of the engine has, defined once: names, types, ranges, defaults, meanings. A door lays
// them into its own lists of keys, between those that only it has; its structure has fields of the same names, and is
// what it defines SETTINGS as, before it uses any of these.
#ifndef CONFIG_ENGINE_OPTIONS_H
#define CONFIG_ENGINE_OPTIONS_H

#include "base/schema.h"
#include "config/credentials_config.h"
#include "config/endpoint_config.h"

enum { KIBI = 1024, MEBI = 1024 * 1024, MINUTE_MS = 60 * 1000, HOUR_MS = 3600 * 1000 };

// A whole number in the table `of`.
#define SETTINGS_INTEGER(of, key, fallback, least, most, text)                                                         \
	{                                                                                                                  \
		.name = #key, .type = SCHEMA_INTEGER, .offset = offsetof(SETTINGS, of.key) - offsetof(SETTINGS, of),           \
		.minimum = (least), .maximum = (most), .default_number = (fallback), .meaning = text                           \
	}
#define SETTINGS_CUSTOM(key, reader, form, text)                                                                       \
	{                                                                                                                  \
		.name = #key, .type = SCHEMA_CUSTOM, .offset = offsetof(SETTINGS, key), .parse = reader, .expected = form,     \
		.meaning = text                                                                                                \
	}
#define SETTINGS_STRING(key, text)                                                                                     \
	{ .name = #key, .type = SCHEMA_STRING, .offset = offsetof(SETTINGS, key), .meaning = text }
#define SETTINGS_BOOLEAN(key, text)                                                                                    \
	{ .name = #key, .type = SCHEMA_BOOLEAN, .offset = offsetof(SETTINGS, key), .meaning = text }
#define SETTINGS_TABLE(key, inner, text)                                                                               \
	{ .name = #key, .type = SCHEMA_TABLE, .offset = offsetof(SETTINGS, key), .keys = inner, .meaning = text }

// Of the table `policy_limits`.
#define SETTINGS_POLICY_LIMITS                                                                                         \
	SETTINGS_INTEGER(policy_limits, instructions, 100000, 1000, 1e9, "Lua instructions of one hook call"),             \
	    SETTINGS_INTEGER(policy_limits, memory_bytes, 16 * MEBI, MEBI, 1024.0 * MEBI, "memory of one worker's Lua VM")

// Of the table `timeouts`.
#define SETTINGS_UPSTREAM_TIMEOUTS                                                                                     \
	SETTINGS_INTEGER(timeouts, connect_ms, 3000, 10, MINUTE_MS,                                                        \
	                 "name resolution, TCP and TLS of an upstream connection"),                                        \
	    SETTINGS_INTEGER(timeouts, pool_idle_ms, 60000, 10, HOUR_MS, "an idle upstream connection is closed after")

// Of the table `limits`.
#define SETTINGS_CALL_LIMITS                                                                                           \
	SETTINGS_INTEGER(limits, body_bytes, 25 * MEBI, KIBI, 1024.0 * MEBI, "largest body of a request"),                 \
	    SETTINGS_INTEGER(limits, response_bytes, 25 * MEBI, KIBI, 1024.0 * MEBI, "largest unary answer of a model"),   \
	    SETTINGS_INTEGER(limits, header_bytes, 64 * KIBI, KIBI, MEBI, "largest head of a request or an answer"),       \
	    SETTINGS_INTEGER(limits, frame_bytes, 16 * MEBI, KIBI, 16 * MEBI, "largest frame of an event stream"),         \
	    SETTINGS_INTEGER(limits, hold_bytes, 64 * KIBI, KIBI, 16 * MEBI,                                               \
	                     "held back of a stream before its first content")

// Where requests go and who signs them.
#define SETTINGS_DESTINATION                                                                                           \
	SETTINGS_CUSTOM(region, endpoint_config_read_region, "the name of a region",                                       \
	                "else AWS_REGION, AWS_DEFAULT_REGION, us-east-1"),                                                 \
	    SETTINGS_CUSTOM(endpoint, endpoint_config_read_endpoint, "\"http[s]://HOST[:PORT][/PATH]\"",                   \
	                    "else AWS_ENDPOINT_URL_BEDROCK_RUNTIME, AWS_ENDPOINT_URL, the region's own"),                  \
	    SETTINGS_BOOLEAN(allow_plaintext, "http:// endpoints other than loopback"),                                    \
	    SETTINGS_CUSTOM(credentials, credentials_config_read, "a table",                                               \
	                    "whom to sign as; else the environment's credentials"),                                        \
	    SETTINGS_CUSTOM(credential_sets, credentials_config_read_sets, "a table of NAME = credentials",                \
	                    "for models that name one")

#endif
