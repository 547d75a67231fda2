// SPDX-License-Identifier: Apache-2.0
#include "mux/identity.h"

#include <stdio.h>
#include <stdlib.h>

#include "aws/credentials.h"
#include "base/memory.h"

enum { FIELD_BYTES = 256 };

static bool is_text(const struct document *value) {
	return value->kind == DOCUMENT_STRING && value->string.len > 0 && strlen(value->string.ptr) == value->string.len;
}

// A text that never gets into a problem.
static void read_secret(const struct document *value, void *target, const struct schema_place *place) {
	char **field = target;
	if (!is_text(value)) {
		problems_add(place->problems, place->file, value->line, place->field, "a non-empty string", "something else");
		return;
	}
	memory_free_secret(*field);
	*field = memory_string(value->string);
}

#define SECRET(key, text)                                                                                              \
	{                                                                                                                  \
		.name = #key, .type = SCHEMA_CUSTOM, .offset = offsetof(struct identity_settings, key), .parse = read_secret,  \
		.expected = "a string", .meaning = text                                                                        \
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

void identity_settings_free(struct identity_settings *credentials) {
	memory_free_secret(credentials->access_key_id);
	memory_free_secret(credentials->secret_access_key);
	memory_free_secret(credentials->session_token);
	memory_free_secret(credentials->bearer_token);
	*credentials = (struct identity_settings){0};
}

static bool is_whole(const struct identity_settings *read) {
	bool pair = read->access_key_id && read->secret_access_key;
	bool part_of_pair = read->access_key_id || read->secret_access_key || read->session_token;
	return read->bearer_token ? !part_of_pair : pair;
}

static bool is_usable(const struct identity_settings *read) {
	struct credentials *credentials =
	    credentials_new(read->access_key_id, read->secret_access_key, read->session_token, read->bearer_token);
	credentials_release(credentials);
	return credentials != NULL;
}

void identity_read(const struct document *value, void *target, const struct schema_place *place) {
	static const char form[] = "{ access_key_id, secret_access_key [, session_token] } or { bearer_token }";
	if (value->kind != DOCUMENT_TABLE) {
		problems_add(place->problems, place->file, value->line, place->field, form, "something else");
		return;
	}
	struct identity_settings read = {0};
	size_t before = place->problems->count + place->problems->dropped;
	schema_read(credentials_keys, value, &read, place);
	bool good = place->problems->count + place->problems->dropped == before;
	if (good && !is_whole(&read)) {
		problems_add(place->problems, place->file, value->line, place->field, form, "another combination");
		good = false;
	} else if (good && !is_usable(&read)) {
		problems_add(place->problems, place->file, value->line, place->field, "texts that an HTTP header can carry",
		             "other bytes");
		good = false;
	}
	if (!good) {
		identity_settings_free(&read);
		return;
	}
	identity_settings_free(target);
	*(struct identity_settings *)target = read;
}

void identity_sets_free(struct identity_sets *sets) {
	for (size_t i = 0; i < sets->count; i++) {
		free(sets->list[i].name);
		identity_settings_free(&sets->list[i].credentials);
	}
	free(sets->list);
	*sets = (struct identity_sets){0};
}

void identity_read_sets(const struct document *value, void *target, const struct schema_place *place) {
	if (value->kind != DOCUMENT_TABLE || value->item_count) {
		problems_add(place->problems, place->file, value->line, place->field, "a table of NAME = credentials",
		             "something else");
		return;
	}
	struct identity_sets *sets = target;
	identity_sets_free(sets);
	for (size_t i = 0; i < value->entry_count; i++) {
		struct slice name = value->entries[i].key;
		char field[FIELD_BYTES];
		snprintf(field, sizeof field, "%s.%.*s", place->field, SLICE_ARGS(name));
		struct schema_place inner = {place->file, field, place->problems};
		sets->list = memory_resize(sets->list, sets->count + 1, sizeof *sets->list);
		struct identity_set *set = &sets->list[sets->count++];
		*set = (struct identity_set){.name = memory_string(name)};
		identity_read(&value->entries[i].value, &set->credentials, &inner);
	}
}

static const char *look_up(void *owner, const char *name) {
	(void)owner;
	return getenv(name);
}

// Settings have been checked to make whole credentials.
static struct credentials_source *source_of(const struct identity_settings *from) {
	struct credentials *credentials =
	    credentials_new(from->access_key_id, from->secret_access_key, from->session_token, from->bearer_token);
	struct credentials_source *source = credentials_source_static(credentials);
	credentials_release(credentials);
	return source;
}

void identity_init(struct identity *identity, const struct identity_settings *own, const struct identity_sets *sets) {
	bool has_own = own->access_key_id || own->bearer_token;
	identity->source = has_own ? source_of(own) : credentials_source_environment(look_up, NULL);
	identity->set_count = sets->count;
	identity->sets = memory_new(identity->set_count, sizeof *identity->sets);
	for (size_t i = 0; i < identity->set_count; i++)
		identity->sets[i] = (struct mux_credential_set){
		    .name = sets->list[i].name,
		    .source = source_of(&sets->list[i].credentials),
		};
}

void identity_free(struct identity *identity) {
	credentials_source_free(identity->source);
	for (size_t i = 0; i < identity->set_count; i++)
		credentials_source_free(identity->sets[i].source);
	free(identity->sets);
	*identity = (struct identity){0};
}
