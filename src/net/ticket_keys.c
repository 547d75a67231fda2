// SPDX-License-Identifier: Apache-2.0
// Invariant: tickets are encrypted with `current` only, while it is younger than TICKET_KEY_LIFE_MS; a key older than
// twice that decrypts nothing. Keys are renewed when one is needed: no timer runs, and any monotonic clock will do.
#include "net/ticket_keys.h"

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/rand.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

enum { NAME_BYTES = 16, IV_BYTES = 16, SECRET_BYTES = 32 };

struct ticket_key {
	unsigned char name[NAME_BYTES]; // unencrypted in each ticket
	unsigned char encryption[SECRET_BYTES];
	unsigned char authentication[SECRET_BYTES];
};

struct ticket_keys {
	uint64_t (*now_ms)(void);
	EVP_CIPHER *cipher;    // fetched once: that is slow in OpenSSL 3
	pthread_mutex_t guard; // of the members below
	struct ticket_key current, previous;
	uint64_t made_ms, previous_made_ms;
	bool has_previous;
};

static int slot; // where contexts keep their keys: an index of ex_data

static void ticket_key_make(struct ticket_key *key) {
	unsigned char bytes[sizeof *key];
	if (RAND_bytes(bytes, sizeof bytes) != 1)
		abort();
	memcpy(key, bytes, sizeof *key);
	memory_wipe(bytes, sizeof bytes);
}

static void ticket_keys_renew(struct ticket_keys *keys) {
	uint64_t now_ms = keys->now_ms();
	if (now_ms - keys->made_ms >= TICKET_KEY_LIFE_MS) {
		keys->has_previous = true;
		keys->previous = keys->current;
		keys->previous_made_ms = keys->made_ms;
		ticket_key_make(&keys->current);
		keys->made_ms = now_ms;
	}
	// The renewal may have come late.
	if (now_ms - keys->previous_made_ms >= 2 * (uint64_t)TICKET_KEY_LIFE_MS) {
		keys->has_previous = false;
		memory_wipe(&keys->previous, sizeof keys->previous);
	}
}

static bool ticket_key_is_named(const struct ticket_key *key, const unsigned char *name) {
	return memcmp(key->name, name, NAME_BYTES) == 0;
}

// Return values for OpenSSL: the ticket can't be decrypted, can be, can be and should be replaced.
enum { TICKET_UNKNOWN = 0, TICKET_OPEN = 1, TICKET_OLD = 2 };

// The key to encrypt with (`name` is NULL), or the key of that name.
static int ticket_keys_find(struct ticket_keys *keys, const unsigned char *name, struct ticket_key *key) {
	int found = TICKET_UNKNOWN;
	pthread_mutex_lock(&keys->guard);
	ticket_keys_renew(keys);
	if (!name || ticket_key_is_named(&keys->current, name)) {
		*key = keys->current;
		found = TICKET_OPEN;
	} else if (keys->has_previous && ticket_key_is_named(&keys->previous, name)) {
		*key = keys->previous;
		found = TICKET_OLD;
	}
	pthread_mutex_unlock(&keys->guard);
	return found;
}

static bool ticket_key_prepare(const EVP_CIPHER *algorithm, struct ticket_key *key, const unsigned char *iv,
                               EVP_CIPHER_CTX *cipher, EVP_MAC_CTX *mac, int sealing) {
	char digest[] = "SHA256";
	OSSL_PARAM parameters[] = {
	    OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY, key->authentication, SECRET_BYTES),
	    OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
	    OSSL_PARAM_construct_end(),
	};
	return EVP_MAC_CTX_set_params(mac, parameters) == 1 &&
	       EVP_CipherInit_ex(cipher, algorithm, NULL, key->encryption, iv, sealing) == 1;
}

static int ticket_keys_on_ticket(SSL *connection, unsigned char *name, unsigned char *iv, EVP_CIPHER_CTX *cipher,
                                 EVP_MAC_CTX *mac, int sealing) {
	struct ticket_keys *keys = SSL_CTX_get_ex_data(SSL_get_SSL_CTX(connection), slot);
	struct ticket_key key;
	if (sealing && RAND_bytes(iv, IV_BYTES) != 1)
		return -1;
	int found = ticket_keys_find(keys, sealing ? NULL : name, &key);
	if (found == TICKET_UNKNOWN)
		return TICKET_UNKNOWN;
	if (sealing)
		memcpy(name, key.name, NAME_BYTES);
	bool done = ticket_key_prepare(keys->cipher, &key, iv, cipher, mac, sealing);
	memory_wipe(&key, sizeof key);
	return done ? found : -1;
}

// The last connection of the context has ended.
static void ticket_keys_on_context_end(void *context, void *owner, CRYPTO_EX_DATA *all, int index, long number,
                                       void *text) {
	struct ticket_keys *keys = owner;
	(void)context;
	(void)all;
	(void)index;
	(void)number;
	(void)text;
	if (!keys)
		return;
	EVP_CIPHER_free(keys->cipher);
	pthread_mutex_destroy(&keys->guard);
	memory_wipe(keys, sizeof *keys);
	free(keys);
}

static void ticket_keys_take_slot(void) {
	slot = SSL_CTX_get_ex_new_index(0, NULL, NULL, NULL, ticket_keys_on_context_end);
	if (slot < 0)
		abort();
}

void ticket_keys_attach(SSL_CTX *context, uint64_t (*now_ms)(void)) {
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	struct ticket_keys *keys = memory_new(1, sizeof *keys);
	pthread_once(&once, ticket_keys_take_slot);
	keys->cipher = EVP_CIPHER_fetch(NULL, "AES-256-CBC", NULL);
	if (!keys->cipher)
		abort();
	keys->now_ms = now_ms;
	keys->made_ms = now_ms();
	pthread_mutex_init(&keys->guard, NULL);
	ticket_key_make(&keys->current);
	SSL_CTX_set_ex_data(context, slot, keys);
	SSL_CTX_set_tlsext_ticket_key_evp_cb(context, ticket_keys_on_ticket);
}
