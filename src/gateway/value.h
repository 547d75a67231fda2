// SPDX-License-Identifier: Apache-2.0
// Readers of the settings' values that have a form of their own: addresses, workers, regions, endpoints, credentials,
// log words. Each is a schema_parse: it fills its field, or adds problems and leaves the field as it was. What could be
// a secret never gets into a problem.
#ifndef GATEWAY_VALUE_H
#define GATEWAY_VALUE_H

#include "base/schema.h"

void value_listen(const struct document *value, void *target, const struct schema_place *place);   // settings_addresses
void value_address(const struct document *value, void *target, const struct schema_place *place);  // char *
void value_workers(const struct document *value, void *target, const struct schema_place *place);  // uint64_t
void value_region(const struct document *value, void *target, const struct schema_place *place);   // char *
void value_endpoint(const struct document *value, void *target, const struct schema_place *place); // char *
void value_credentials(const struct document *value, void *target, const struct schema_place *place);
void value_credential_sets(const struct document *value, void *target, const struct schema_place *place);
void value_log_level(const struct document *value, void *target, const struct schema_place *place);  // enum log_level
void value_log_format(const struct document *value, void *target, const struct schema_place *place); // enum log_format

struct settings_addresses;
struct settings_credentials;
struct settings_credential_sets;

void value_free_listen(struct settings_addresses *listen);
// Wipes first.
void value_free_credentials(struct settings_credentials *credentials);
void value_free_credential_sets(struct settings_credential_sets *sets);

#endif
