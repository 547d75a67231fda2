// SPDX-License-Identifier: Apache-2.0
#include "aws/sigv4.h"

#include <stdlib.h>

#include "aws/sigv4_state.h"
#include "base/error.h"
#include "base/memory.h"

enum { STRING_TO_SIGN_BYTES = 512 };
#define LAST_WALL_S INT64_C(253402300799) // 9999-12-31T23:59:59Z

struct sigv4_signer *sigv4_signer_new(void) {
	struct sigv4_signer *signer = memory_new(1, sizeof *signer);
	signer->digest = digest_new();
	buffer_init(&signer->stages.canonical_request, CANONICAL_BYTES);
	buffer_init(&signer->stages.string_to_sign, STRING_TO_SIGN_BYTES);
	if (signer->digest)
		return signer;
	sigv4_signer_free(signer);
	return NULL;
}

void sigv4_signer_free(struct sigv4_signer *signer) {
	if (!signer)
		return;
	digest_free(signer->digest);
	signing_keys_free(&signer->keys);
	buffer_free_secret(&signer->stages.canonical_request);
	buffer_free_secret(&signer->stages.string_to_sign);
	memory_wipe(signer, sizeof *signer);
	free(signer);
}

int sigv4_hash_payload(struct sigv4_signer *signer, struct slice payload, char hex[SIGV4_HEX_BYTES]) {
	uint8_t hash[DIGEST_BYTES];
	int rc = digest_sha256(signer->digest, payload, hash);
	if (rc == 0)
		digest_hex(hash, hex);
	return rc;
}

// A digest under the name that its users know.
static struct digest *digest_of(struct sigv4_payload *payload) {
	return (struct digest *)(void *)payload;
}

struct sigv4_payload *sigv4_payload_new(void) {
	struct digest *digest = digest_new();
	if (!digest || digest_begin(digest) == 0)
		return (struct sigv4_payload *)(void *)digest;
	digest_free(digest);
	return NULL;
}

int sigv4_payload_add(struct sigv4_payload *payload, struct slice piece) {
	return digest_add(digest_of(payload), piece);
}

int sigv4_payload_end(struct sigv4_payload *payload, char hex[SIGV4_HEX_BYTES]) {
	uint8_t hash[DIGEST_BYTES];
	int rc = digest_end(digest_of(payload), hash);
	if (rc == 0)
		digest_hex(hash, hex);
	return rc;
}

void sigv4_payload_free(struct sigv4_payload *payload) {
	digest_free(digest_of(payload));
}

static int format_date(int64_t wall_s, char date[SIGV4_DATE_BYTES]) {
	if (wall_s < 0 || wall_s > LAST_WALL_S)
		return ERROR_INVALID;
	time_format_compact(wall_s, date);
	return 0;
}

int sigv4_add_header(struct sigv4_signer *signer, struct slice name, struct slice value) {
	if (signer->header_count == CANONICAL_HEADERS)
		return ERROR_LIMIT;
	signer->headers[signer->header_count++] = (struct header){name, value};
	return 0;
}

// Whether the signer itself sets the value of the header.
static bool is_signer_header(struct slice name, const struct sigv4_options *options) {
	switch (name.len) {
	case 4:
		return slice_equal_nocase(name, SLICE("host"));
	case 10:
		return slice_equal_nocase(name, SLICE("x-amz-date"));
	case 13:
		return slice_equal_nocase(name, SLICE("authorization"));
	case 20:
		return slice_equal_nocase(name, SLICE("x-amz-security-token")) ||
		       (options->send_payload_hash && slice_equal_nocase(name, SLICE("x-amz-content-sha256")));
	default:
		return false;
	}
}

static int collect_headers(struct sigv4_signer *signer, const struct sigv4_request *request,
                           const struct credentials *credentials, const struct sigv4_options *options) {
	signer->header_count = 0;
	int rc = sigv4_add_header(signer, SLICE("host"), request->host);
	if (rc == 0 && options->send_payload_hash)
		rc = sigv4_add_header(signer, SLICE("x-amz-content-sha256"), slice_from(request->payload_sha256));
	if (rc == 0)
		rc = sigv4_add_header(signer, SLICE("x-amz-date"), slice_from(signer->stages.date));
	if (rc == 0 && credentials->session_token && !options->token_unsigned)
		rc = sigv4_add_header(signer, SLICE("x-amz-security-token"), slice_from(credentials->session_token));
	for (size_t i = 0; i < request->headers.count && rc == 0; i++) {
		const struct header *header = &request->headers.list[i];
		if (!is_signer_header(header->name, options))
			rc = sigv4_add_header(signer, header->name, header->value);
	}
	return rc;
}

// Appends "DAY/REGION/SERVICE/aws4_request".
static int append_scope(struct slice day, struct sigv4_scope scope, struct buffer *out) {
	buffer_append(out, day);
	buffer_append_byte(out, '/');
	buffer_append(out, scope.region);
	buffer_append_byte(out, '/');
	buffer_append(out, scope.service);
	return buffer_append(out, SLICE("/aws4_request"));
}

int sigv4_run_stages(struct sigv4_signer *signer, struct canonical_request *request, struct credentials *credentials,
                     struct sigv4_scope scope) {
	struct sigv4_stages *stages = &signer->stages;
	struct slice day = {stages->date, SIGNING_DAY_BYTES}, key;
	uint8_t hash[DIGEST_BYTES];
	char hex[DIGEST_HEX_BYTES];
	request->headers = signer->headers;
	request->header_count = signer->header_count;
	int rc = signing_keys_get(&signer->keys, signer->digest, credentials, day, scope.region, scope.service, &key);
	if (rc == 0)
		rc = canonical_build(request, &stages->canonical_request, &stages->signed_headers);
	if (rc == 0)
		rc = digest_sha256(signer->digest, buffer_slice(&stages->canonical_request), hash);
	if (rc)
		return rc;
	digest_hex(hash, hex);
	struct buffer *to_sign = &stages->string_to_sign;
	buffer_clear(to_sign);
	buffer_append(to_sign, SLICE("AWS4-HMAC-SHA256\n"));
	buffer_append(to_sign, slice_from(stages->date));
	buffer_append_byte(to_sign, '\n');
	append_scope(day, scope, to_sign);
	buffer_append_byte(to_sign, '\n');
	rc = buffer_append(to_sign, slice_of(hex, sizeof hex - 1));
	if (rc == 0)
		rc = digest_hmac(signer->digest, key, buffer_slice(to_sign), hash);
	if (rc == 0)
		digest_hex(hash, stages->signature);
	return rc;
}

void sigv4_wipe_stages(struct sigv4_signer *signer) {
	struct sigv4_stages *stages = &signer->stages;
	if (stages->canonical_request.len)
		memory_wipe(stages->canonical_request.ptr, stages->canonical_request.len);
	buffer_clear(&stages->canonical_request);
	buffer_clear(&stages->string_to_sign);
	stages->signed_headers = (struct slice){0};
	memory_wipe(stages->signature, sizeof stages->signature);
}

int sigv4_sign(struct sigv4_signer *signer, const struct sigv4_request *request, struct credentials *credentials,
               struct sigv4_scope scope, const struct sigv4_options *options, int64_t wall_s,
               const struct sigv4_stages **stages) {
	sigv4_wipe_stages(signer);
	*stages = &signer->stages;
	int rc = format_date(wall_s, signer->stages.date);
	if (rc == 0)
		rc = collect_headers(signer, request, credentials, options);
	if (rc)
		return rc;
	struct canonical_request canonical = {
	    .method = request->method,
	    .path = request->path,
	    .query = request->query,
	    .normalise_path = options->normalise_path,
	    .encode_path_once = options->encode_path_once,
	    .payload_hash = slice_from(request->payload_sha256),
	};
	return sigv4_run_stages(signer, &canonical, credentials, scope);
}

static int append_authorization(const struct sigv4_stages *stages, struct slice access_key_id, struct sigv4_scope scope,
                                struct buffer *out) {
	buffer_append(out, SLICE("AWS4-HMAC-SHA256 Credential="));
	buffer_append(out, access_key_id);
	buffer_append_byte(out, '/');
	append_scope(slice_of(stages->date, SIGNING_DAY_BYTES), scope, out);
	buffer_append(out, SLICE(", SignedHeaders="));
	buffer_append(out, stages->signed_headers);
	buffer_append(out, SLICE(", Signature="));
	buffer_append(out, slice_of(stages->signature, SIGV4_HEX_BYTES - 1));
	return out->failed ? ERROR_LIMIT : 0;
}

static int append_bearer(struct slice token, struct buffer *out) {
	const struct slice scheme = SLICE("Bearer ");
	int rc = buffer_reserve(out, scheme.len + token.len);
	if (rc == 0)
		rc = buffer_append(out, scheme);
	return rc ? rc : buffer_append(out, token);
}

int sigv4_authorize(struct sigv4_signer *signer, const struct sigv4_request *request, struct credentials *credentials,
                    struct sigv4_scope scope, int64_t wall_s, struct sigv4_authorization *authorization) {
	static const struct sigv4_options BEDROCK = {0};
	authorization->date[0] = '\0';
	authorization->session_token = NULL;
	buffer_clear(authorization->value);
	if (credentials->bearer_token)
		return append_bearer(slice_from(credentials->bearer_token), authorization->value);
	const struct sigv4_stages *stages;
	int rc = sigv4_sign(signer, request, credentials, scope, &BEDROCK, wall_s, &stages);
	if (rc == 0)
		rc = append_authorization(stages, slice_from(credentials->access_key_id), scope, authorization->value);
	if (rc == 0) {
		memcpy(authorization->date, stages->date, sizeof authorization->date);
		authorization->session_token = credentials->session_token;
	}
	sigv4_wipe_stages(signer);
	return rc;
}
