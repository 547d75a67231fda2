// SPDX-License-Identifier: Apache-2.0
// Certificates made for a test: an authority, its file for clients, and server contexts with its certificates.
#ifndef SPEC_NET_CERTIFICATES_H
#define SPEC_NET_CERTIFICATES_H

#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <unistd.h>

struct authority {
	EVP_PKEY *key;
	X509 *certificate;
	char file[32];
};

static inline void certificate_extend(X509 *certificate, int kind, const char *value) {
	X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, NULL, kind, value);
	X509_add_ext(certificate, extension, -1);
	X509_EXTENSION_free(extension);
}

// Signed by the issuer, or by itself. Valid from an hour ago for `hours`.
static inline X509 *certificate_make(EVP_PKEY *key, const char *name, const char *alternatives,
                                     const struct authority *issuer, int hours) {
	static long serial;
	X509 *certificate = X509_new();
	X509_set_version(certificate, 2);
	ASN1_INTEGER_set(X509_get_serialNumber(certificate), ++serial);
	X509_gmtime_adj(X509_getm_notBefore(certificate), -3600);
	X509_gmtime_adj(X509_getm_notAfter(certificate), 3600L * (hours - 1));
	X509_set_pubkey(certificate, key);
	X509_NAME *subject = X509_get_subject_name(certificate);
	X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, (const unsigned char *)name, -1, -1, 0);
	X509_set_issuer_name(certificate, issuer ? X509_get_subject_name(issuer->certificate) : subject);
	if (alternatives)
		certificate_extend(certificate, NID_subject_alt_name, alternatives);
	else
		certificate_extend(certificate, NID_basic_constraints, "critical,CA:TRUE");
	X509_sign(certificate, issuer ? issuer->key : key, EVP_sha256());
	return certificate;
}

static inline void authority_init(struct authority *authority) {
	snprintf(authority->file, sizeof(authority->file), "/tmp/spec-ca-XXXXXX");
	int descriptor = mkstemp(authority->file);
	FILE *file = fdopen(descriptor, "w");
	authority->key = EVP_EC_gen("P-256");
	authority->certificate = certificate_make(authority->key, "spec authority", NULL, NULL, 24);
	PEM_write_X509(file, authority->certificate);
	fclose(file);
}

static inline void authority_free(struct authority *authority) {
	unlink(authority->file);
	X509_free(authority->certificate);
	EVP_PKEY_free(authority->key);
}

// A server's context whose certificate is for `alternatives` ("DNS:localhost").
static inline SSL_CTX *authority_server_with_key(const struct authority *authority, EVP_PKEY *key,
                                                 const char *alternatives, int hours) {
	SSL_CTX *context = SSL_CTX_new(TLS_server_method());
	X509 *certificate = certificate_make(key, "spec server", alternatives, authority, hours);
	SSL_CTX_use_certificate(context, certificate);
	SSL_CTX_use_PrivateKey(context, key);
	SSL_CTX_set_session_id_context(context, (const unsigned char *)"spec", 4);
	X509_free(certificate);
	return context;
}

static inline SSL_CTX *authority_server(const struct authority *authority, const char *alternatives, int hours) {
	EVP_PKEY *key = EVP_EC_gen("P-256");
	SSL_CTX *context = authority_server_with_key(authority, key, alternatives, hours);
	EVP_PKEY_free(key);
	return context;
}

#endif
