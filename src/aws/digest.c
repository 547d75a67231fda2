// SPDX-License-Identifier: Apache-2.0
#include "aws/digest.h"

#include <stdlib.h>

#include <openssl/evp.h>

#include "base/error.h"
#include "base/memory.h"

enum { BLOCK_BYTES = 64 };

struct digest {
	EVP_MD *sha256;
	EVP_MD_CTX *state;
};

struct digest *digest_new(void) {
	struct digest *digest = memory_new(1, sizeof *digest);
	digest->sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
	digest->state = EVP_MD_CTX_new();
	if (digest->sha256 && digest->state)
		return digest;
	digest_free(digest);
	return NULL;
}

void digest_free(struct digest *digest) {
	if (!digest)
		return;
	EVP_MD_CTX_free(digest->state);
	EVP_MD_free(digest->sha256);
	free(digest);
}

int digest_begin(struct digest *digest) {
	return EVP_DigestInit_ex2(digest->state, digest->sha256, NULL) == 1 ? 0 : ERROR_CRYPTO;
}

int digest_add(struct digest *digest, struct slice text) {
	return EVP_DigestUpdate(digest->state, text.ptr, text.len) == 1 ? 0 : ERROR_CRYPTO;
}

int digest_end(struct digest *digest, uint8_t out[DIGEST_BYTES]) {
	return EVP_DigestFinal_ex(digest->state, out, NULL) == 1 ? 0 : ERROR_CRYPTO;
}

// Hashes the concatenation of two texts.
static int hash_two(struct digest *digest, struct slice first, struct slice second, uint8_t out[DIGEST_BYTES]) {
	if (digest_begin(digest) || digest_add(digest, first) || digest_add(digest, second) || digest_end(digest, out))
		return ERROR_CRYPTO;
	return 0;
}

int digest_sha256(struct digest *digest, struct slice text, uint8_t out[DIGEST_BYTES]) {
	return hash_two(digest, text, (struct slice){0}, out);
}

int digest_hmac(struct digest *digest, struct slice key, struct slice text, uint8_t out[DIGEST_BYTES]) {
	uint8_t inner[BLOCK_BYTES] = {0}, outer[BLOCK_BYTES], hashed[DIGEST_BYTES];
	int rc = 0;
	if (key.len > BLOCK_BYTES)
		rc = digest_sha256(digest, key, inner);
	else if (key.len)
		memcpy(inner, key.ptr, key.len);
	for (size_t i = 0; i < BLOCK_BYTES; i++) {
		outer[i] = inner[i] ^ 0x5c;
		inner[i] ^= 0x36;
	}
	if (rc == 0)
		rc = hash_two(digest, slice_of(inner, sizeof inner), text, hashed);
	if (rc == 0)
		rc = hash_two(digest, slice_of(outer, sizeof outer), slice_of(hashed, sizeof hashed), out);
	memory_wipe(inner, sizeof inner);
	memory_wipe(outer, sizeof outer);
	memory_wipe(hashed, sizeof hashed);
	return rc;
}

void digest_hex(const uint8_t bytes[DIGEST_BYTES], char hex[DIGEST_HEX_BYTES]) {
	static const char DIGITS[] = "0123456789abcdef";
	for (size_t i = 0; i < DIGEST_BYTES; i++) {
		hex[2 * i] = DIGITS[bytes[i] >> 4];
		hex[2 * i + 1] = DIGITS[bytes[i] & 15];
	}
	hex[2 * DIGEST_BYTES] = '\0';
}
