// SPDX-License-Identifier: Apache-2.0
// Where requests go unless a model says otherwise: readers of the settings' region and endpoint, and what the
// environment says of them. The readers are schema_parse functions over a char *.
#ifndef CONFIG_ENDPOINT_CONFIG_H
#define CONFIG_ENDPOINT_CONFIG_H

#include <stdbool.h>

#include "base/schema.h"

void endpoint_config_read_region(const struct document *value, void *target, const struct schema_place *place);
void endpoint_config_read_endpoint(const struct document *value, void *target, const struct schema_place *place);

// Reads a variable of the environment; NULL where it isn't set.
typedef const char *(*endpoint_config_lookup)(void *owner, const char *name);

// Fills *region and *endpoint where they are still NULL: from AWS_REGION, AWS_DEFAULT_REGION (else us-east-1), and
// from AWS_ENDPOINT_URL_BEDROCK_RUNTIME, AWS_ENDPOINT_URL (else *endpoint stays NULL: the region's own). A variable
// that makes no sense is a problem.
void endpoint_config_complete(char **region, char **endpoint, endpoint_config_lookup lookup, void *owner,
                              struct problems *problems);

// Adds a problem when `endpoint` (NULL is fine) is http:// and not on this machine.
void endpoint_config_refuse_plaintext(const char *endpoint, const char *file, struct problems *problems);

#endif
