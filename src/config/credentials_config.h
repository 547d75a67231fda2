// SPDX-License-Identifier: Apache-2.0
// Whom requests are signed as: the settings' form of credentials, its readers, and the credentials sources made of it
// (or of the environment, where there is none). The readers are schema_parse functions: each fills its field, or adds
// problems and leaves the field as it was. What could be a secret never gets into a problem.
#ifndef CONFIG_CREDENTIALS_CONFIG_H
#define CONFIG_CREDENTIALS_CONFIG_H

#include "base/environment.h"
#include "base/problem.h"
#include "base/schema.h"
#include "mux/engine_options.h"
#include "mux/mux.h"

// Read a table of credentials into a struct credentials_config, and one of NAME = credentials into a struct
// credentials_config_sets.
void credentials_config_read(const struct document *value, void *target, const struct schema_place *place);
void credentials_config_read_sets(const struct document *value, void *target, const struct schema_place *place);
// Wipe and free what was read.
void credentials_config_free(struct credentials_config *settings);
void credentials_config_sets_free(struct credentials_config_sets *sets);

// Makes the sources that the options speak of: their own credentials, else the environment's, and the named sets. The
// options are borrowed for the sources' life. 0, or ERROR_INVALID with a problem when the environment holds half a key
// pair; either way credentials_sources_free follows. Zero-initialised sources may be freed too.
int credentials_sources_init(struct credentials_sources *sources, const struct engine_options *options,
                             const struct environment *environment, struct problems *problems);
void credentials_sources_free(struct credentials_sources *sources);

#endif
