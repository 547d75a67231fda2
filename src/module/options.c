// SPDX-License-Identifier: Apache-2.0
#include "module/options.h"

#include <stdlib.h>

#include "config/engine_options.h"

#define SETTINGS struct options

static const struct schema_key policy_limits_keys[] = {SETTINGS_POLICY_LIMITS, {0}};
static const struct schema_key timeouts_keys[] = {SETTINGS_UPSTREAM_TIMEOUTS, {0}};
static const struct schema_key limits_keys[] = {SETTINGS_CALL_LIMITS, {0}};

static const struct schema_key options_keys[] = {
    SETTINGS_STRING(policy, "policy file; without it the built-in one, policies/weighted.lua"),
    SETTINGS_TABLE(policy_limits, policy_limits_keys, "budgets of the policy"),
    SETTINGS_DESTINATION,
    SETTINGS_TABLE(timeouts, timeouts_keys, "time limits"),
    SETTINGS_TABLE(limits, limits_keys, "size limits"),
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
	endpoint_config_complete(&options->region, &options->endpoint, look_up, NULL, problems);
	if (!options->allow_plaintext)
		endpoint_config_refuse_plaintext(options->endpoint, OPTIONS_NAME, problems);
	return problems->count == before ? 0 : ERROR_INVALID;
}

void options_free(struct options *options) {
	schema_free(options_keys, options);
	free(options->region);
	free(options->endpoint);
	credentials_config_free(&options->credentials);
	credentials_config_sets_free(&options->credential_sets);
	*options = (struct options){0};
}

struct mux_settings options_for_mux(const struct options *options, const struct credentials_sources *sources) {
	return (struct mux_settings){
	    .policy = options->policy,
	    .policy_limits = {options->policy_limits.instructions, options->policy_limits.memory_bytes},
	    .workers = 1,
	    .region = options->region,
	    .endpoint = options->endpoint,
	    .allow_plaintext = options->allow_plaintext,
	    .credentials = sources->source,
	    .credential_sets = sources->sets,
	    .credential_set_count = sources->set_count,
	    .connect_ms = options->timeouts.connect_ms,
	    .pool_idle_ms = options->timeouts.pool_idle_ms,
	    .response_bytes = options->limits.response_bytes,
	    .header_bytes = options->limits.header_bytes,
	    .frame_bytes = options->limits.frame_bytes,
	    .hold_bytes = options->limits.hold_bytes,
	};
}
