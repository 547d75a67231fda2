// SPDX-License-Identifier: Apache-2.0
// The options of an engine, the same behind every door. Plain data, embedded in the doors' settings; `config` owns
// their keys and defaults, and reads and frees them.
#ifndef MUX_ENGINE_OPTIONS_H
#define MUX_ENGINE_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "policy/policy.h"

// A key pair, with or without a session token, or a bearer token. All NULL: use the environment's.
struct credentials_config {
	char *access_key_id;
	char *secret_access_key;
	char *session_token;
	char *bearer_token;
};

// A set of credentials that models name.
struct credentials_config_set {
	char *name;
	struct credentials_config credentials;
};

struct credentials_config_sets {
	struct credentials_config_set *list;
	size_t count;
};

// Strings are owned by the structure.
struct engine_options {
	char *policy; // path; NULL: the built-in policy
	struct policy_limits policy_limits;
	char *region;         // never NULL once read
	char *endpoint;       // NULL: the region's default
	bool allow_plaintext; // allow http:// endpoints other than loopback
	char *proxy;          // for TLS connections to upstreams, may hold a password; NULL: none
	struct credentials_config credentials;
	struct credentials_config_sets credential_sets;
	struct {
		uint64_t connect_ms;   // of a connection to an upstream, with its TLS handshake
		uint64_t pool_idle_ms; // of an idle connection in the pool
	} timeouts;
	struct {
		uint64_t body_bytes;     // of a request
		uint64_t response_bytes; // of a whole response
		uint64_t header_bytes;   // of a head
		uint64_t frame_bytes;    // of a frame of a stream
		uint64_t hold_bytes;     // of the frames that a stream holds before it commits
	} limits;
};

#endif
