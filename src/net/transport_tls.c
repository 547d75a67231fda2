// SPDX-License-Identifier: Apache-2.0
// Bytes through TLS. OpenSSL reads and writes the descriptor through the BIO defined here, since its own BIO raises
// SIGPIPE and hides errno. Invariant: OpenSSL's error queue is empty before each call, so SSL_get_error concerns that
// call.
#include "net/transport.h"

#include <errno.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/memory.h"

// A write takes at most this many bytes: encrypting more would delay the loop's other sockets.
enum { RECORD_BYTES = SSL3_RT_MAX_PLAIN_LENGTH, WRITE_BYTES = 16 * RECORD_BYTES };
// A call receives at most this often, twice for each record: OpenSSL reads on while records come that hold no bytes for
// its caller (pieces of a ClientHello, updates of keys), and a peer can send those faster than they are read.
enum { RECEIVES_MAX = 16 };

static BIO_METHOD *descriptor_method;
static pthread_once_t descriptor_method_once = PTHREAD_ONCE_INIT;

static int bio_write(BIO *bio, const char *bytes, int size) {
	struct wire *wire = BIO_get_data(bio);
	BIO_clear_retry_flags(bio);
	ssize_t count = send(wire->descriptor, bytes, (size_t)size, MSG_NOSIGNAL);
	if (count >= 0)
		return (int)count;
	if (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR)
		BIO_set_retry_write(bio);
	else
		wire->failure = errno;
	return -1;
}

static int bio_read(BIO *bio, char *bytes, int size) {
	struct wire *wire = BIO_get_data(bio);
	BIO_clear_retry_flags(bio);
	if (wire->receives_left == 0) {
		BIO_set_retry_read(bio);
		return -1;
	}
	wire->receives_left--;
	ssize_t count = recv(wire->descriptor, bytes, (size_t)size, 0);
	if (count > 0)
		return (int)count;
	if (count == 0)
		BIO_set_flags(bio, BIO_FLAGS_IN_EOF);
	else if (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR)
		BIO_set_retry_read(bio);
	else
		wire->failure = errno;
	return count == 0 ? 0 : -1;
}

static long bio_control(BIO *bio, int command, long number, void *pointer) {
	(void)number;
	(void)pointer;
	if (command == BIO_CTRL_EOF)
		return BIO_test_flags(bio, BIO_FLAGS_IN_EOF) != 0;
	return command == BIO_CTRL_FLUSH;
}

static void make_bio_method(void) {
	BIO_METHOD *method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "descriptor without SIGPIPE");
	if (method == NULL)
		abort();
	BIO_meth_set_write(method, bio_write);
	BIO_meth_set_read(method, bio_read);
	BIO_meth_set_ctrl(method, bio_control);
	descriptor_method = method;
}

static void tls_begin_call(struct wire *wire) {
	ERR_clear_error();
	wire->receives_left = RECEIVES_MAX;
}

// What the call that returned `result` waits for, or why it failed.
static int tls_status(struct wire *wire, int result, bool *other_direction, int other) {
	int error = SSL_get_error(wire->ssl, result);
	*other_direction = error == other;
	if (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE)
		return SOCKET_AGAIN;
	if (error == SSL_ERROR_ZERO_RETURN)
		return 0;
	unsigned long reason = ERR_peek_last_error();
	if (error == SSL_ERROR_SSL && ERR_GET_REASON(reason) == SSL_R_UNEXPECTED_EOF_WHILE_READING)
		wire->failure = ECONNABORTED;
	wire->reason = ERR_reason_error_string(reason);
	ERR_clear_error();
	return SOCKET_BROKEN;
}

static ssize_t tls_read(struct wire *wire, void *bytes, size_t size) {
	size_t filled = 0, count = 0;
	tls_begin_call(wire);
	// After a full record there are usually more.
	do {
		int result = SSL_read_ex(wire->ssl, (char *)bytes + filled, size - filled, &count);
		if (result != 1) {
			ssize_t status = tls_status(wire, result, &wire->read_needs_room, SSL_ERROR_WANT_WRITE);
			wire->ending_unread = filled > 0 && status != SOCKET_AGAIN;
			return filled > 0 ? (ssize_t)filled : status;
		}
		filled += count;
	} while (count == RECORD_BYTES && filled < size);
	return (ssize_t)filled;
}

// The next bytes to write, in one piece: the part itself if it fills a record, else parts gathered in `record`.
static struct iovec gather_parts(const struct iovec *parts, int part_count, size_t skip, char *record) {
	while (part_count > 0 && skip >= parts->iov_len) {
		skip -= parts->iov_len;
		parts++;
		part_count--;
	}
	if (part_count > 0 && (part_count == 1 || parts->iov_len - skip >= RECORD_BYTES))
		return (struct iovec){(char *)parts->iov_base + skip, parts->iov_len - skip};
	size_t filled = 0;
	for (; part_count > 0 && filled < RECORD_BYTES; part_count--, parts++, skip = 0) {
		size_t count = parts->iov_len - skip;
		if (count > RECORD_BYTES - filled)
			count = RECORD_BYTES - filled;
		if (count > 0)
			memcpy(record + filled, (const char *)parts->iov_base + skip, count);
		filled += count;
	}
	return (struct iovec){record, filled};
}

static ssize_t tls_writev(struct wire *wire, const struct iovec *parts, int part_count) {
	char record[RECORD_BYTES];
	size_t taken = 0;
	for (;;) {
		struct iovec piece = gather_parts(parts, part_count, taken, record);
		if (piece.iov_len == 0 || taken >= WRITE_BYTES)
			return (ssize_t)taken;
		size_t count = 0;
		tls_begin_call(wire);
		int result = SSL_write_ex(wire->ssl, piece.iov_base, piece.iov_len, &count);
		// Heads hold credentials.
		if (piece.iov_base == record)
			memory_wipe(record, piece.iov_len);
		if (result != 1) {
			int status = tls_status(wire, result, &wire->write_needs_bytes, SSL_ERROR_WANT_READ);
			if (status == 0)
				status = SOCKET_BROKEN;
			return status == SOCKET_AGAIN && taken > 0 ? (ssize_t)taken : status;
		}
		taken += count;
	}
}

static int tls_open(struct wire *wire) {
	tls_begin_call(wire);
	int result = SSL_do_handshake(wire->ssl);
	if (result == 1) {
		wire->read_needs_room = false;
		return 1;
	}
	int status = tls_status(wire, result, &wire->read_needs_room, SSL_ERROR_WANT_WRITE);
	return status == SOCKET_AGAIN ? SOCKET_AGAIN : SOCKET_BROKEN;
}

// False when the closing alert waits for room: call it again then, and only then, since after the alert was sent
// SSL_shutdown reads and drops what the peer sends.
static bool tls_send_close_alert(struct wire *wire) {
	if (SSL_in_init(wire->ssl) || ((SSL_get_shutdown(wire->ssl) & SSL_SENT_SHUTDOWN) && !wire->close_alert_waits))
		return true;
	tls_begin_call(wire);
	int result = SSL_shutdown(wire->ssl);
	wire->close_alert_waits = result < 0 && SSL_get_error(wire->ssl, result) == SSL_ERROR_WANT_WRITE;
	ERR_clear_error();
	return !wire->close_alert_waits;
}

static bool tls_end_write(struct wire *wire) {
	if (!tls_send_close_alert(wire))
		return false;
	shutdown(wire->descriptor, SHUT_WR);
	return true;
}

static bool tls_has_unread(const struct wire *wire) {
	// Without read-ahead OpenSSL holds no whole record except the one that is being read.
	return wire->ending_unread || SSL_pending(wire->ssl) > 0;
}

static void tls_close(struct wire *wire, bool orderly) {
	if (orderly && wire->failure == 0)
		tls_send_close_alert(wire);
	// Freeing a connection without its closing alert would invalidate its session, which is still good.
	SSL_set_shutdown(wire->ssl, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
	SSL_free(wire->ssl);
	wire->ssl = NULL;
}

const struct transport transport_tls = {tls_read, tls_writev, tls_open, tls_end_write, tls_has_unread, tls_close};

void transport_tls_init(struct wire *wire, struct ssl_st *ssl) {
	pthread_once(&descriptor_method_once, make_bio_method);
	BIO *bio = BIO_new(descriptor_method);
	if (bio == NULL)
		abort();
	wire->ssl = ssl;
	BIO_set_data(bio, wire);
	BIO_set_init(bio, 1);
	SSL_set_bio(ssl, bio, bio);
	SSL_set_mode(ssl, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS);
}
