// SPDX-License-Identifier: Apache-2.0
// A certificate and its key for listeners: one for all workers, so that any of them resumes the sessions of another.
// Every function may be called from any thread.
#ifndef NET_TLS_SERVER_H
#define NET_TLS_SERVER_H

struct ssl_st;
struct tls_server;

// Reads the files (PEM; the certificate's chain follows it in its file). 0 and *tls, or ERROR_INVALID and *message, one
// line that names the file and says why (thread-local; valid until the next call).
int tls_server_new(const char *certificate_file, const char *key_file, struct tls_server **tls, const char **message);

// Reads the files again for connections from now on; sessions of before are not resumed. Where they don't load, the old
// ones stay, with results as above.
int tls_server_reload(struct tls_server *tls, const char **message);

// NULL is fine. Connections may live on.
void tls_server_free(struct tls_server *tls);

// For socket_start_tls: offers HTTP/2 and HTTP/1.1. NULL when memory is out.
struct ssl_st *tls_server_connection(struct tls_server *tls);

#endif
