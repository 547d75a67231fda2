// SPDX-License-Identifier: Apache-2.0
// The operator's files of certificates, in PEM form. Only regular files of at most 1 MiB are read, so that no path can
// make its reader wait or grow. They are read on a thread that may wait for the disk.
#ifndef NET_CERTIFICATE_H
#define NET_CERTIFICATE_H

struct ssl_ctx_st;
struct x509_store_st;

enum { CERTIFICATE_FILE_BYTES_MAX = 1 << 20, CERTIFICATES_MAX = 16 };

// Gives a server's context a certificate with its chain, at most 16 in all, and the private key. RSA keys have 2048 to
// 4096 bits: one of 8192 takes 20 ms of a worker's time at each handshake. Returns NULL; or a line with the file, what
// was expected and what was found (thread-local; valid until the next call).
const char *certificate_load(struct ssl_ctx_st *context, const char *certificate_file, const char *key_file);

// Adds a file's certificates and revocation lists to a store. Results as above.
const char *certificate_load_trusted(struct x509_store_st *store, const char *file);

#endif
