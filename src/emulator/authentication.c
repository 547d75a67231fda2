// SPDX-License-Identifier: Apache-2.0
// Checks credentials in the service's order: missing ones first, then bearer tokens, then signatures. Secrets are
// compared in constant time and appear in no response.
#include "emulator/authentication.h"

#include <stdlib.h>

#include "base/memory.h"

struct authentication {
	struct sigv4_signer *signer;
	struct credentials *keys;
	struct credentials *bearer;
};

struct authentication *authentication_new(struct credentials *keys, struct credentials *bearer) {
	struct sigv4_signer *signer = sigv4_signer_new();
	if (!signer)
		return NULL;
	struct authentication *authentication = memory_new(1, sizeof *authentication);
	*authentication = (struct authentication){signer, keys, bearer};
	if (keys)
		credentials_retain(keys);
	if (bearer)
		credentials_retain(bearer);
	return authentication;
}

void authentication_free(struct authentication *authentication) {
	if (!authentication)
		return;
	sigv4_signer_free(authentication->signer);
	credentials_release(authentication->keys);
	credentials_release(authentication->bearer);
	free(authentication);
}

static struct credentials *find_keys(void *owner, struct slice access_key_id) {
	struct authentication *authentication = owner;
	bool known = slice_equal(slice_from(authentication->keys->access_key_id), access_key_id);
	return known ? authentication->keys : NULL;
}

// Takes the same time for every wrong token of the right length.
static bool equal_in_constant_time(struct slice a, struct slice b) {
	unsigned char difference = a.len != b.len;
	for (size_t i = 0; i < a.len && i < b.len; i++)
		difference |= (unsigned char)(a.ptr[i] ^ b.ptr[i]);
	return difference == 0;
}

static const struct sigv4_refusal *check_bearer(const struct authentication *authentication, struct slice token) {
	static const struct sigv4_refusal wrong = {"AccessDeniedException", 403,
	                                           "Authentication failed: Please make sure your API Key is valid."};
	if (!authentication->bearer)
		return sigv4_verdict_refusal(SIGV4_UNKNOWN_KEY);
	return equal_in_constant_time(slice_from(authentication->bearer->bearer_token), token) ? NULL : &wrong;
}

const struct sigv4_refusal *authentication_check(struct authentication *authentication,
                                                 const struct server_request *request, int64_t wall_s) {
	if (!authentication->keys && !authentication->bearer)
		return NULL;
	const struct slice *authorization = headers_find(request->headers, SLICE("authorization"));
	if (!authorization)
		return sigv4_verdict_refusal(SIGV4_MISSING);
	struct slice bearer = SLICE("Bearer ");
	if (slice_starts(*authorization, bearer))
		return check_bearer(authentication, slice_trim(slice_from_offset(*authorization, bearer.len)));
	if (!authentication->keys)
		return sigv4_verdict_refusal(SIGV4_UNKNOWN_KEY);
	struct sigv4_received received = {
	    .method = request->method,
	    .path = request->path,
	    .query = request->query,
	    .headers = request->headers,
	    .body = request->body,
	    .wall_s = wall_s,
	};
	struct sigv4_scope any_region = {.service = SLICE("bedrock")};
	enum sigv4_verdict verdict = sigv4_verify(authentication->signer, &received, any_region, find_keys, authentication);
	return verdict == SIGV4_GOOD ? NULL : sigv4_verdict_refusal(verdict);
}
