// SPDX-License-Identifier: Apache-2.0
#include "aws/credentials.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>

#include "base/memory.h"

// Whether the value is present and allowed in a header: visible ASCII only, as all kinds of credentials are.
static bool is_sendable(const char *value) {
	if (!value || !*value)
		return false;
	for (const char *c = value; *c; c++)
		if (*c <= 0x20 || *c > 0x7e)
			return false;
	return true;
}

static char *copy_optional(const char *value) {
	return value ? memory_string(slice_from(value)) : NULL;
}

struct credentials *credentials_new(const char *access_key_id, const char *secret_access_key, const char *session_token,
                                    const char *bearer_token) {
	const char *const values[] = {access_key_id, secret_access_key, session_token, bearer_token};
	for (size_t i = 0; i < sizeof values / sizeof values[0]; i++)
		if (values[i] && !is_sendable(values[i]))
			return NULL;
	if (!(access_key_id && secret_access_key) && !bearer_token)
		return NULL;
	struct credentials *credentials = memory_new(1, sizeof *credentials);
	atomic_init(&credentials->references, 1);
	credentials->access_key_id = copy_optional(access_key_id);
	credentials->secret_access_key = copy_optional(secret_access_key);
	credentials->session_token = copy_optional(session_token);
	credentials->bearer_token = copy_optional(bearer_token);
	return credentials;
}

void credentials_retain(struct credentials *credentials) {
	atomic_fetch_add_explicit(&credentials->references, 1, memory_order_relaxed);
}

void credentials_release(struct credentials *credentials) {
	if (!credentials || atomic_fetch_sub_explicit(&credentials->references, 1, memory_order_acq_rel) != 1)
		return;
	memory_free_secret(credentials->access_key_id);
	memory_free_secret(credentials->secret_access_key);
	memory_free_secret(credentials->session_token);
	memory_free_secret(credentials->bearer_token);
	free(credentials);
}

// `current` never changes, so that reading it needs no lock.
struct credentials_source {
	struct credentials *current;
	const char *reason; // why there are no credentials
};

static struct credentials_source *source_new(struct credentials *current, const char *reason) {
	struct credentials_source *source = memory_new(1, sizeof *source);
	source->current = current;
	source->reason = reason;
	return source;
}

struct credentials_source *credentials_source_static(struct credentials *credentials) {
	credentials_retain(credentials);
	return source_new(credentials, NULL);
}

// A copy of the value, owned by the caller; NULL if the variable isn't set or is blank.
static char *copy_variable(const struct environment *environment, const char *name) {
	struct slice value = environment_get(environment, name);
	return value.len ? memory_string(value) : NULL;
}

struct credentials_source *credentials_source_environment(const struct environment *environment, const char **mistake) {
	char *bearer = copy_variable(environment, "AWS_BEARER_TOKEN_BEDROCK");
	char *key = copy_variable(environment, "AWS_ACCESS_KEY_ID");
	char *secret = copy_variable(environment, "AWS_SECRET_ACCESS_KEY");
	char *token = copy_variable(environment, "AWS_SESSION_TOKEN");
	struct credentials *credentials = NULL;
	const char *reason = NULL;
	*mistake = NULL;
	if (bearer) {
		credentials = credentials_new(NULL, NULL, NULL, bearer);
		reason = "AWS_BEARER_TOKEN_BEDROCK holds bytes that no header may carry";
	} else if (key && secret) {
		credentials = credentials_new(key, secret, token, NULL);
		reason = "AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY or AWS_SESSION_TOKEN holds bytes that no header may carry";
	} else if (key) {
		reason = *mistake = "AWS_ACCESS_KEY_ID is set, but AWS_SECRET_ACCESS_KEY is not";
	} else if (secret) {
		reason = *mistake = "AWS_SECRET_ACCESS_KEY is set, but AWS_ACCESS_KEY_ID is not";
	} else if (token) {
		reason = *mistake = "AWS_SESSION_TOKEN is set, but AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are not";
	} else {
		reason = "neither AWS_BEARER_TOKEN_BEDROCK nor AWS_ACCESS_KEY_ID with AWS_SECRET_ACCESS_KEY is set";
	}
	memory_free_secret(bearer);
	memory_free_secret(key);
	memory_free_secret(secret);
	memory_free_secret(token);
	return source_new(credentials, reason);
}

void credentials_source_free(struct credentials_source *source) {
	if (!source)
		return;
	credentials_release(source->current);
	free(source);
}

struct credentials *credentials_source_get(struct credentials_source *source, const char **reason) {
	if (!source->current) {
		*reason = source->reason;
		return NULL;
	}
	credentials_retain(source->current);
	return source->current;
}
