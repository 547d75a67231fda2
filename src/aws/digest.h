// SPDX-License-Identifier: Apache-2.0
// SHA-256 and HMAC-SHA-256 (RFC 2104) with libcrypto. Fetches the algorithm once and reuses its context, since in
// OpenSSL 3 fetching costs more than hashing a short text. For the same reason HMAC is implemented here on the plain
// hash.
#ifndef AWS_DIGEST_H
#define AWS_DIGEST_H

#include <stdint.h>

#include "base/slice.h"

enum { DIGEST_BYTES = 32, DIGEST_HEX_BYTES = 65 };

struct digest; // used by one thread at a time

// NULL if libcrypto provides no SHA-256.
struct digest *digest_new(void);
void digest_free(struct digest *digest);

// 0 or ERROR_CRYPTO.
int digest_sha256(struct digest *digest, struct slice text, uint8_t out[DIGEST_BYTES]);
// The same in pieces: begin, add any number of texts, end. No other function may use the digest meanwhile. Each returns
// 0 or ERROR_CRYPTO.
int digest_begin(struct digest *digest);
int digest_add(struct digest *digest, struct slice text);
int digest_end(struct digest *digest, uint8_t out[DIGEST_BYTES]);
// Keys may have any length. 0 or ERROR_CRYPTO.
int digest_hmac(struct digest *digest, struct slice key, struct slice text, uint8_t out[DIGEST_BYTES]);

// Lower-case hex with a NUL.
void digest_hex(const uint8_t bytes[DIGEST_BYTES], char hex[DIGEST_HEX_BYTES]);

#endif
