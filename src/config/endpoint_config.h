// SPDX-License-Identifier: Apache-2.0
// Where requests go unless a model says otherwise: readers of the settings' region and endpoint, and what the
// environment says of them. The readers are schema_parse functions over a char *.
#ifndef CONFIG_ENDPOINT_CONFIG_H
#define CONFIG_ENDPOINT_CONFIG_H

#include "base/environment.h"
#include "base/problem.h"
#include "base/schema.h"
#include "mux/engine_options.h"

void endpoint_config_read_region(const struct document *value, void *target, const struct schema_place *place);
void endpoint_config_read_endpoint(const struct document *value, void *target, const struct schema_place *place);

// Fills region, endpoint and proxy where they are still NULL: from AWS_REGION, AWS_DEFAULT_REGION (else us-east-1);
// AWS_ENDPOINT_URL_BEDROCK_RUNTIME, AWS_ENDPOINT_URL (else it stays NULL: the region's own); HTTPS_PROXY, ALL_PROXY, in
// small letters first (else NULL: none). A region or an endpoint that makes no sense is a problem.
void endpoint_config_complete(const struct environment *environment, struct problems *problems,
                              struct engine_options *options);

// Adds a problem when `endpoint` (NULL is fine) is http:// and not on this machine.
void endpoint_config_refuse_plaintext(const char *endpoint, const char *file, struct problems *problems);

#endif
