// SPDX-License-Identifier: Apache-2.0
// The default region and endpoint of requests: readers of the settings, and of the environment's variables. The readers
// are schema_parse functions whose target is a char *.
#ifndef CONFIG_ENDPOINT_CONFIG_H
#define CONFIG_ENDPOINT_CONFIG_H

#include "base/environment.h"
#include "base/problem.h"
#include "base/schema.h"
#include "mux/engine_options.h"

void endpoint_config_read_region(const struct document *value, void *target, const struct schema_place *place);
void endpoint_config_read_endpoint(const struct document *value, void *target, const struct schema_place *place);

// Fills what is still NULL. region: from AWS_REGION, AWS_DEFAULT_REGION, else us-east-1. endpoint: from
// AWS_ENDPOINT_URL_BEDROCK_RUNTIME, AWS_ENDPOINT_URL, else it stays NULL, for the region's own. proxy: from
// https_proxy, HTTPS_PROXY, all_proxy, ALL_PROXY, else it stays NULL, for none. Adds a problem for an invalid region or
// endpoint.
void endpoint_config_complete(const struct environment *environment, struct problems *problems,
                              struct engine_options *options);

// Adds a problem if `endpoint` (a URL, or NULL) is http:// and not on loopback.
void endpoint_config_refuse_plaintext(const char *endpoint, const char *file, struct problems *problems);

#endif
