// SPDX-License-Identifier: Apache-2.0
// OpenSSL contexts of clients. Invariant: each verifies the chain, dates and name, and requires TLS 1.2 or later.
#include "net/tls.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "net/trust.h"

struct tls_client {
	SSL_CTX *context;
	SSL_SESSION *session; // the latest; NULL until the first one
	struct trust *trust;
	char *server_name; // NULL when the host is an address
};

void tls_restrict(struct ssl_ctx_st *context) {
	SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
	SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
	if (SSL_CTX_set1_groups_list(context, "X25519:P-256:P-384") != 1)
		abort();
}

static void tls_client_keep_session(struct tls_client *client, SSL_SESSION *session) {
	if (client->session)
		SSL_SESSION_free(client->session);
	client->session = session;
}

// Returning 1 takes ownership of the session.
static int tls_client_on_session(SSL *connection, SSL_SESSION *session) {
	tls_client_keep_session(SSL_CTX_get_app_data(SSL_get_SSL_CTX(connection)), session);
	return 1;
}

static void tls_client_require_name(struct tls_client *client, const char *host) {
	X509_VERIFY_PARAM *verification = SSL_CTX_get0_param(client->context);
	unsigned char address[sizeof(struct in6_addr)];
	struct slice text = slice_from(host);
	if (text.len > 1 && text.ptr[0] == '[' && text.ptr[text.len - 1] == ']')
		text = slice_of(text.ptr + 1, text.len - 2);
	char *name = memory_string(text);
	int done;
	X509_VERIFY_PARAM_set_hostflags(verification, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
	if (inet_pton(AF_INET, name, address) == 1 || inet_pton(AF_INET6, name, address) == 1) {
		done = X509_VERIFY_PARAM_set1_ip_asc(verification, name);
		free(name);
	} else {
		done = X509_VERIFY_PARAM_set1_host(verification, name, 0);
		client->server_name = name;
	}
	if (done != 1)
		abort();
}

struct tls_client *tls_client_new(const char *ca_file, const char *host) {
	static const unsigned char http11[] = "\x08http/1.1";
	struct tls_client *client = memory_new(1, sizeof(*client));
	SSL_CTX *context = SSL_CTX_new(TLS_client_method());
	if (context == NULL)
		abort();
	client->context = context;
	client->trust = trust_take(ca_file);
	SSL_CTX_set1_cert_store(context, trust_store(client->trust));
	SSL_CTX_set_verify(context, SSL_VERIFY_PEER, NULL);
	tls_restrict(context);
	// The groups don't bind TLS 1.2's DHE, where the server makes the group up.
	if (SSL_CTX_set_cipher_list(context, "DEFAULT:!kDHE") != 1)
		abort();
	SSL_CTX_set_alpn_protos(context, http11, sizeof(http11) - 1);
	SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
	SSL_CTX_sess_set_new_cb(context, tls_client_on_session);
	SSL_CTX_set_app_data(context, client);
	tls_client_require_name(client, host);
	ERR_clear_error();
	return client;
}

void tls_client_free(struct tls_client *client) {
	tls_client_keep_session(client, NULL);
	SSL_CTX_free(client->context);
	trust_release(client->trust);
	free(client->server_name);
	free(client);
}

struct ssl_st *tls_client_connection(struct tls_client *client) {
	SSL *connection = SSL_new(client->context);
	if (connection == NULL)
		abort();
	SSL_set_connect_state(connection);
	if (client->server_name)
		SSL_set_tlsext_host_name(connection, client->server_name);
	if (client->session && SSL_SESSION_is_resumable(client->session))
		SSL_set_session(connection, client->session);
	return connection;
}

const char *tls_certificate_problem(const struct ssl_st *connection) {
	long result = SSL_get_verify_result(connection);
	return result == X509_V_OK ? NULL : X509_verify_cert_error_string(result);
}
