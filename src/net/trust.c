// SPDX-License-Identifier: Apache-2.0
// The stores in use, by file. `lock` guards the list and the counts; an OpenSSL store has a lock of its own.
#include "net/trust.h"

#include <openssl/err.h>
#include <openssl/x509_vfy.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/environment.h"
#include "base/log.h"
#include "base/memory.h"
#include "net/certificate.h"

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

// As X509_STORE_set_default_paths, but for the file that the operator names: OpenSSL would wait for a pipe.
static const char *trust_load_system(X509_STORE *store) {
	const char *file = environment_text(&environment_of_process, X509_get_default_cert_file_env());
	if (!file || !*file)
		return X509_STORE_set_default_paths(store) == 1 ? NULL : "the system's certificates are missing";
	X509_LOOKUP *folder = X509_STORE_add_lookup(store, X509_LOOKUP_hash_dir());
	if (!folder)
		abort();
	X509_LOOKUP_add_dir(folder, NULL, X509_FILETYPE_DEFAULT);
	return certificate_load_trusted(store, file);
}

static struct trust *trust_load(const char *ca_file) {
	struct trust *trust = memory_new(1, sizeof(*trust));
	trust->file = ca_file ? memory_string(slice_from(ca_file)) : NULL;
	trust->store = X509_STORE_new();
	if (trust->store == NULL)
		abort();
	const char *problem = ca_file ? certificate_load_trusted(trust->store, ca_file) : trust_load_system(trust->store);
	if (problem)
		log_entry(LOG_ERROR, "trusted certificates could not be read: no server will be accepted by them",
		          LOG_C("cause", problem));
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
