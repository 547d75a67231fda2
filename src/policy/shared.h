// SPDX-License-Identifier: Apache-2.0
// What policies of one process remember together: keys with small values, shared by all workers and by one version
// with the next. Each call is atomic. Bounded: when it is full, what has expired makes room, and then nothing does.
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
// Nobody may use it any more. NULL is fine.
void shared_free(struct shared_store *store);

// Copies the value of a key that is there and has not expired; false where there is none. `now_ms` is monotonic, here
// and below. Keys have 1 to SHARED_KEY_BYTES_MAX bytes.
bool shared_get(struct shared_store *store, struct slice key, uint64_t now_ms, struct shared_value *value);

// Puts the value there for `ttl_ms`; 0 is for good. 0, or ERROR_LIMIT with the former value kept.
int shared_set(struct shared_store *store, struct slice key, const struct shared_value *value, uint64_t ttl_ms,
               uint64_t now_ms);

void shared_remove(struct shared_store *store, struct slice key);

// Adds a number to that of the key, and tells the sum. A key that is not there begins with `by` and lives for `ttl_ms`;
// one that is there keeps its time. 0; ERROR_INVALID where the value is no number, ERROR_LIMIT where there is no room.
int shared_add(struct shared_store *store, struct slice key, const struct shared_value *by, uint64_t ttl_ms,
               uint64_t now_ms, struct shared_value *sum);

#endif
