// SPDX-License-Identifier: Apache-2.0
// AWS Signature Version 4 with the Authorization header, after "Create a signed AWS API request" (AWS General
// Reference): signs requests, and verifies received ones. Pure; the time is an argument. Three stages, which tests can
// check one by one: canonical request, string to sign, signature.
#ifndef AWS_SIGV4_H
#define AWS_SIGV4_H

#include <stdbool.h>
#include <stdint.h>

#include "aws/credentials.h"
#include "base/buffer.h"
#include "base/header.h"
#include "base/slice.h"
#include "base/time_format.h"

enum {
	SIGV4_DATE_BYTES = TIME_COMPACT_BYTES,
	SIGV4_HEX_BYTES = 65, // a SHA-256 in lower-case hex and its NUL
};

// The request to sign; borrowed for the call.
struct sigv4_request {
	struct slice method;
	struct slice path;  // raw, as on the wire, from its first '/'; empty is "/"
	struct slice query; // raw, without the '?'
	struct slice host;  // the value of the Host header, with the port
	// Further headers to sign, besides host, x-amz-date and x-amz-security-token, in any order and case; repeated names
	// keep their order. Those three and authorization are skipped in this list.
	struct headers headers;
	const char *payload_sha256; // of sigv4_hash_payload
};

struct sigv4_scope {
	struct slice region;
	struct slice service; // "bedrock"
};

// Differences of other services from Bedrock, for which all are false.
struct sigv4_options {
	bool normalise_path;    // removes dot segments and double slashes
	bool encode_path_once;  // as for S3; other services encode the sent path once more
	bool send_payload_hash; // signs an x-amz-content-sha256 header, which the caller sends
	bool token_unsigned;    // the session token is sent but not signed
};

// The stages of the last signature; wiped with the next signature and with the signer.
struct sigv4_stages {
	struct buffer canonical_request;
	struct slice signed_headers; // within canonical_request
	char date[SIGV4_DATE_BYTES];
	struct buffer string_to_sign;
	char signature[SIGV4_HEX_BYTES];
};

// One a worker: the fetched algorithm, derived keys, scratch space. Used by one thread at a time.
struct sigv4_signer;

// NULL if libcrypto provides no SHA-256.
struct sigv4_signer *sigv4_signer_new(void);
// Wipes and frees the signer; NULL is allowed.
void sigv4_signer_free(struct sigv4_signer *signer);

// Writes the payload's SHA-256 as NUL-terminated hex. 0 or ERROR_CRYPTO.
int sigv4_hash_payload(struct sigv4_signer *signer, struct slice payload, char hex[SIGV4_HEX_BYTES]);

// A payload that is hashed in pieces, beside other uses of a signer.
struct sigv4_payload;
// NULL if libcrypto provides no SHA-256.
struct sigv4_payload *sigv4_payload_new(void);
// 0 or ERROR_CRYPTO.
int sigv4_payload_add(struct sigv4_payload *payload, struct slice piece);
// Writes the hash as sigv4_hash_payload does. 0 or ERROR_CRYPTO.
int sigv4_payload_end(struct sigv4_payload *payload, char hex[SIGV4_HEX_BYTES]);
// NULL is allowed.
void sigv4_payload_free(struct sigv4_payload *payload);

// The headers that authorize a request.
struct sigv4_authorization {
	struct buffer *value;        // of Authorization; the caller's buffer, whose content is replaced
	char date[SIGV4_DATE_BYTES]; // of x-amz-date; empty for a bearer token
	const char *session_token;   // of x-amz-security-token, borrowed from the credentials; NULL: don't send it
};

// Fills `authorization`, depending on the credentials: "Bearer TOKEN", or a signature at `wall_s` (seconds since 1970).
// Caches the derived key for the next call with these credentials, day and scope. Allocates nothing once the scratch
// space and the value's buffer have grown. 0; ERROR_LIMIT (the value's buffer is too small, over 128 headers, or region
// or service over 63 bytes), ERROR_INVALID (a time outside years 1970 to 9999), ERROR_CRYPTO, ERROR_MEMORY.
int sigv4_authorize(struct sigv4_signer *signer, const struct sigv4_request *request, struct credentials *credentials,
                    struct sigv4_scope scope, int64_t wall_s, struct sigv4_authorization *authorization);

// Signs with a key pair and options; *stages are all stages, borrowed until the next call. Errors as above, and
// ERROR_MISSING without a key pair.
int sigv4_sign(struct sigv4_signer *signer, const struct sigv4_request *request, struct credentials *credentials,
               struct sigv4_scope scope, const struct sigv4_options *options, int64_t wall_s,
               const struct sigv4_stages **stages);

// The result of a verification. sigv4_verdict_refusal has the service's exception for it.
enum sigv4_verdict {
	SIGV4_GOOD,
	SIGV4_MISSING,          // no Authorization header
	SIGV4_INCOMPLETE,       // malformed, parts are missing, or a required header isn't signed
	SIGV4_UNKNOWN_KEY,      // unknown access key id
	SIGV4_BAD_TOKEN,        // a session token that doesn't belong to the key, or none where the key has one
	SIGV4_MISMATCH,         // a wrong signature, or another region, service or day than the scope's
	SIGV4_EXPIRED,          // the date is more than five minutes before or after the current time
	SIGV4_PAYLOAD_MISMATCH, // x-amz-content-sha256 is not the hash of the body
	SIGV4_FAILED,           // an internal error: out of memory, or libcrypto failed
};

// The exception of the service, such as "InvalidSignatureException", with its status and message.
struct sigv4_refusal {
	const char *exception;
	int status;
	const char *message;
};
const struct sigv4_refusal *sigv4_verdict_refusal(enum sigv4_verdict verdict);

// Returns the credentials of an access key id, borrowed for the call, or NULL.
typedef struct credentials *(*sigv4_lookup)(void *owner, struct slice access_key_id);

// A received request, over any version of HTTP; borrowed for the call.
struct sigv4_received {
	struct slice method;
	struct slice path;  // raw, as on the wire
	struct slice query; // raw, without the '?'
	// All headers. The authority of the request is in `host`, also if HTTP/2 sent it as `:authority`. Clients may have
	// signed it under either name.
	struct headers headers;
	struct slice body; // complete
	int64_t wall_s;    // now, in seconds since 1970
};

// Verifies the signature of a received request. A scope without a region accepts any region. Comparisons of secrets
// take constant time. The payload's hash is compared only after the signature that covers it was verified.
enum sigv4_verdict sigv4_verify(struct sigv4_signer *signer, const struct sigv4_received *received,
                                struct sigv4_scope scope, sigv4_lookup lookup, void *owner);

#endif
