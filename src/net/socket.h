// SPDX-License-Identifier: Apache-2.0
// A connected byte stream over a non-blocking descriptor on a loop, plain or TLS. It notifies its owner when it can
// read and write, and never reads ahead: an owner that doesn't read exerts back-pressure.
#ifndef NET_SOCKET_H
#define NET_SOCKET_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>
#include <sys/uio.h>

#include "base/slice.h"
#include "net/loop.h"

struct handshake_pace;
struct ssl_st;
struct socket;

// What reading and writing return when they move no bytes. Reading returns 0 at the orderly end of the stream.
enum { SOCKET_AGAIN = -1, SOCKET_BROKEN = -2 };

// Each may close the socket. None is called from within another one or from within a function of this header.
struct socket_events {
	// The TLS handshake succeeded (`well`) or failed (see socket_failure). With TLS only, and before any other event.
	void (*on_open)(void *owner, bool well);
	// There may be bytes to read, or the end, or a failure. Called again while something is left to read.
	void (*on_readable)(void *owner);
	// After socket_want_write: there may be room.
	void (*on_writable)(void *owner);
	// May be NULL. While reading is off: the peer has ended its sending half or the connection is broken. Bytes may
	// still wait to be read. Called once.
	void (*on_hangup)(void *owner);
};

// Takes the descriptor over, makes it non-blocking and, for TCP, sets TCP_NODELAY. `events` is borrowed. Nothing is
// watched until socket_want_read. NULL when the loop can't watch the descriptor, which is then closed.
struct socket *socket_new(struct loop *loop, int descriptor, const struct socket_events *events, void *owner);

// Changes the owner and its events: a connection that was idle, for example, gets a new one.
void socket_set_owner(struct socket *socket, const struct socket_events *events, void *owner);

// Takes `ssl` over (its role and context are set, no BIO yet) and begins the handshake; call it before reading or
// writing. on_open reports the result. `pace` limits it together with others, and outlives it; NULL: no limit.
void socket_start_tls(struct socket *socket, struct ssl_st *ssl, struct handshake_pace *pace);

// The TLS connection, or NULL for a plain socket. Borrowed.
struct ssl_st *socket_tls(const struct socket *socket);

// The application protocol that the TLS handshake agreed on (ALPN, RFC 7301); empty for none and for a plain socket.
struct slice socket_protocol(const struct socket *socket);

// Reads up to `size` bytes. Returns how many, 0 at the end of the stream, SOCKET_AGAIN, or SOCKET_BROKEN. A TLS stream
// that ends without its closing alert is broken.
ssize_t socket_read(struct socket *socket, void *bytes, size_t size);

// Returns how many bytes of the parts were written (maybe fewer than all), SOCKET_AGAIN or SOCKET_BROKEN. After
// SOCKET_AGAIN the next write must begin with the same bytes. Never raises SIGPIPE.
ssize_t socket_writev(struct socket *socket, const struct iovec *parts, int count);

// Turns on_readable on or off. Turning it off is free until bytes arrive: only then watching stops.
void socket_want_read(struct socket *socket, bool wanted);
// Turns on_writable on or off: on after SOCKET_AGAIN only, since watching costs system calls.
void socket_want_write(struct socket *socket, bool wanted);

// Ends the sending half: TLS's closing alert, then FIN. Reading continues.
void socket_end_write(struct socket *socket);

// Closes; no further event is reported. The memory is freed once the loop has closed the handle.
void socket_close(struct socket *socket);
// The same with a TCP reset, so that the peer can't mistake it for an orderly end.
void socket_reset(struct socket *socket);

// The errno of the last SOCKET_BROKEN: ECONNABORTED when a TLS stream ended without its closing alert, 0 for any other
// failure of TLS.
int socket_failure(const struct socket *socket);
// OpenSSL's text for it (static), or NULL if there is none.
const char *socket_failure_reason(const struct socket *socket);

// The peer's address as text ("unix" for a Unix socket); returns `text`.
const char *socket_peer(const struct socket *socket, char *text, size_t size);

#endif
