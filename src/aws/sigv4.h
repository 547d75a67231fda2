// SPDX-License-Identifier: Apache-2.0
// Signing by AWS Signature Version 4 with the Authorization header, written from "Create a signed AWS API request" (AWS
// General Reference). A pure function of its arguments; time is one of them. Three stages, each to be looked at alone:
// canonical request, string to sign, signature.
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

// What is signed; all borrowed for the call.
struct sigv4_request {
	struct slice method;
	struct slice path;  // raw, as it goes on the wire, from its first '/'; empty is "/"
	struct slice query; // raw, without the '?'
	struct slice host;  // as the Host header has it, with its port
	// To be signed besides host, x-amz-date and x-amz-security-token: any order, any case, repeated names in order.
	// Those three and authorization are left out if they are among them.
	struct headers headers;
	const char *payload_sha256; // of sigv4_hash_payload
};

struct sigv4_scope {
	struct slice region;
	struct slice service; // "bedrock"
};

// How a service departs from Bedrock, for which all are false.
struct sigv4_options {
	bool normalise_path;    // dot segments and double slashes go
	bool encode_path_once;  // S3's way; others encode the path as sent once more
	bool send_payload_hash; // sign an x-amz-content-sha256 header, which the caller sends
	bool token_unsigned;    // the session token is sent, but not signed
};

// The stages of the last signing; wiped at the next one and with the signer.
struct sigv4_stages {
	struct buffer canonical_request;
	struct slice signed_headers; // within canonical_request
	char date[SIGV4_DATE_BYTES];
	struct buffer string_to_sign;
	char signature[SIGV4_HEX_BYTES];
};

// One a worker: algorithms fetched once, derived keys, scratch space. Not for two threads at a time.
struct sigv4_signer;

// NULL when libcrypto has no SHA-256 to give.
struct sigv4_signer *sigv4_signer_new(void);
// Wipes what it holds; NULL is fine.
void sigv4_signer_free(struct sigv4_signer *signer);

// Writes the payload's SHA-256 as NUL-terminated hex. 0 or ERROR_CRYPTO.
int sigv4_hash_payload(struct sigv4_signer *signer, struct slice payload, char hex[SIGV4_HEX_BYTES]);

// What proves to AWS who asks: the Authorization header's value, and for a signature also the x-amz-date header's
// (empty for a bearer token) and the session token's, borrowed from the credentials (NULL: none is to be sent).
struct sigv4_authorization {
	struct buffer *value; // cleared, then filled; the caller's
	char date[SIGV4_DATE_BYTES];
	const char *session_token;
};

// Fills `authorization` by what the credentials are: "Bearer TOKEN", or a signature at `wall_s` (seconds since 1970).
// The derived key is kept for the next call with these credentials, day and scope. Allocates nothing once its scratch
// space and the value's buffer have grown. 0; ERROR_LIMIT (the value's buffer is too small, over 128 headers, or region
// or service over 63 bytes), ERROR_INVALID (a time outside years 1970 to 9999), ERROR_CRYPTO, ERROR_MEMORY.
int sigv4_authorize(struct sigv4_signer *signer, const struct sigv4_request *request, struct credentials *credentials,
                    struct sigv4_scope scope, int64_t wall_s, struct sigv4_authorization *authorization);

// The same for a key pair only, with options, leaving every stage to be seen in *stages (borrowed until the next call).
// Errors as above, and ERROR_MISSING without a key pair.
int sigv4_sign(struct sigv4_signer *signer, const struct sigv4_request *request, struct credentials *credentials,
               struct sigv4_scope scope, const struct sigv4_options *options, int64_t wall_s,
               const struct sigv4_stages **stages);

// What is wrong with a received request's signature; sigv4_verdict_refusal gives the service's name for it.
enum sigv4_verdict {
	SIGV4_GOOD,
	SIGV4_MISSING,          // no Authorization header
	SIGV4_INCOMPLETE,       // malformed, or parts missing; or what must be signed isn't
	SIGV4_UNKNOWN_KEY,      // no such access key id
	SIGV4_BAD_TOKEN,        // a session token that isn't the key's, or missing where it has one
	SIGV4_MISMATCH,         // another signature; also another region, service or day than its scope
	SIGV4_EXPIRED,          // the date is more than five minutes off
	SIGV4_PAYLOAD_MISMATCH, // x-amz-content-sha256 is not the body's
	SIGV4_FAILED,           // of our own: out of memory, or libcrypto failed
};

// The exception that a service answers with, such as "InvalidSignatureException", its status, and the message.
struct sigv4_refusal {
	const char *exception;
	int status;
	const char *message;
};
const struct sigv4_refusal *sigv4_verdict_refusal(enum sigv4_verdict verdict);

// The credentials of an access key id (borrowed for the call) or NULL.
typedef struct credentials *(*sigv4_lookup)(void *owner, struct slice access_key_id);

// A request as received, whichever version of HTTP brought it; all borrowed for the call.
struct sigv4_received {
	struct slice method;
	struct slice path;  // raw, as it came on the wire
	struct slice query; // raw, without the '?'
	// All of them. What the request is for stands under `host`, also where HTTP/2 brought it as `:authority`: clients
	// sign either name.
	struct headers headers;
	struct slice body; // whole
	int64_t wall_s;    // now, in seconds since 1970
};

// Judges the signature of a received request. A scope without a region is satisfied by any region. Comparisons of
// secrets take constant time. The signature is checked before the payload's hash is believed.
enum sigv4_verdict sigv4_verify(struct sigv4_signer *signer, const struct sigv4_received *received,
                                struct sigv4_scope scope, sigv4_lookup lookup, void *owner);

#endif
