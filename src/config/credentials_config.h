// SPDX-License-Identifier: Apache-2.0
// The credentials that requests are signed with: readers of the settings, and the credentials sources made from them or
// from the environment. The readers are schema_parse functions: each fills its field, or adds problems and leaves the
// field as it was. Problems never quote what could be a secret.
#ifndef CONFIG_CREDENTIALS_CONFIG_H
#define CONFIG_CREDENTIALS_CONFIG_H

#include "base/environment.h"
#include "base/problem.h"
#include "base/schema.h"
#include "mux/engine_options.h"
#include "mux/mux.h"

// Reads a table of credentials into a struct credentials_config.
void credentials_config_read(const struct document *value, void *target, const struct schema_place *place);
// Reads a table of NAME = credentials into a struct credentials_config_sets.
void credentials_config_read_sets(const struct document *value, void *target, const struct schema_place *place);
// Wipe and free what was read. Zero-initialised is allowed.
void credentials_config_free(struct credentials_config *credentials);
void credentials_config_sets_free(struct credentials_config_sets *sets);

// Creates the sources that the options name: their own credentials, else the environment's, and the named sets. The
// options are borrowed for the sources' life. 0, or ERROR_INVALID with a problem if the environment has half a key
// pair, or a session token without one; release with credentials_sources_free, whatever the result. Zero-initialised
// sources may be freed too.
int credentials_sources_init(struct credentials_sources *sources, const struct engine_options *options,
                             const struct environment *environment, struct problems *problems);
void credentials_sources_free(struct credentials_sources *sources);

#endif
