// SPDX-License-Identifier: Apache-2.0
#include "config/engine_options.h"

#include <stdlib.h>

#include "base/memory.h"
#include "base/problem.h"
#include "config/credentials_config.h"
#include "config/endpoint_config.h"

#define OFFSET(key) offsetof(struct engine_options, key)
#define INTEGER(...) KEY_INTEGER(struct engine_options, __VA_ARGS__)
#define BOOLEAN(...) KEY_BOOLEAN(struct engine_options, __VA_ARGS__)
#define CUSTOM(...) KEY_CUSTOM(struct engine_options, __VA_ARGS__)

static const struct schema_key policy_limits_keys[] = {
    INTEGER(policy_limits, instructions, 100000, 1000, 1e9, "Lua instructions of one hook call"),
    INTEGER(policy_limits, memory_bytes, 16 * MEBI, MEBI, 1024.0 * MEBI, "memory of one worker's Lua VM"),
    {0},
};

const struct schema_key engine_timeouts_keys[] = {
    INTEGER(timeouts, connect_ms, 3000, 10, MINUTE_MS, "name resolution, TCP and TLS of an upstream connection"),
    INTEGER(timeouts, pool_idle_ms, 60000, 10, HOUR_MS, "an idle upstream connection is closed after"),
    {0},
};

const struct schema_key engine_limits_keys[] = {
    INTEGER(limits, body_bytes, 25 * MEBI, KIBI, 1024.0 * MEBI, "largest body of a request"),
    INTEGER(limits, response_bytes, 25 * MEBI, KIBI, 1024.0 * MEBI, "largest whole response of a model"),
    INTEGER(limits, header_bytes, 64 * KIBI, KIBI, MEBI, "largest head of a request or a response"),
    INTEGER(limits, frame_bytes, 16 * MEBI, KIBI, 16 * MEBI, "largest frame of an event stream"),
    INTEGER(limits, hold_bytes, 64 * KIBI, KIBI, 16 * MEBI, "held back of a stream before its first content"),
    {0},
};

const struct schema_key engine_base_keys[] = {
    {.name = "policy",
     .type = SCHEMA_STRING,
     .offset = OFFSET(policy),
     .meaning = "policy file; without it the built-in one, policies/weighted.lua"},
    KEY_TABLE(policy_limits, policy_limits_keys, "budgets of the policy"),
    CUSTOM(region, endpoint_config_read_region, "the name of a region",
           "else AWS_REGION, AWS_DEFAULT_REGION, us-east-1"),
    CUSTOM(endpoint, endpoint_config_read_endpoint, "\"http[s]://HOST[:PORT][/PATH]\"",
           "else AWS_ENDPOINT_URL_BEDROCK_RUNTIME, AWS_ENDPOINT_URL, the region's own"),
    BOOLEAN(allow_plaintext, "http:// endpoints other than loopback"),
    CUSTOM(credentials, credentials_config_read, "a table", "whom to sign as; else the environment's credentials"),
    CUSTOM(credential_sets, credentials_config_read_sets, "a table of NAME = credentials", "for models that name one"),
    {0},
};

const struct schema_key engine_options_keys[] = {
    {.name = "", .type = SCHEMA_KEYS, .keys = engine_base_keys},
    KEY_TABLE(timeouts, engine_timeouts_keys, "time limits"),
    KEY_TABLE(limits, engine_limits_keys, "size limits"),
    {0},
};

void engine_options_complete(const char *file, const struct environment *environment, struct problems *problems,
                             struct engine_options *options) {
	endpoint_config_complete(environment, problems, options);
	if (!options->allow_plaintext)
		endpoint_config_refuse_plaintext(options->endpoint, file, problems);
}

int engine_options_read(const char *file, const struct document *table, const struct environment *environment,
                        struct problems *problems, struct engine_options *options) {
	size_t before = problems->count;
	struct schema_place place = {file, "", problems};
	*options = (struct engine_options){0};
	schema_defaults(engine_options_keys, options);
	schema_read(engine_options_keys, table, options, &place);
	engine_options_complete(file, environment, problems, options);
	return problems->count == before ? 0 : ERROR_INVALID;
}

void engine_options_free(struct engine_options *options) {
	free(options->policy);
	free(options->region);
	free(options->endpoint);
	memory_free_secret(options->proxy);
	credentials_config_free(&options->credentials);
	credentials_config_sets_free(&options->credential_sets);
	*options = (struct engine_options){0};
}
