// SPDX-License-Identifier: Apache-2.0
#include "gateway/engine.h"

struct mux_settings engine_settings(const struct settings *settings, const struct credentials_sources *sources) {
	return (struct mux_settings){
	    .policy = settings->policy,
	    .policy_limits = {settings->policy_limits.instructions, settings->policy_limits.memory_bytes},
	    .workers = (size_t)settings->workers,
	    .region = settings->region,
	    .endpoint = settings->endpoint,
	    .allow_plaintext = settings->allow_plaintext,
	    .credentials = sources->source,
	    .credential_sets = sources->sets,
	    .credential_set_count = sources->set_count,
	    .connect_ms = settings->timeouts.connect_ms,
	    .pool_idle_ms = settings->timeouts.pool_idle_ms,
	    .response_bytes = settings->limits.response_bytes,
	    .header_bytes = settings->limits.header_bytes,
	    .frame_bytes = settings->limits.frame_bytes,
	    .hold_bytes = settings->limits.hold_bytes,
	};
}
