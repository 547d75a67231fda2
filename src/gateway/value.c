// SPDX-License-Identifier: Apache-2.0
#include "gateway/value.h"

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>

#include "aws/credentials.h"
#include "aws/endpoint.h"
#include "base/memory.h"
#include "gateway/address.h"
#include "gateway/settings.h"

enum { FIELD_BYTES = 256, EXPECTED_BYTES = 256, LISTENERS_MAX = 64, WORKERS_MAX = 1024 };

static bool is_text(const struct document *value) {
	return value->kind == DOCUMENT_STRING && value->string.len > 0 && strlen(value->string.ptr) == value->string.len;
}

static void replace(char **field, struct slice text) {
	free(*field);
	*field = memory_string(text);
}

static bool check_address(const struct document *value, const struct schema_place *place) {
	struct address address;
	if (!is_text(value) || !address_parse(value->string, &address)) {
		schema_complain(place, "\"HOST:PORT\", \"[V6]:PORT\" or \"unix:/path\"", value);
		return false;
	}
	if (!address_is_local(&address)) {
		schema_complain(place,
		                "a loopback address or a Unix socket (others need authentication, which is not available in "
		                "this version)",
		                value);
		return false;
	}
	return true;
}

void value_address(const struct document *value, void *target, const struct schema_place *place) {
	if (check_address(value, place))
		replace(target, value->string);
}

void value_free_listen(struct settings_addresses *listen) {
	for (size_t i = 0; i < listen->count; i++)
		free(listen->list[i]);
	free(listen->list);
	*listen = (struct settings_addresses){0};
}

static void append_address(struct settings_addresses *listen, struct slice text) {
	listen->list = memory_resize(listen->list, listen->count + 1, sizeof *listen->list);
	listen->list[listen->count++] = memory_string(text);
}

static bool read_addresses(const struct document *value, const struct schema_place *place,
                           struct settings_addresses *listen) {
	bool good = true;
	for (size_t i = 0; i < value->item_count; i++) {
		char field[FIELD_BYTES];
		snprintf(field, sizeof field, "%s[%zu]", place->field, i + 1);
		struct schema_place item = {place->file, field, place->problems};
		if (check_address(&value->items[i], &item))
			append_address(listen, value->items[i].string);
		else
			good = false;
	}
	return good;
}

void value_listen(const struct document *value, void *target, const struct schema_place *place) {
	struct settings_addresses read = {0};
	bool good = false;
	if (value->kind == DOCUMENT_STRING) {
		good = check_address(value, place);
		if (good)
			append_address(&read, value->string);
	} else if (value->kind != DOCUMENT_TABLE || value->entry_count || !value->item_count ||
	           value->item_count > LISTENERS_MAX) {
		schema_complain(place, "one address or a list of 1 to 64 of them", value);
	} else {
		good = read_addresses(value, place, &read);
	}
	if (!good) {
		value_free_listen(&read);
		return;
	}
	value_free_listen(target);
	*(struct settings_addresses *)target = read;
}

// The cores that this process may use.
static uint64_t available_cores(void) {
	cpu_set_t cores;
	int count = sched_getaffinity(0, sizeof cores, &cores) == 0 ? CPU_COUNT(&cores) : 1;
	return count < 1 ? 1 : (uint64_t)count;
}

void value_workers(const struct document *value, void *target, const struct schema_place *place) {
	if (is_text(value) && slice_equal(value->string, SLICE("auto"))) {
		*(uint64_t *)target = available_cores();
		return;
	}
	double number = value->kind == DOCUMENT_NUMBER ? value->number : 0;
	if (number < 1 || number > WORKERS_MAX || (double)(uint64_t)number < number || (double)(uint64_t)number > number)
		schema_complain(place, "a whole number from 1 to 1024, or \"auto\"", value);
	else
		*(uint64_t *)target = (uint64_t)number;
}

void value_region(const struct document *value, void *target, const struct schema_place *place) {
	struct endpoint endpoint;
	const char *expected = "the name of a region";
	if (!is_text(value) || endpoint_of_region(value->string, (struct endpoint_variant){0}, &endpoint, &expected) != 0)
		schema_complain(place, expected, value);
	else
		replace(target, value->string);
}

void value_endpoint(const struct document *value, void *target, const struct schema_place *place) {
	struct endpoint endpoint;
	const char *expected = "\"http[s]://HOST[:PORT][/PATH]\"";
	if (!is_text(value) || endpoint_parse(value->string, &endpoint, &expected) != 0)
		schema_complain(place, expected, value);
	else
		replace(target, value->string);
}

// A text that never gets into a problem.
static void value_secret(const struct document *value, void *target, const struct schema_place *place) {
	char **field = target;
	if (!is_text(value)) {
		problems_add(place->problems, place->file, 0, place->field, "a non-empty string", "something else");
		return;
	}
	memory_free_secret(*field);
	*field = memory_string(value->string);
}

#define SECRET(key, text)                                                                                              \
	{                                                                                                                  \
		.name = #key, .type = SCHEMA_CUSTOM, .offset = offsetof(struct settings_credentials, key),                     \
		.parse = value_secret, .expected = "a string", .meaning = text                                                 \
	}

static const struct schema_key credentials_keys[] = {
    SECRET(access_key_id, "a key pair's public half"),
    SECRET(secret_access_key, "its secret half"),
    SECRET(session_token, "of temporary credentials"),
    SECRET(bearer_token, "a Bedrock API key, instead of a key pair"),
    {.name = "profile",
     .type = SCHEMA_CUSTOM,
     .meaning = "a profile of the shared AWS files",
     .unavailable = "nothing (profiles are not available in this version)"},
    {0},
};

void value_free_credentials(struct settings_credentials *credentials) {
	memory_free_secret(credentials->access_key_id);
	memory_free_secret(credentials->secret_access_key);
	memory_free_secret(credentials->session_token);
	memory_free_secret(credentials->bearer_token);
	*credentials = (struct settings_credentials){0};
}

static bool is_whole(const struct settings_credentials *read) {
	bool pair = read->access_key_id && read->secret_access_key;
	bool part_of_pair = read->access_key_id || read->secret_access_key || read->session_token;
	return read->bearer_token ? !part_of_pair : pair;
}

static bool is_usable(const struct settings_credentials *read) {
	struct credentials *credentials =
	    credentials_new(read->access_key_id, read->secret_access_key, read->session_token, read->bearer_token);
	credentials_release(credentials);
	return credentials != NULL;
}

void value_credentials(const struct document *value, void *target, const struct schema_place *place) {
	static const char form[] = "{ access_key_id, secret_access_key [, session_token] } or { bearer_token }";
	if (value->kind != DOCUMENT_TABLE) {
		problems_add(place->problems, place->file, 0, place->field, form, "something else");
		return;
	}
	struct settings_credentials read = {0};
	size_t before = place->problems->count + place->problems->dropped;
	schema_read(credentials_keys, value, &read, place);
	bool good = place->problems->count + place->problems->dropped == before;
	if (good && !is_whole(&read)) {
		problems_add(place->problems, place->file, 0, place->field, form, "another combination");
		good = false;
	} else if (good && !is_usable(&read)) {
		problems_add(place->problems, place->file, 0, place->field, "texts that an HTTP header can carry",
		             "other bytes");
		good = false;
	}
	if (!good) {
		value_free_credentials(&read);
		return;
	}
	value_free_credentials(target);
	*(struct settings_credentials *)target = read;
}

void value_free_credential_sets(struct settings_credential_sets *sets) {
	for (size_t i = 0; i < sets->count; i++) {
		free(sets->list[i].name);
		value_free_credentials(&sets->list[i].credentials);
	}
	free(sets->list);
	*sets = (struct settings_credential_sets){0};
}

void value_credential_sets(const struct document *value, void *target, const struct schema_place *place) {
	if (value->kind != DOCUMENT_TABLE || value->item_count) {
		problems_add(place->problems, place->file, 0, place->field, "a table of NAME = credentials", "something else");
		return;
	}
	struct settings_credential_sets *sets = target;
	value_free_credential_sets(sets);
	for (size_t i = 0; i < value->entry_count; i++) {
		struct slice name = value->entries[i].key;
		char field[FIELD_BYTES];
		snprintf(field, sizeof field, "%s.%.*s", place->field, SLICE_ARGS(name));
		struct schema_place inner = {place->file, field, place->problems};
		sets->list = memory_resize(sets->list, sets->count + 1, sizeof *sets->list);
		struct settings_credential_set *set = &sets->list[sets->count++];
		*set = (struct settings_credential_set){.name = memory_string(name)};
		value_credentials(&value->entries[i].value, &set->credentials, &inner);
	}
}

// The place of a word in a list ended by NULL, or -1 with a problem added.
static int read_word(const struct document *value, const char *const *words, const struct schema_place *place) {
	char expected[EXPECTED_BYTES];
	size_t used = 0;
	for (int i = 0; words[i]; i++) {
		if (is_text(value) && slice_equal(value->string, slice_from(words[i])))
			return i;
		used += (size_t)snprintf(expected + used, sizeof expected - used, "%s\"%s\"",
		                         i == 0         ? ""
		                         : words[i + 1] ? ", "
		                                        : " or ",
		                         words[i]);
	}
	schema_complain(place, expected, value);
	return -1;
}

void value_log_level(const struct document *value, void *target, const struct schema_place *place) {
	static const char *const words[] = {"debug", "info", "warn", "error", "off", NULL};
	int word = read_word(value, words, place);
	if (word >= 0)
		*(enum log_level *)target = (enum log_level)word;
}

void value_log_format(const struct document *value, void *target, const struct schema_place *place) {
	static const char *const words[] = {"text", "json", NULL};
	int word = read_word(value, words, place);
	if (word >= 0)
		*(enum log_format *)target = (enum log_format)word;
}
