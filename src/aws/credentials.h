// SPDX-License-Identifier: Apache-2.0
// Who we are to AWS. Credentials are immutable and reference-counted; the last release wipes them. A source gives the
// ones that are good now; the full chain (profiles, IMDS, STS) will be another source behind the same call.
#ifndef AWS_CREDENTIALS_H
#define AWS_CREDENTIALS_H

#include "base/environment.h"

// Either a key pair, with or without a session token, or a bearer token. Strings are NUL-terminated or NULL.
struct credentials {
	_Atomic unsigned references;
	char *access_key_id;
	char *secret_access_key;
	char *session_token;
	char *bearer_token;
};

// Copies its arguments (NULL for absent ones); one reference. NULL when neither a whole key pair nor a bearer token is
// given, or when a value has a byte that no header may carry.
struct credentials *credentials_new(const char *access_key_id, const char *secret_access_key, const char *session_token,
                                    const char *bearer_token);
void credentials_retain(struct credentials *credentials);
// Wipes and frees at the last; NULL is fine. From any thread.
void credentials_release(struct credentials *credentials);

struct credentials_source;

// Always the same credentials (retained).
struct credentials_source *credentials_source_static(struct credentials *credentials);
// AWS_BEARER_TOKEN_BEDROCK, which wins as in the SDKs; else AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and, where set,
// AWS_SESSION_TOKEN. Blank values count as unset. Read once, here. Half a key pair is a mistake: *mistake is then one
// line that names the variables, else NULL.
struct credentials_source *credentials_source_environment(const struct environment *environment, const char **mistake);
void credentials_source_free(struct credentials_source *source);

// The present credentials, retained for the caller, or NULL with *reason set to one line that says what was looked for.
// From any thread; never blocks.
struct credentials *credentials_source_get(struct credentials_source *source, const char **reason);

#endif
