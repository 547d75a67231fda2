// SPDX-License-Identifier: Apache-2.0
// Readers of the settings' values that have a form of their own: addresses, workers, log words. Each is
// a schema_parse: it fills its field, or adds problems and leaves the field as it was.
#ifndef GATEWAY_VALUE_H
#define GATEWAY_VALUE_H

#include "base/schema.h"

void value_listen(const struct document *value, void *target, const struct schema_place *place);  // settings_addresses
void value_address(const struct document *value, void *target, const struct schema_place *place); // char *
void value_workers(const struct document *value, void *target, const struct schema_place *place); // uint64_t
void value_log_level(const struct document *value, void *target, const struct schema_place *place);  // enum log_level
void value_log_format(const struct document *value, void *target, const struct schema_place *place); // enum log_format

struct settings_addresses;

void value_free_listen(struct settings_addresses *listen);

#endif
