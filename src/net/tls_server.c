// SPDX-License-Identifier: Apache-2.0
// Invariant: `context` is complete and never modified; a reload replaces it. The keys of session tickets belong to the
// context: they change with a reload, and with time.
#include "net/tls_server.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/memory.h"
#include "net/certificate.h"
#include "net/ticket_keys.h"
#include "net/tls.h"

struct tls_server {
	char *certificate_file;
	char *key_file;
	pthread_mutex_t guard; // of `context`
	SSL_CTX *context;
};

// Forward secrecy and authenticated encryption only, which HTTP/2 requires too (RFC 9113, 9.2.2). TLS 1.3 has no
// others.
static const char ciphers[] = "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:"
                              "ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305";

static int tls_server_choose_protocol(SSL *connection, const unsigned char **chosen, unsigned char *chosen_size,
                                      const unsigned char *offered, unsigned offered_size, void *owner) {
	static const unsigned char ours[] = "\x02h2\x08http/1.1";
	unsigned char *found;
	(void)connection;
	(void)owner;
	if (SSL_select_next_proto(&found, chosen_size, ours, sizeof ours - 1, offered, offered_size) !=
	    OPENSSL_NPN_NEGOTIATED)
		return SSL_TLSEXT_ERR_ALERT_FATAL;
	*chosen = found;
	return SSL_TLSEXT_ERR_OK;
}

// Returns the context, or NULL and *message.
static SSL_CTX *tls_server_make_context(const char *certificate_file, const char *key_file, const char **message) {
	static const unsigned char session_context[] = "signalbox";
	SSL_CTX *context = SSL_CTX_new(TLS_server_method());
	if (context == NULL)
		abort();
	tls_restrict(context);
	// What clients sent, credentials among it, is wiped from OpenSSL's buffers once it is read.
	SSL_CTX_set_options(context, SSL_OP_CLEANSE_PLAINTEXT);
	SSL_CTX_set_cipher_list(context, ciphers);
	SSL_CTX_set_session_id_context(context, session_context, sizeof session_context - 1);
	// Tickets hold the sessions, so that no cache and no lock is needed.
	SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
	ticket_keys_attach(context, clock_now_ms);
	// A client needs one ticket to resume. Each further ticket costs every handshake an encryption and a record.
	SSL_CTX_set_num_tickets(context, 1);
	SSL_CTX_set_alpn_select_cb(context, tls_server_choose_protocol, NULL);
	*message = certificate_load(context, certificate_file, key_file);
	if (*message == NULL)
		return context;
	SSL_CTX_free(context);
	return NULL;
}

int tls_server_new(const char *certificate_file, const char *key_file, struct tls_server **tls, const char **message) {
	SSL_CTX *context = tls_server_make_context(certificate_file, key_file, message);
	if (context == NULL)
		return ERROR_INVALID;
	struct tls_server *made = memory_new(1, sizeof *made);
	made->certificate_file = memory_string(slice_from(certificate_file));
	made->key_file = memory_string(slice_from(key_file));
	made->context = context;
	pthread_mutex_init(&made->guard, NULL);
	*tls = made;
	return 0;
}

int tls_server_reload(struct tls_server *tls, const char **message) {
	SSL_CTX *context = tls_server_make_context(tls->certificate_file, tls->key_file, message);
	if (context == NULL)
		return ERROR_INVALID;
	pthread_mutex_lock(&tls->guard);
	SSL_CTX *old = tls->context;
	tls->context = context;
	pthread_mutex_unlock(&tls->guard);
	SSL_CTX_free(old);
	return 0;
}

void tls_server_free(struct tls_server *tls) {
	if (!tls)
		return;
	SSL_CTX_free(tls->context);
	pthread_mutex_destroy(&tls->guard);
	free(tls->certificate_file);
	free(tls->key_file);
	free(tls);
}

struct ssl_st *tls_server_connection(struct tls_server *tls) {
	pthread_mutex_lock(&tls->guard);
	SSL *connection = SSL_new(tls->context);
	pthread_mutex_unlock(&tls->guard);
	if (connection)
		SSL_set_accept_state(connection);
	ERR_clear_error();
	return connection;
}
