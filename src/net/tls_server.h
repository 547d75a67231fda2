// SPDX-License-Identifier: Apache-2.0
// A certificate and its key for listeners. All workers share one, so that each can resume the sessions of the others.
// Every function may be called from any thread.
#ifndef NET_TLS_SERVER_H
#define NET_TLS_SERVER_H

struct ssl_st;
struct tls_server;

// Reads the files (PEM; the certificate file has the chain after the certificate; see certificate.h for their limits).
// 0 and *tls; or ERROR_INVALID and *message, a line with the file and the cause (thread-local; valid until the next
// call).
int tls_server_new(const char *certificate_file, const char *key_file, struct tls_server **tls, const char **message);

// Reads the files again, for new connections; earlier sessions are not resumed. Waits for the disk. If they don't load,
// the old ones stay in use. Results as above.
int tls_server_reload(struct tls_server *tls, const char **message);

// Frees it; NULL is allowed. Its connections stay open.
void tls_server_free(struct tls_server *tls);

// A new connection for socket_start_tls; accepts HTTP/2 and HTTP/1.1. NULL when memory is out.
struct ssl_st *tls_server_connection(struct tls_server *tls);

#endif
