// SPDX-License-Identifier: Apache-2.0
#include "mux/version.h"

#include <stdio.h>
#include <stdlib.h>

#include "aws/endpoint.h"
#include "base/memory.h"
#include "mux/mux.h"

enum { FIELD_BYTES = 64 };

static struct credentials_source *find_credentials(const struct mux_settings *settings, const char *name) {
	if (!name)
		return settings->credentials;
	for (size_t i = 0; i < settings->credential_set_count; i++)
		if (strcmp(settings->credential_sets[i].name, name) == 0)
			return settings->credential_sets[i].source;
	return NULL;
}

// Where requests go by a model's own keys, or (NULL) by the settings alone. `place` names the model in problems.
static int resolve(const struct model *model, const struct mux_settings *settings, const char *place, const char *file,
                   struct problems *problems, struct target *target) {
	char field[2 * FIELD_BYTES];
	int line = model ? model->line : 0;
	const char *region = model && model->region ? model->region : settings->region;
	const char *override = model && model->endpoint ? model->endpoint : settings->endpoint;
	struct endpoint endpoint;
	const char *expected = NULL;
	int rc =
	    endpoint_resolve(slice_from(region), slice_from(override), (struct endpoint_variant){0}, &endpoint, &expected);
	if (rc) {
		snprintf(field, sizeof field, "%s%s", place, override ? "endpoint" : "region");
		problems_add(problems, file, line, field, expected, override ? override : region);
		return ERROR_INVALID;
	}
	if (!endpoint.tls && !endpoint_is_loopback(&endpoint) && !settings->allow_plaintext) {
		snprintf(field, sizeof field, "%sendpoint", place);
		problems_add(problems, file, line, field, "https:// (or allow_plaintext in the settings)", override);
		return ERROR_INVALID;
	}
	struct credentials_source *credentials = find_credentials(settings, model ? model->credentials : NULL);
	if (!credentials) {
		snprintf(field, sizeof field, "%scredentials", place);
		problems_add(problems, file, line, field, "the name of one of the settings' credential_sets",
		             model->credentials);
		return ERROR_INVALID;
	}
	*target = (struct target){
	    .tls = endpoint.tls,
	    .host = memory_string(slice_from(endpoint.host)),
	    .port = endpoint.port,
	    .authority = memory_string(slice_from(endpoint.authority)),
	    .base_path = memory_string(slice_from(endpoint.base_path)),
	    .region = memory_string(slice_from(region)),
	    .credentials = credentials,
	};
	return 0;
}

static void target_free(struct target *target) {
	free(target->host);
	free(target->authority);
	free(target->base_path);
	free(target->region);
}

int version_new(struct policy *policy, const struct mux_settings *settings, struct problems *problems,
                struct mux_version **version) {
	const struct pool *pool = policy_pool(policy);
	struct mux_version *made = memory_new(1, sizeof *made);
	made->references = 1;
	list_init(&made->link);
	list_init(&made->unused_link);
	made->policy = policy;
	made->targets = memory_new(pool->count, sizeof *made->targets);
	made->target_count = pool->count;
	int rc = resolve(NULL, settings, "", "settings", problems, &made->own);
	bool own_is_wrong = rc != 0; // models would only repeat it
	for (size_t i = 0; !own_is_wrong && i < pool->count; i++) {
		char place[FIELD_BYTES];
		snprintf(place, sizeof place, "models[%zu].", i + 1);
		rc |= resolve(&pool->models[i], settings, place, policy_source(policy), problems, &made->targets[i]);
	}
	if (rc) {
		version_release(made);
		return ERROR_INVALID;
	}
	*version = made;
	return 0;
}

void version_retain(struct mux_version *version) {
	version->references++;
}

void version_release(struct mux_version *version) {
	if (--version->references > 0)
		return;
	if (version->on_unused)
		version->on_unused(version->keeper, version);
	else
		version_free(version);
}

void version_free(struct mux_version *version) {
	target_free(&version->own);
	for (size_t i = 0; i < version->target_count; i++)
		target_free(&version->targets[i]);
	free(version->targets);
	policy_release(version->policy);
	free(version);
}
