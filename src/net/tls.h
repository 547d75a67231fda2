// SPDX-License-Identifier: Apache-2.0
// TLS settings of the ends that we play: one client context per endpoint, which keeps the session to resume.
#ifndef NET_TLS_H
#define NET_TLS_H

struct ssl_st;
struct tls_client;

// For connections to `host` (a name, or an address with or without brackets), whose certificate has to be for it and
// chain up to `ca_file` (NULL: the system's trust store). All clients of a `ca_file` share one store. A file that can't
// be read is logged, and then no certificate is accepted. Aborts when memory is out.
struct tls_client *tls_client_new(const char *ca_file, const char *host);

// Its connections have been freed.
void tls_client_free(struct tls_client *client);

// A new connection, ready for socket_start_tls, which resumes the latest session where there is one. Aborts when memory
// is out.
struct ssl_st *tls_client_connection(struct tls_client *client);

// After a handshake that failed: what was wrong with the server's certificate (static text), or NULL when it was
// something else.
const char *tls_certificate_problem(const struct ssl_st *connection);

#endif
