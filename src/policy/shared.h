// SPDX-License-Identifier: Apache-2.0
// The store that the policies of a process share: keys with small values, for all workers and for successive versions.
// Each call is atomic. The store is bounded: new entries replace only expired ones.
#ifndef POLICY_SHARED_H
#define POLICY_SHARED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/slice.h"

enum {
	SHARED_KEYS_MAX = 10000,
	SHARED_BYTES_MAX = 1 << 20, // keys and texts together
	SHARED_KEY_BYTES_MAX = 256,
	SHARED_TEXT_BYTES_MAX = 16384,
};

struct shared_store;

enum shared_kind { SHARED_TEXT, SHARED_INTEGER, SHARED_NUMBER, SHARED_BOOLEAN };

struct shared_value {
	enum shared_kind kind;
	bool boolean;
	int64_t integer;
	double number;
	size_t text_bytes;
	char text[SHARED_TEXT_BYTES_MAX];
};

struct shared_store *shared_new(void);
// Call it when no thread uses the store any more. NULL is fine.
void shared_free(struct shared_store *store);

// Copies the value of a key; false when there is none or it has expired. `now_ms` is monotonic, here and below. Keys
// have 1 to SHARED_KEY_BYTES_MAX bytes.
bool shared_get(struct shared_store *store, struct slice key, uint64_t now_ms, struct shared_value *value);

// Sets the value for `ttl_ms`, or for ever if that is 0. 0, or ERROR_LIMIT with the former value kept.
int shared_set(struct shared_store *store, struct slice key, const struct shared_value *value, uint64_t ttl_ms,
               uint64_t now_ms);

void shared_remove(struct shared_store *store, struct slice key);

// Adds `by` to the key's number. A new key gets the value `by` and `ttl_ms`; an existing one keeps its expiry. 0 and
// *sum; ERROR_INVALID when the value is not a number, ERROR_LIMIT when there is no room.
int shared_add(struct shared_store *store, struct slice key, const struct shared_value *by, uint64_t ttl_ms,
               uint64_t now_ms, struct shared_value *sum);

#endif
