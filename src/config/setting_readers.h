// SPDX-License-Identifier: Apache-2.0
// Readers of settings that have a form of their own: addresses, workers, the log's words. Each is a schema_parse
// function: it fills its field, or adds problems and leaves the field as it was. The comment names the field's type.
#ifndef CONFIG_SETTING_READERS_H
#define CONFIG_SETTING_READERS_H

#include "base/schema.h"

void setting_read_listen(const struct document *value, void *target, const struct schema_place *place);  // address_list
void setting_read_hosts(const struct document *value, void *target, const struct schema_place *place);   // address_list
void setting_read_admin(const struct document *value, void *target, const struct schema_place *place);   // char *
void setting_read_workers(const struct document *value, void *target, const struct schema_place *place); // uint64_t
// enum log_level and enum log_format
void setting_read_log_level(const struct document *value, void *target, const struct schema_place *place);
void setting_read_log_format(const struct document *value, void *target, const struct schema_place *place);

enum { SETTING_WORDS_BYTES = 128 };

// Writes a list of words, ended by NULL, for people: each between quotes, as in "debug", "info" or "off".
void setting_write_words(const char *const *words, const char *quote, char text[SETTING_WORDS_BYTES]);

#endif
