// SPDX-License-Identifier: Apache-2.0
// The stores in use, by file. `lock` guards the list and the counts; an OpenSSL store has a lock of its own.
#include "net/trust.h"

#include <openssl/err.h>
#include <openssl/x509_vfy.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/memory.h"

struct trust {
	struct trust *next;
	char *file; // NULL: the system's
	X509_STORE *store;
	unsigned holders;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct trust *stores;

static bool trust_is_of(const struct trust *trust, const char *ca_file) {
	if (trust->file == NULL || ca_file == NULL)
		return trust->file == ca_file;
	return strcmp(trust->file, ca_file) == 0;
}

static struct trust *trust_load(const char *ca_file) {
	struct trust *trust = memory_new(1, sizeof(*trust));
	trust->file = ca_file ? memory_string(slice_from(ca_file)) : NULL;
	trust->store = X509_STORE_new();
	if (trust->store == NULL)
		abort();
	int done = ca_file ? X509_STORE_load_file(trust->store, ca_file) : X509_STORE_set_default_paths(trust->store);
	if (done != 1)
		log_entry(LOG_ERROR, "the trusted certificates could not be read: no server will be accepted",
		          LOG_C("file", ca_file ? ca_file : "the system's"));
	ERR_clear_error();
	return trust;
}

struct trust *trust_take(const char *ca_file) {
	pthread_mutex_lock(&lock);
	struct trust *trust = stores;
	while (trust && !trust_is_of(trust, ca_file))
		trust = trust->next;
	if (trust == NULL) {
		trust = trust_load(ca_file);
		trust->next = stores;
		stores = trust;
	}
	trust->holders++;
	pthread_mutex_unlock(&lock);
	return trust;
}

void trust_release(struct trust *trust) {
	pthread_mutex_lock(&lock);
	if (--trust->holders == 0) {
		struct trust **place = &stores;
		while (*place != trust)
			place = &(*place)->next;
		*place = trust->next;
		X509_STORE_free(trust->store);
		free(trust->file);
		free(trust);
	}
	pthread_mutex_unlock(&lock);
}

struct x509_store_st *trust_store(const struct trust *trust) {
	return trust->store;
}
