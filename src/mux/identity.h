// SPDX-License-Identifier: Apache-2.0
// Whom requests are signed as: the settings' form of credentials, its readers, and the credentials sources made of it
// (or of the environment, where there is none). The readers are schema_parse functions: each fills its field, or adds
// problems and leaves the field as it was. What could be a secret never gets into a problem.
#ifndef MUX_IDENTITY_H
#define MUX_IDENTITY_H

#include <stddef.h>

#include "base/schema.h"
#include "mux/mux.h"

// A key pair, with or without a session token, or a bearer token. All NULL: the environment's.
struct identity_settings {
	char *access_key_id;
	char *secret_access_key;
	char *session_token;
	char *bearer_token;
};

struct identity_set {
	char *name;
	struct identity_settings credentials;
};

struct identity_sets {
	struct identity_set *list;
	size_t count;
};

// Read a table of credentials into a struct identity_settings, and one of NAME = credentials into a struct
// identity_sets.
void identity_read(const struct document *value, void *target, const struct schema_place *place);
void identity_read_sets(const struct document *value, void *target, const struct schema_place *place);
// Wipe and free what was read.
void identity_settings_free(struct identity_settings *settings);
void identity_sets_free(struct identity_sets *sets);

struct identity {
	struct credentials_source *source;
	struct mux_credential_set *sets;
	size_t set_count;
};

// `sets` is borrowed for the identity's life.
void identity_init(struct identity *identity, const struct identity_settings *own, const struct identity_sets *sets);
void identity_free(struct identity *identity);

#endif
