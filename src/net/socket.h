// SPDX-License-Identifier: Apache-2.0
// A connected byte stream over a non-blocking descriptor on a loop, plain or TLS. It tells its owner when to read and
// write, and never reads ahead on its own: not reading is the back-pressure.
#ifndef NET_SOCKET_H
#define NET_SOCKET_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>
#include <sys/uio.h>

#include "base/slice.h"
#include "net/loop.h"

struct ssl_st;
struct socket;

// What reading and writing return when they move no bytes. Reading returns 0 at the orderly end of the stream.
enum { SOCKET_AGAIN = -1, SOCKET_BROKEN = -2 };

// Each may close the socket, and may be called again only after it has returned to the loop. None is called from within
// a function of this header.
struct socket_events {
	// The TLS handshake is over, well or not; only for sockets with TLS, and before anything else. See socket_failure.
	void (*on_open)(void *owner, bool well);
	// There may be bytes to read, or the end, or a failure: read until SOCKET_AGAIN, or be called again.
	void (*on_readable)(void *owner);
	// After socket_want_write: there may be room.
	void (*on_writable)(void *owner);
	// May be NULL. While reading is off: the other side has ended its sending half or the connection is broken. Bytes
	// may still wait to be read. Told once.
	void (*on_hangup)(void *owner);
};

// Takes the descriptor over (made non-blocking, TCP_NODELAY where it is TCP). `events` is borrowed. Nothing is watched
// until socket_want_read. NULL when the loop can't watch the descriptor, which is closed then.
struct socket *socket_new(struct loop *loop, int descriptor, const struct socket_events *events, void *owner);

// Changes whom to tell: an idle connection changes hands.
void socket_set_owner(struct socket *socket, const struct socket_events *events, void *owner);

// Takes `ssl` over (its role and context are set, no BIO yet) and begins the handshake; call it before reading or
// writing. on_open tells the result.
void socket_start_tls(struct socket *socket, struct ssl_st *ssl);

// The TLS connection, or NULL for a plain socket. Borrowed.
struct ssl_st *socket_tls(const struct socket *socket);

// The application protocol that the TLS handshake agreed on (ALPN, RFC 7301); empty for none and for a plain socket.
struct slice socket_protocol(const struct socket *socket);

// Up to `size` bytes: how many, 0 at the end of the stream, SOCKET_AGAIN, or SOCKET_BROKEN. A TLS stream that ends
// without its closing alert is broken.
ssize_t socket_read(struct socket *socket, void *bytes, size_t size);

// How many bytes of the parts were taken (maybe fewer than all), SOCKET_AGAIN or SOCKET_BROKEN. After SOCKET_AGAIN
// the next write has to begin with the same bytes. Never raises SIGPIPE.
ssize_t socket_writev(struct socket *socket, const struct iovec *parts, int count);

// Whether on_readable is wanted. Costs nothing while no bytes come: the watch is lifted when the first ones do.
void socket_want_read(struct socket *socket, bool wanted);
// Whether on_writable is wanted: after SOCKET_AGAIN, and not for longer, since each change is a system call.
void socket_want_write(struct socket *socket, bool wanted);

// Ends the sending half: TLS's closing alert, then FIN. Reading goes on.
void socket_end_write(struct socket *socket);

// Closes; no event comes any more. The memory is freed when the loop has let go of it.
void socket_close(struct socket *socket);
// The same with a TCP reset, so that the other side can't take it for an orderly end.
void socket_reset(struct socket *socket);

// The errno of the last SOCKET_BROKEN: ECONNABORTED when a TLS stream ended without its closing alert, 0 for any other
// failure of TLS.
int socket_failure(const struct socket *socket);
// OpenSSL's word for it (static text), or NULL where it has none.
const char *socket_failure_reason(const struct socket *socket);

// The other side's address as text ("unix" for a Unix socket); returns `text`.
const char *socket_peer(const struct socket *socket, char *text, size_t size);

#endif
