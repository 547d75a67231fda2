// SPDX-License-Identifier: Apache-2.0
#include "module/options.h"

#include <stdlib.h>

#include "mux/destination.h"

enum { KIBI = 1024, MEBI = 1024 * 1024, MINUTE_MS = 60 * 1000, HOUR_MS = 3600 * 1000 };

#define INTEGER(of, key, fallback, least, most, text)                                                                  \
	{                                                                                                                  \
		.name = #key, .type = SCHEMA_INTEGER,                                                                          \
		.offset = offsetof(struct options, of.key) - offsetof(struct options, of), .minimum = (least),                 \
		.maximum = (most), .default_number = (fallback), .meaning = text                                               \
	}
#define CUSTOM(key, reader, form, text)                                                                                \
	{                                                                                                                  \
		.name = #key, .type = SCHEMA_CUSTOM, .offset = offsetof(struct options, key), .parse = reader,                 \
		.expected = form, .meaning = text                                                                              \
	}
#define TABLE(key, inner, text)                                                                                        \
	{ .name = #key, .type = SCHEMA_TABLE, .offset = offsetof(struct options, key), .keys = inner, .meaning = text }

static const struct schema_key policy_limits_keys[] = {
    INTEGER(policy_limits, instructions, 100000, 1000, 1e9, "Lua instructions of one hook call"),
    INTEGER(policy_limits, memory_bytes, 16 * MEBI, MEBI, 1024.0 * MEBI, "memory of the policy's Lua VM"),
    {0},
};

static const struct schema_key timeouts_keys[] = {
    INTEGER(timeouts, connect_ms, 3000, 10, MINUTE_MS, "name resolution, TCP and TLS of a connection"),
    INTEGER(timeouts, pool_idle_ms, 60000, 10, HOUR_MS, "an idle connection is closed after"),
    {0},
};

static const struct schema_key limits_keys[] = {
    INTEGER(limits, body_bytes, 25 * MEBI, KIBI, 1024.0 * MEBI, "largest body of a request"),
    INTEGER(limits, response_bytes, 25 * MEBI, KIBI, 1024.0 * MEBI, "largest unary answer"),
    INTEGER(limits, header_bytes, 64 * KIBI, KIBI, MEBI, "largest head of an answer"),
    INTEGER(limits, frame_bytes, 16 * MEBI, KIBI, 16 * MEBI, "largest frame of an event stream"),
    INTEGER(limits, hold_bytes, 64 * KIBI, KIBI, 16 * MEBI, "held back of a stream before its first content"),
    {0},
};

static const struct schema_key options_keys[] = {
    {.name = "policy",
     .type = SCHEMA_STRING,
     .offset = offsetof(struct options, policy),
     .meaning = "policy file; without it the built-in one, policies/weighted.lua"},
    TABLE(policy_limits, policy_limits_keys, "budgets of the policy"),
    CUSTOM(region, destination_read_region, "the name of a region", "else AWS_REGION, AWS_DEFAULT_REGION, us-east-1"),
    CUSTOM(endpoint, destination_read_endpoint, "\"http[s]://HOST[:PORT][/PATH]\"",
           "else AWS_ENDPOINT_URL_BEDROCK_RUNTIME, AWS_ENDPOINT_URL, the region's own"),
    {.name = "allow_plaintext",
     .type = SCHEMA_BOOLEAN,
     .offset = offsetof(struct options, allow_plaintext),
     .meaning = "http:// endpoints other than loopback"},
    CUSTOM(credentials, identity_read, "a table", "whom to sign as; else the environment's credentials"),
    CUSTOM(credential_sets, identity_read_sets, "a table of NAME = credentials", "for models that name one"),
    TABLE(timeouts, timeouts_keys, "time limits"),
    TABLE(limits, limits_keys, "size limits"),
    {0},
};

static const char *look_up(void *owner, const char *name) {
	(void)owner;
	return getenv(name);
}

int options_read(const struct document *document, struct problems *problems, struct options *options) {
	size_t before = problems->count;
	struct schema_place place = {OPTIONS_NAME, "", problems};
	*options = (struct options){0};
	schema_defaults(options_keys, options);
	schema_read(options_keys, document, options, &place);
	destination_complete(&options->region, &options->endpoint, look_up, NULL, problems);
	if (!options->allow_plaintext)
		destination_refuse_plaintext(options->endpoint, OPTIONS_NAME, problems);
	return problems->count == before ? 0 : ERROR_INVALID;
}

void options_free(struct options *options) {
	schema_free(options_keys, options);
	free(options->region);
	free(options->endpoint);
	identity_settings_free(&options->credentials);
	identity_sets_free(&options->credential_sets);
	*options = (struct options){0};
}

struct mux_settings options_for_mux(const struct options *options, const struct identity *identity) {
	return (struct mux_settings){
	    .policy = options->policy,
	    .policy_limits = {options->policy_limits.instructions, options->policy_limits.memory_bytes},
	    .workers = 1,
	    .region = options->region,
	    .endpoint = options->endpoint,
	    .allow_plaintext = options->allow_plaintext,
	    .credentials = identity->source,
	    .credential_sets = identity->sets,
	    .credential_set_count = identity->set_count,
	    .connect_ms = options->timeouts.connect_ms,
	    .pool_idle_ms = options->timeouts.pool_idle_ms,
	    .response_bytes = options->limits.response_bytes,
	    .header_bytes = options->limits.header_bytes,
	    .frame_bytes = options->limits.frame_bytes,
	    .hold_bytes = options->limits.hold_bytes,
	};
}
