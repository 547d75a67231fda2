// SPDX-License-Identifier: Apache-2.0
#include "gateway/identity.h"

#include <stdlib.h>

#include "base/memory.h"

static const char *look_up(void *owner, const char *name) {
	(void)owner;
	return getenv(name);
}

// Settings have been checked to make whole credentials.
static struct credentials_source *source_of(const struct settings_credentials *from) {
	struct credentials *credentials =
	    credentials_new(from->access_key_id, from->secret_access_key, from->session_token, from->bearer_token);
	struct credentials_source *source = credentials_source_static(credentials);
	credentials_release(credentials);
	return source;
}

void identity_init(struct identity *identity, const struct settings *settings) {
	const struct settings_credentials *own = &settings->credentials;
	bool has_own = own->access_key_id || own->bearer_token;
	identity->source = has_own ? source_of(own) : credentials_source_environment(look_up, NULL);
	identity->set_count = settings->credential_sets.count;
	identity->sets = memory_new(identity->set_count, sizeof *identity->sets);
	for (size_t i = 0; i < identity->set_count; i++)
		identity->sets[i] = (struct mux_credential_set){
		    .name = settings->credential_sets.list[i].name,
		    .source = source_of(&settings->credential_sets.list[i].credentials),
		};
}

void identity_free(struct identity *identity) {
	credentials_source_free(identity->source);
	for (size_t i = 0; i < identity->set_count; i++)
		credentials_source_free(identity->sets[i].source);
	free(identity->sets);
	*identity = (struct identity){0};
}
