// SPDX-License-Identifier: Apache-2.0
// Whom requests are signed as: the settings' form of credentials, its readers, and the credentials sources made of it
// (or of the environment, where there is none). The readers are schema_parse functions: each fills its field, or adds
// problems and leaves the field as it was. What could be a secret never gets into a problem.
#ifndef CONFIG_CREDENTIALS_CONFIG_H
#define CONFIG_CREDENTIALS_CONFIG_H

#include <stddef.h>

#include "base/schema.h"
#include "mux/mux.h"

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

// Read a table of credentials into a struct credentials_config, and one of NAME = credentials into a struct
// credentials_config_sets.
void credentials_config_read(const struct document *value, void *target, const struct schema_place *place);
void credentials_config_read_sets(const struct document *value, void *target, const struct schema_place *place);
// Wipe and free what was read.
void credentials_config_free(struct credentials_config *settings);
void credentials_config_sets_free(struct credentials_config_sets *sets);

struct credentials_sources {
	struct credentials_source *source;
	struct mux_credential_set *sets;
	size_t set_count;
};

// `sets` is borrowed for the sources' life.
void credentials_sources_init(struct credentials_sources *sources, const struct credentials_config *own,
                              const struct credentials_config_sets *sets);
void credentials_sources_free(struct credentials_sources *sources);

#endif
