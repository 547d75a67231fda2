// SPDX-License-Identifier: Apache-2.0
// AWS credentials: immutable and reference-counted; the last release wipes them. A source returns the credentials that
// are valid now.
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

// Copies its arguments, of which absent ones are NULL; the caller owns one reference. NULL if there is neither a
// complete key pair nor a bearer token, or if a value has a byte that is not allowed in a header.
struct credentials *credentials_new(const char *access_key_id, const char *secret_access_key, const char *session_token,
                                    const char *bearer_token);
void credentials_retain(struct credentials *credentials);
// The last release wipes and frees the credentials. NULL is allowed. Thread-safe.
void credentials_release(struct credentials *credentials);

struct credentials_source;

// A source that always returns these credentials, which it retains.
struct credentials_source *credentials_source_static(struct credentials *credentials);
// A source of the environment: AWS_BEARER_TOKEN_BEDROCK, which takes precedence as in the SDKs; otherwise
// AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and, if set, AWS_SESSION_TOKEN. Blank values count as unset. Reads the
// variables once, in this call. If one half of the key pair is missing, or both are beside a session token,
// *mistake is a line that names the variables; otherwise NULL.
struct credentials_source *credentials_source_environment(const struct environment *environment, const char **mistake);
void credentials_source_free(struct credentials_source *source);

// The current credentials, retained for the caller; or NULL, with a line in *reason that says why there are none.
// Thread-safe; never blocks.
struct credentials *credentials_source_get(struct credentials_source *source, const char **reason);

#endif
