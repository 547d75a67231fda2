// SPDX-License-Identifier: Apache-2.0
// Implements "Derive a signing key" (AWS General Reference, Signature Version 4).
#include "aws/signing_keys.h"

#include "base/buffer.h"
#include "base/error.h"
#include "base/memory.h"

static void slot_clear(struct signing_key *slot) {
	credentials_release(slot->credentials);
	memory_wipe(slot, sizeof *slot);
}

static bool is_same_key_pair(const struct credentials *a, const struct credentials *b) {
	return a == b ||
	       (strcmp(a->access_key_id, b->access_key_id) == 0 && strcmp(a->secret_access_key, b->secret_access_key) == 0);
}

static bool is_of_scope(const struct signing_key *slot, struct slice region, struct slice service) {
	return slot->credentials && slice_equal(slice_from(slot->region), region) &&
	       slice_equal(slice_from(slot->service), service);
}

static bool is_of_day(const struct signing_key *slot, struct slice day) {
	return slice_equal(slice_of(slot->day, sizeof slot->day), day);
}

static int signing_key_derive(struct digest *digest, const char *secret, struct slice day, struct slice region,
                              struct slice service, uint8_t key[DIGEST_BYTES]) {
	struct buffer seed;
	buffer_init(&seed, SIZE_MAX / 2);
	int rc = buffer_reserve(&seed, 4 + strlen(secret)); // at once: growing would leave a copy in freed memory
	if (rc == 0) {
		buffer_append(&seed, SLICE("AWS4"));
		buffer_append(&seed, slice_from(secret));
		rc = digest_hmac(digest, buffer_slice(&seed), day, key);
	}
	const struct slice steps[] = {region, service, SLICE("aws4_request")};
	for (size_t i = 0; i < 3 && rc == 0; i++)
		rc = digest_hmac(digest, slice_of(key, DIGEST_BYTES), steps[i], key);
	buffer_free_secret(&seed);
	return rc;
}

// The slot to fill: one of the same access key id and scope (of an earlier day, or with a secret that was changed),
// else an empty slot, else the least recently used.
static struct signing_key *slot_choose(struct signing_keys *keys, const struct credentials *credentials,
                                       struct slice region, struct slice service) {
	struct signing_key *chosen = &keys->slots[0];
	for (size_t i = 0; i < SIGNING_KEYS_SLOTS; i++) {
		struct signing_key *slot = &keys->slots[i];
		if (is_of_scope(slot, region, service) &&
		    strcmp(slot->credentials->access_key_id, credentials->access_key_id) == 0)
			return slot;
		if (slot->used < chosen->used)
			chosen = slot;
	}
	return chosen;
}

int signing_keys_get(struct signing_keys *keys, struct digest *digest, struct credentials *credentials,
                     struct slice day, struct slice region, struct slice service, struct slice *key) {
	if (!credentials->access_key_id || !credentials->secret_access_key)
		return ERROR_MISSING;
	if (region.len > SIGNING_SCOPE_BYTES || service.len > SIGNING_SCOPE_BYTES || day.len != SIGNING_DAY_BYTES)
		return ERROR_LIMIT;
	for (size_t i = 0; i < SIGNING_KEYS_SLOTS; i++) {
		struct signing_key *slot = &keys->slots[i];
		if (is_of_scope(slot, region, service) && is_of_day(slot, day) &&
		    is_same_key_pair(slot->credentials, credentials)) {
			slot->used = ++keys->uses;
			*key = slice_of(slot->key, sizeof slot->key);
			return 0;
		}
	}
	struct signing_key *slot = slot_choose(keys, credentials, region, service);
	slot_clear(slot);
	int rc = signing_key_derive(digest, credentials->secret_access_key, day, region, service, slot->key);
	if (rc) {
		memory_wipe(slot, sizeof *slot);
		return rc;
	}
	credentials_retain(credentials);
	slot->credentials = credentials;
	memcpy(slot->day, day.ptr, day.len);
	memcpy(slot->region, region.ptr, region.len);
	memcpy(slot->service, service.ptr, service.len);
	slot->used = ++keys->uses;
	keys->derivations++;
	*key = slice_of(slot->key, sizeof slot->key);
	return 0;
}

void signing_keys_free(struct signing_keys *keys) {
	for (size_t i = 0; i < SIGNING_KEYS_SLOTS; i++)
		slot_clear(&keys->slots[i]);
}
