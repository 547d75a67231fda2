// SPDX-License-Identifier: Apache-2.0
#include "net/certificate.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <string.h>

#include "base/buffer.h"
#include "base/error.h"

enum { RSA_BITS_MIN = 2048, RSA_BITS_MAX = 4096 };

static const char *certificate_problem(const char *file, const char *what) {
	static _Thread_local char text[512];
	snprintf(text, sizeof text, "%s: %s", file, what);
	return text;
}

// Reads the file into an empty buffer.
static const char *certificate_read(const char *file, struct buffer *text) {
	int failure;
	buffer_init(text, CERTIFICATE_FILE_BYTES_MAX);
	int rc = buffer_read_file(text, file, &failure);
	if (rc == ERROR_LIMIT)
		return certificate_problem(file, "expected a file of at most 1 MiB, found a larger one");
	if (rc == ERROR_INVALID)
		return certificate_problem(file, "expected a regular file, found a pipe or a device");
	return rc ? certificate_problem(file, failure ? strerror(failure) : error_text(rc)) : NULL;
}

// A server cannot ask for a passphrase.
static int certificate_refuse_passphrase(char *text, int size, int is_writing, void *is_encrypted) {
	(void)text;
	(void)size;
	(void)is_writing;
	*(bool *)is_encrypted = true;
	return -1;
}

static const char *certificate_check_key(const char *file, X509 *certificate) {
	EVP_PKEY *key = X509_get0_pubkey(certificate);
	int bits = key ? EVP_PKEY_get_bits(key) : 0;
	int kind = key ? EVP_PKEY_get_base_id(key) : 0;
	if ((kind != EVP_PKEY_RSA && kind != EVP_PKEY_RSA_PSS) || (bits >= RSA_BITS_MIN && bits <= RSA_BITS_MAX))
		return NULL;
	char what[128];
	snprintf(what, sizeof what, "expected an RSA key of %d to %d bits, found %d", RSA_BITS_MIN, RSA_BITS_MAX, bits);
	return certificate_problem(file, what);
}

// The server's own certificate comes first.
static const char *certificate_use(SSL_CTX *context, const char *file, BIO *text) {
	static const char not_accepted[] = "no certificate in PEM form, or one that is not accepted";
	bool is_encrypted = false;
	X509 *certificate = PEM_read_bio_X509_AUX(text, NULL, certificate_refuse_passphrase, &is_encrypted);
	if (!certificate)
		return certificate_problem(file, not_accepted);
	const char *problem = certificate_check_key(file, certificate);
	if (!problem && SSL_CTX_use_certificate(context, certificate) != 1)
		problem = certificate_problem(file, not_accepted);
	X509_free(certificate);
	return problem;
}

static const char *certificate_use_chain(SSL_CTX *context, const char *file, BIO *text) {
	bool is_encrypted = false;
	for (int count = 1;; count++) {
		X509 *issuer = PEM_read_bio_X509(text, NULL, certificate_refuse_passphrase, &is_encrypted);
		if (!issuer)
			break;
		if (count == CERTIFICATES_MAX || SSL_CTX_add0_chain_cert(context, issuer) != 1) {
			X509_free(issuer);
			return certificate_problem(file, count == CERTIFICATES_MAX
			                                     ? "expected a chain of at most 16 certificates, found more"
			                                     : "a certificate of the chain is not accepted");
		}
	}
	bool at_end = ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
	return at_end ? NULL : certificate_problem(file, "a certificate of the chain is damaged");
}

static const char *certificate_load_chain(SSL_CTX *context, const char *file) {
	struct buffer text;
	const char *problem = certificate_read(file, &text);
	BIO *bio = problem ? NULL : BIO_new_mem_buf(text.ptr, (int)text.len);
	if (!problem)
		problem = certificate_use(context, file, bio);
	if (!problem)
		problem = certificate_use_chain(context, file, bio);
	BIO_free(bio);
	buffer_free(&text);
	return problem;
}

static const char *certificate_use_key(SSL_CTX *context, const char *file, BIO *text) {
	bool is_encrypted = false;
	EVP_PKEY *key = PEM_read_bio_PrivateKey(text, NULL, certificate_refuse_passphrase, &is_encrypted);
	bool is_used = key && SSL_CTX_use_PrivateKey(context, key) == 1;
	EVP_PKEY_free(key);
	if (is_used)
		return NULL;
	if (is_encrypted)
		return certificate_problem(file, "the key is encrypted");
	return certificate_problem(file, key ? "the key is not the certificate's" : "no private key in PEM form");
}

static const char *certificate_load_key(SSL_CTX *context, const char *file) {
	struct buffer text;
	const char *problem = certificate_read(file, &text);
	BIO *bio = problem ? NULL : BIO_new_mem_buf(text.ptr, (int)text.len);
	if (!problem)
		problem = certificate_use_key(context, file, bio);
	BIO_free(bio);
	buffer_free_secret(&text);
	return problem;
}

const char *certificate_load(struct ssl_ctx_st *context, const char *certificate_file, const char *key_file) {
	ERR_clear_error();
	const char *problem = certificate_load_chain(context, certificate_file);
	if (!problem)
		problem = certificate_load_key(context, key_file);
	ERR_clear_error();
	return problem;
}

// False when there is none.
static bool certificate_trust(X509_STORE *store, BIO *text) {
	bool is_encrypted = false, any = false;
	STACK_OF(X509_INFO) *list = PEM_X509_INFO_read_bio(text, NULL, certificate_refuse_passphrase, &is_encrypted);
	for (int i = 0; i < sk_X509_INFO_num(list); i++) {
		X509_INFO *found = sk_X509_INFO_value(list, i);
		any |= found->x509 && X509_STORE_add_cert(store, found->x509) == 1;
		any |= found->crl && X509_STORE_add_crl(store, found->crl) == 1;
	}
	sk_X509_INFO_pop_free(list, X509_INFO_free);
	return any;
}

const char *certificate_load_trusted(struct x509_store_st *store, const char *file) {
	struct buffer text;
	const char *problem = certificate_read(file, &text);
	BIO *bio = problem ? NULL : BIO_new_mem_buf(text.ptr, (int)text.len);
	if (!problem && !certificate_trust(store, bio))
		problem = certificate_problem(file, "no certificate in PEM form");
	BIO_free(bio);
	buffer_free(&text);
	ERR_clear_error();
	return problem;
}
