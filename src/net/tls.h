// SPDX-License-Identifier: Apache-2.0
// The client's end of TLS: one context per endpoint, which keeps the session to resume.
#ifndef NET_TLS_H
#define NET_TLS_H

struct ssl_ctx_st;
struct ssl_st;
struct tls_client;

// For connections to `host` (a name, or an address with or without brackets). The server's certificate must be for that
// host and chain up to `ca_file` (NULL: the system's trust store). All clients of a `ca_file` share one store. If the
// file can't be read, that is logged and no certificate is accepted. Aborts when memory is out.
struct tls_client *tls_client_new(const char *ca_file, const char *host);

// Its connections must have been freed.
void tls_client_free(struct tls_client *client);

// A new connection, ready for socket_start_tls; it resumes the latest session if there is one. Aborts when memory is
// out.
struct ssl_st *tls_client_connection(struct tls_client *client);

// Sets what clients and servers share: TLS 1.2 or later, no renegotiation, no compression, and key agreement over
// X25519, P-256 or P-384 only. OpenSSL's other groups cost up to a hundred times their processor time, and the other
// end picks.
void tls_restrict(struct ssl_ctx_st *context);

// After a failed handshake: what was wrong with the server's certificate (static text), or NULL for another cause.
const char *tls_certificate_problem(const struct ssl_st *connection);

#endif
