// SPDX-License-Identifier: Apache-2.0
// The derived keys of Signature Version 4, kept for their day: deriving one takes four HMACs, using it one. An entry
// stands for one key pair, day, region and service; the pair's next day, or another secret under the same access key
// id, takes its place. Wiped when replaced and at the end.
#ifndef AWS_SIGNING_KEYS_H
#define AWS_SIGNING_KEYS_H

#include <stdint.h>

#include "aws/credentials.h"
#include "aws/digest.h"
#include "base/slice.h"

enum { SIGNING_KEYS_SLOTS = 32, SIGNING_SCOPE_BYTES = 63, SIGNING_DAY_BYTES = 8 };

struct signing_key {
	struct credentials *credentials; // retained, so that its address stands for its content; NULL in an empty slot
	char day[SIGNING_DAY_BYTES];
	char region[SIGNING_SCOPE_BYTES + 1];
	char service[SIGNING_SCOPE_BYTES + 1];
	uint64_t used; // when, in uses of the cache: the least is replaced first
	uint8_t key[DIGEST_BYTES];
};

// A worker's; zero-initialise, release with signing_keys_free.
struct signing_keys {
	struct signing_key slots[SIGNING_KEYS_SLOTS];
	uint64_t uses;
	uint64_t derivations;
};

// The key for `day` ("20260304") and scope, borrowed until the next call. 0; ERROR_MISSING without a key pair;
// ERROR_LIMIT when region or service has more than 63 bytes; ERROR_CRYPTO.
int signing_keys_get(struct signing_keys *keys, struct digest *digest, struct credentials *credentials,
                     struct slice day, struct slice region, struct slice service, struct slice *key);

void signing_keys_free(struct signing_keys *keys);

#endif
