// SPDX-License-Identifier: Apache-2.0
// SHA-256 and HMAC-SHA-256 (RFC 2104) over libcrypto. The algorithm is fetched once and its context reused, since in
// OpenSSL 3 fetching costs more than hashing a small text; that is also why HMAC is built here on the plain hash.
#ifndef AWS_DIGEST_H
#define AWS_DIGEST_H

#include <stdint.h>

#include "base/slice.h"

enum { DIGEST_BYTES = 32, DIGEST_HEX_BYTES = 65 };

struct digest; // not for two threads at a time

// NULL when libcrypto has no SHA-256 to give.
struct digest *digest_new(void);
void digest_free(struct digest *digest);

// 0 or ERROR_CRYPTO.
int digest_sha256(struct digest *digest, struct slice text, uint8_t out[DIGEST_BYTES]);
// Keys may have any length. 0 or ERROR_CRYPTO.
int digest_hmac(struct digest *digest, struct slice key, struct slice text, uint8_t out[DIGEST_BYTES]);

// Lower-case hex with a NUL.
void digest_hex(const uint8_t bytes[DIGEST_BYTES], char hex[DIGEST_HEX_BYTES]);

#endif
