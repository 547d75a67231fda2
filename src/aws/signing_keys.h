// SPDX-License-Identifier: Apache-2.0
// A cache of the derived keys of Signature Version 4. Deriving a key takes four HMACs, and the key is valid for a day.
// An entry belongs to a key pair, day, region and service. The pair's next day, or another secret under the same access
// key id, replaces it. Entries are wiped when they are replaced and freed.
#ifndef AWS_SIGNING_KEYS_H
#define AWS_SIGNING_KEYS_H

#include <stdint.h>

#include "aws/credentials.h"
#include "aws/digest.h"
#include "base/slice.h"

enum { SIGNING_KEYS_SLOTS = 32, SIGNING_SCOPE_BYTES = 63, SIGNING_DAY_BYTES = 8 };

struct signing_key {
	struct credentials *credentials; // retained, so that equal addresses are equal credentials; NULL: empty slot
	char day[SIGNING_DAY_BYTES];
	char region[SIGNING_SCOPE_BYTES + 1];
	char service[SIGNING_SCOPE_BYTES + 1];
	uint64_t used; // time of the last use, counted in uses of the cache; the least recently used slot is replaced
	uint8_t key[DIGEST_BYTES];
};

// One a worker. Zero-initialise; release with signing_keys_free.
struct signing_keys {
	struct signing_key slots[SIGNING_KEYS_SLOTS];
	uint64_t uses;
	uint64_t derivations;
};

// Gets the key for `day` ("20260304") and scope, borrowed until the next call. 0; ERROR_MISSING without a key pair;
// ERROR_LIMIT when region or service has more than 63 bytes; ERROR_CRYPTO.
int signing_keys_get(struct signing_keys *keys, struct digest *digest, struct credentials *credentials,
                     struct slice day, struct slice region, struct slice service, struct slice *key);

void signing_keys_free(struct signing_keys *keys);

#endif
