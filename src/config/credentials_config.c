// SPDX-License-Identifier: Apache-2.0
#include "config/credentials_config.h"

#include <stdio.h>
#include <stdlib.h>

#include "aws/credentials.h"
#include "base/memory.h"
#include "base/problem.h"

enum { FIELD_BYTES = 256 };

// Problems never quote the value.
static void read_secret(const struct document *value, void *target, const struct schema_place *place) {
	if (!document_is_text(value)) {
		problems_add(place->problems, place->file, value->line, place->field, "a non-empty string", "something else");
		return;
	}
	memory_replace_string(target, value->string);
}

#define SECRET(key, text)                                                                                              \
	{                                                                                                                  \
		.name = #key, .type = SCHEMA_CUSTOM, .offset = offsetof(struct credentials_config, key), .parse = read_secret, \
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

void credentials_config_free(struct credentials_config *credentials) {
	memory_free_secret(credentials->access_key_id);
	memory_free_secret(credentials->secret_access_key);
	memory_free_secret(credentials->session_token);
	memory_free_secret(credentials->bearer_token);
	*credentials = (struct credentials_config){0};
}

static bool is_complete(const struct credentials_config *read) {
	bool pair = read->access_key_id && read->secret_access_key;
	bool part_of_pair = read->access_key_id || read->secret_access_key || read->session_token;
	return read->bearer_token ? !part_of_pair : pair;
}

static bool is_usable(const struct credentials_config *read) {
	struct credentials *credentials =
	    credentials_new(read->access_key_id, read->secret_access_key, read->session_token, read->bearer_token);
	credentials_release(credentials);
	return credentials != NULL;
}

void credentials_config_read(const struct document *value, void *target, const struct schema_place *place) {
	static const char form[] = "{ access_key_id, secret_access_key [, session_token] } or { bearer_token }";
	if (value->kind != DOCUMENT_TABLE) {
		problems_add(place->problems, place->file, value->line, place->field, form, "something else");
		return;
	}
	struct credentials_config read = {0};
	size_t before = place->problems->count + place->problems->dropped;
	schema_read(credentials_keys, value, &read, place);
	bool good = place->problems->count + place->problems->dropped == before;
	if (good && !is_complete(&read)) {
		problems_add(place->problems, place->file, value->line, place->field, form, "another combination");
		good = false;
	} else if (good && !is_usable(&read)) {
		problems_add(place->problems, place->file, value->line, place->field, "texts that an HTTP header can carry",
		             "other bytes");
		good = false;
	}
	if (!good) {
		credentials_config_free(&read);
		return;
	}
	credentials_config_free(target);
	*(struct credentials_config *)target = read;
}

void credentials_config_sets_free(struct credentials_config_sets *sets) {
	for (size_t i = 0; i < sets->count; i++) {
		free(sets->list[i].name);
		credentials_config_free(&sets->list[i].credentials);
	}
	free(sets->list);
	*sets = (struct credentials_config_sets){0};
}

void credentials_config_read_sets(const struct document *value, void *target, const struct schema_place *place) {
	if (value->kind != DOCUMENT_TABLE || value->item_count) {
		problems_add(place->problems, place->file, value->line, place->field, "a table of NAME = credentials",
		             "something else");
		return;
	}
	struct credentials_config_sets *sets = target;
	credentials_config_sets_free(sets);
	for (size_t i = 0; i < value->entry_count; i++) {
		struct slice name = value->entries[i].key;
		char field[FIELD_BYTES];
		snprintf(field, sizeof field, "%s.%.*s", place->field, SLICE_ARGS(name));
		struct schema_place inner = {place->file, field, place->problems};
		sets->list = memory_resize(sets->list, sets->count + 1, sizeof *sets->list);
		struct credentials_config_set *set = &sets->list[sets->count++];
		*set = (struct credentials_config_set){.name = memory_string(name)};
		credentials_config_read(&value->entries[i].value, &set->credentials, &inner);
	}
}

// `from` has been checked by credentials_config_read.
static struct credentials_source *new_source(const struct credentials_config *from) {
	struct credentials *credentials =
	    credentials_new(from->access_key_id, from->secret_access_key, from->session_token, from->bearer_token);
	struct credentials_source *source = credentials_source_static(credentials);
	credentials_release(credentials);
	return source;
}

int credentials_sources_init(struct credentials_sources *sources, const struct engine_options *options,
                             const struct environment *environment, struct problems *problems) {
	const struct credentials_config *own = &options->credentials;
	const struct credentials_config_sets *sets = &options->credential_sets;
	const char *mistake = NULL;
	sources->own = own->access_key_id || own->bearer_token ? new_source(own)
	                                                       : credentials_source_environment(environment, &mistake);
	sources->set_count = sets->count;
	sources->sets = memory_new(sources->set_count, sizeof *sources->sets);
	for (size_t i = 0; i < sources->set_count; i++)
		sources->sets[i] = (struct named_credentials_source){
		    .name = sets->list[i].name,
		    .source = new_source(&sets->list[i].credentials),
		};
	if (!mistake)
		return 0;
	problems_add(problems, "environment", 0, NULL, NULL, mistake);
	return ERROR_INVALID;
}

void credentials_sources_free(struct credentials_sources *sources) {
	credentials_source_free(sources->own);
	for (size_t i = 0; i < sources->set_count; i++)
		credentials_source_free(sources->sets[i].source);
	free(sources->sets);
	*sources = (struct credentials_sources){0};
}
