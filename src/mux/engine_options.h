// SPDX-License-Identifier: Apache-2.0
// What an operator sets of an engine, whichever door it stands behind. Plain data, embedded by the doors' settings;
// `config` owns its keys, its defaults and its reading.
#ifndef MUX_ENGINE_OPTIONS_H
#define MUX_ENGINE_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "policy/policy.h"

// A key pair, with or without a session token, or a bearer token. All NULL: the environment's.
struct credentials_config {
	char *access_key_id;
	char *secret_access_key;
	char *session_token;
	char *bearer_token;
};

struct credentials_config_set {
	char *name;
	struct credentials_config credentials;
};

struct credentials_config_sets {
	struct credentials_config_set *list;
	size_t count;
};

struct engine_options {
	char *policy; // path; NULL: the built-in one
	struct policy_limits policy_limits;
	char *region;         // never NULL once read
	char *endpoint;       // NULL: the region's own
	bool allow_plaintext; // http:// endpoints other than loopback
	char *proxy;          // of TLS connections to upstreams; may hold a password. NULL for none
	struct credentials_config credentials;
	struct credentials_config_sets credential_sets;
	struct {
		uint64_t connect_ms, pool_idle_ms;
	} timeouts;
	struct {
		uint64_t body_bytes, response_bytes, header_bytes, frame_bytes, hold_bytes;
	} limits;
};

#endif
