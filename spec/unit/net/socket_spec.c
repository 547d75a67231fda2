// SPDX-License-Identifier: Apache-2.0
// Two connected sockets on one loop: back-pressure, hang-ups, ends; plain and over TLS, where bytes can wait within the
// stream that polling doesn't report.
#include "net/socket.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "../check.h"
#include "await.h"
#include "base/random.h"
#include "certificates.h"
#include "net/loop_uv.h"

enum { STREAM_BYTES = 3 << 20, KEPT_BYTES = 1 << 16 };

// One end: sends bytes of a pattern and checks those that it receives.
struct side {
	struct socket *socket;
	int descriptor; // the socket's
	struct random_source random;
	size_t to_send, sent, received;
	size_t read_at_most; // per call of on_readable; 0: no limit
	bool keeps_open;     // doesn't end its half when all is sent
	bool pauses;         // stops reading now and then, until a timer fires
	struct timer pause;
	bool wrong, ended;
	int broken; // errno + 1
	int opened, refused, hangups, readable;
	bool closes_on_readable, closes_on_hangup;
};

static struct authority authority;

static char pattern(size_t position) {
	return (char)(position * 31 + (position >> 8) * 7);
}

static void side_close(struct side *side) {
	if (side->socket)
		socket_close(side->socket);
	side->socket = NULL;
	timer_stop(&side->pause);
}

static void side_write(struct side *side) {
	static char bytes[200000];
	while (side->sent < side->to_send) {
		struct iovec parts[3];
		size_t position = side->sent;
		size_t sizes[3] = {random_below(&side->random, 300), 20000 + random_below(&side->random, 50000),
		                   random_below(&side->random, 40000)};
		int count = 0;
		for (size_t i = 0, place = 0; i < 3; i++) {
			size_t left = side->to_send - position;
			size_t size = sizes[i] < left ? sizes[i] : left;
			// Never less than a record, so that a repeated write is at least as long as the refused one.
			parts[count++] = (struct iovec){bytes + place, size};
			for (size_t j = 0; j < size; j++)
				bytes[place++] = pattern(position++);
		}
		ssize_t taken = socket_writev(side->socket, parts, count);
		if (taken == SOCKET_AGAIN) {
			socket_want_write(side->socket, true);
			return;
		}
		if (taken < 0) {
			side->broken = socket_failure(side->socket) + 1;
			return;
		}
		side->sent += (size_t)taken;
	}
	socket_want_write(side->socket, false);
	if (!side->keeps_open)
		socket_end_write(side->socket);
}

static void on_open(void *owner, bool well) {
	struct side *side = owner;
	CHECK(well);
	side->opened++;
	socket_want_read(side->socket, true);
	side_write(side);
}

static void on_writable(void *owner) {
	side_write(owner);
}

static void on_pause_over(void *owner) {
	struct side *side = owner;
	socket_want_read(side->socket, true);
}

static void on_readable(void *owner) {
	struct side *side = owner;
	static char bytes[KEPT_BYTES];
	size_t room = side->read_at_most ? 1 + random_below(&side->random, side->read_at_most) : sizeof(bytes);
	side->readable++;
	if (side->closes_on_readable) {
		side_close(side);
		return;
	}
	ssize_t count = socket_read(side->socket, bytes, room);
	for (ssize_t i = 0; i < count; i++)
		side->wrong = side->wrong || bytes[i] != pattern(side->received + (size_t)i);
	if (count > 0)
		side->received += (size_t)count;
	if (count == 0)
		side->ended = true;
	if (count == SOCKET_BROKEN)
		side->broken = socket_failure(side->socket) + 1;
	if (count == 0 || count == SOCKET_BROKEN) {
		socket_want_read(side->socket, false);
	} else if (side->pauses && random_below(&side->random, 4) == 0) {
		socket_want_read(side->socket, false);
		timer_start(&side->pause, random_below(&side->random, 2));
	}
}

static void on_hangup(void *owner) {
	struct side *side = owner;
	side->hangups++;
	if (side->closes_on_hangup)
		side_close(side);
}

static const struct socket_events events = {on_open, on_readable, on_writable, NULL};
static const struct socket_events watchful_events = {on_open, on_readable, on_writable, on_hangup};

struct pair {
	struct loop *loop;
	struct side sides[2];
	SSL_CTX *contexts[2];
};

static SSL *new_tls(SSL_CTX *context, bool accepts) {
	SSL *tls = SSL_new(context);
	if (accepts)
		SSL_set_accept_state(tls);
	else
		SSL_set_connect_state(tls);
	return tls;
}

static void pair_init(struct pair *pair, bool tls, const struct socket_events *socket_events) {
	int descriptors[2];
	*pair = (struct pair){.loop = loop_new()};
	CHECK_INT(socketpair(AF_UNIX, SOCK_STREAM, 0, descriptors), 0);
	if (tls) {
		pair->contexts[0] = SSL_CTX_new(TLS_client_method());
		pair->contexts[1] = authority_server(&authority, "DNS:localhost", 24);
	}
	for (int i = 0; i < 2; i++) {
		struct side *side = &pair->sides[i];
		random_init(&side->random, (uint64_t)i + 5);
		timer_init(&side->pause, pair->loop, on_pause_over, side);
		side->descriptor = descriptors[i];
		side->socket = socket_new(pair->loop, descriptors[i], socket_events, side);
		if (tls)
			socket_start_tls(side->socket, new_tls(pair->contexts[i], i == 1), NULL);
	}
}

static void pair_free(struct pair *pair) {
	for (int i = 0; i < 2; i++) {
		side_close(&pair->sides[i]);
		SSL_CTX_free(pair->contexts[i]);
	}
	loop_close(pair->loop);
}

static bool both_ended(void *owner) {
	struct pair *pair = owner;
	for (int i = 0; i < 2; i++)
		if (!pair->sides[i].ended && !pair->sides[i].broken)
			return false;
	return true;
}

static void transfer(bool tls, size_t read_at_most, bool pauses) {
	struct pair pair;
	pair_init(&pair, tls, &watchful_events);
	for (int i = 0; i < 2; i++) {
		struct side *side = &pair.sides[i];
		side->to_send = STREAM_BYTES + (size_t)i;
		side->read_at_most = read_at_most;
		side->pauses = pauses;
		if (!tls)
			on_open(side, true);
	}
	CHECK(await(pair.loop, both_ended, &pair));
	for (int i = 0; i < 2; i++) {
		CHECK_INT(pair.sides[i].received, pair.sides[!i].to_send);
		CHECK_INT(pair.sides[i].broken, 0);
		CHECK_INT(pair.sides[i].opened, 1);
		CHECK(!pair.sides[i].wrong);
	}
	pair_free(&pair);
}

TEST(streams_arrive_whole_both_ways) {
	for (int tls = 0; tls < 2; tls++) {
		transfer(tls, 0, false);
		transfer(tls, 0, true);
		transfer(tls, 5000, false);
		transfer(tls, 20000, true);
	}
}

static bool second_has_ended(void *owner) {
	struct pair *pair = owner;
	return pair->sides[1].ended || pair->sides[1].broken;
}

static bool second_has_all(void *owner) {
	struct pair *pair = owner;
	return pair->sides[1].received == pair->sides[0].to_send;
}

TEST(bytes_held_by_tls_are_reported) {
	struct pair pair;
	pair_init(&pair, true, &events);
	pair.sides[0].to_send = 1000;
	// No end follows that polling would report.
	pair.sides[0].keeps_open = true;
	pair.sides[1].read_at_most = 1;
	pair.sides[1].pauses = true;
	CHECK(await(pair.loop, second_has_all, &pair));
	CHECK(pair.sides[1].readable >= 1000);
	pair_free(&pair);
}

static bool both_open(void *owner) {
	struct pair *pair = owner;
	return pair->sides[0].opened && pair->sides[1].opened;
}

TEST(an_end_after_a_full_record_is_reported) {
	enum { RECORD_BYTES = 16384 };
	struct pair pair;
	static char record[RECORD_BYTES];
	pair_init(&pair, true, &events);
	pair.sides[0].keeps_open = pair.sides[1].keeps_open = true;
	CHECK(await(pair.loop, both_open, &pair));
	for (size_t i = 0; i < sizeof(record); i++)
		record[i] = pattern(i);
	CHECK_INT(socket_writev(pair.sides[0].socket, &(struct iovec){record, sizeof(record)}, 1), RECORD_BYTES);
	// The alert only: the descriptor stays open.
	CHECK_INT(SSL_shutdown(socket_tls(pair.sides[0].socket)), 0);
	CHECK(await(pair.loop, second_has_ended, &pair));
	CHECK_INT(pair.sides[1].received, RECORD_BYTES);
	CHECK(pair.sides[1].ended && !pair.sides[1].wrong);
	pair_free(&pair);
}

// Writes up to `most` pieces of 1 KB while the peer doesn't read; returns how many were written.
static int write_pieces(struct side *side, int most) {
	char piece[1024];
	int count = 0;
	for (; count < most; count++) {
		for (size_t i = 0; i < sizeof(piece); i++)
			piece[i] = pattern((size_t)count * sizeof(piece) + i);
		if (socket_writev(side->socket, &(struct iovec){piece, sizeof(piece)}, 1) != sizeof(piece))
			break;
	}
	return count;
}

TEST(a_closing_alert_waits_for_room) {
	// The first time finds how many pieces there is room for; the second time only the alert is left over.
	int pieces = 100000;
	for (int time = 0; time < 2; time++) {
		struct pair pair;
		pair_init(&pair, true, &events);
		pair.sides[0].keeps_open = pair.sides[1].keeps_open = true;
		CHECK(await(pair.loop, both_open, &pair));
		socket_want_read(pair.sides[1].socket, false);
		pieces = write_pieces(&pair.sides[0], pieces);
		if (time == 1) {
			socket_end_write(pair.sides[0].socket);
			socket_want_read(pair.sides[1].socket, true);
			CHECK(await(pair.loop, second_has_ended, &pair));
			CHECK_INT(pair.sides[1].received, pieces * 1024);
			CHECK(pair.sides[1].ended && !pair.sides[1].wrong);
		}
		pair_free(&pair);
	}
}

static bool second_hung_up(void *owner) {
	struct pair *pair = owner;
	return pair->sides[1].hangups > 0;
}

static bool never(void *owner) {
	int *looks = owner;
	return ++*looks > 30;
}

TEST(a_hangup_is_reported_once_while_reading_is_off) {
	// The ways to hang up: with or without unread bytes, one half or both.
	for (int way = 0; way < 4; way++) {
		struct pair pair;
		int looks = 0;
		pair_init(&pair, false, &watchful_events);
		struct side *first = &pair.sides[0], *second = &pair.sides[1];
		socket_want_read(second->socket, true);
		socket_want_read(second->socket, false);
		if (way & 1)
			CHECK_INT(socket_writev(first->socket, &(struct iovec){(char[]){pattern(0)}, 1}, 1), 1);
		CHECK(await(pair.loop, never, &looks));
		CHECK_INT(second->hangups, 0);
		if (way & 2)
			side_close(first);
		else
			socket_end_write(first->socket);
		CHECK(await(pair.loop, second_hung_up, &pair));
		looks = 0;
		CHECK(await(pair.loop, never, &looks));
		CHECK_INT(second->hangups, 1);
		CHECK_INT(second->readable, 0);
		// Bytes that were sent before can still be read.
		socket_want_read(second->socket, true);
		CHECK(await(pair.loop, second_has_ended, &pair));
		CHECK_INT(second->received, way & 1);
		pair_free(&pair);
	}
}

TEST(a_reset_is_a_failure_with_its_errno) {
	struct pair pair;
	pair_init(&pair, false, &watchful_events);
	struct side *first = &pair.sides[0], *second = &pair.sides[1];
	// A Unix socket that closes with unread bytes resets its peer.
	CHECK_INT(socket_writev(second->socket, &(struct iovec){(char[]){'x'}, 1}, 1), 1);
	socket_reset(first->socket);
	first->socket = NULL;
	socket_want_read(second->socket, true);
	CHECK(await(pair.loop, second_has_ended, &pair));
	CHECK_INT(second->broken, ECONNRESET + 1);
	// Writing to it raises no signal.
	CHECK_INT(socket_writev(second->socket, &(struct iovec){(char[]){'x'}, 1}, 1), SOCKET_BROKEN);
	CHECK_INT(socket_failure(second->socket), EPIPE);
	pair_free(&pair);
}

TEST(a_tls_stream_without_a_closing_alert_is_cut) {
	struct pair pair;
	pair_init(&pair, true, &events);
	struct side *first = &pair.sides[0], *second = &pair.sides[1];
	second->keeps_open = true;
	CHECK(socket_tls(first->socket) != NULL);
	SSL_set_quiet_shutdown(socket_tls(first->socket), 1);
	CHECK(await(pair.loop, both_open, &pair));
	CHECK(await(pair.loop, second_has_ended, &pair));
	CHECK(!second->ended);
	CHECK_INT(second->broken, ECONNABORTED + 1);
	pair_free(&pair);
}

TEST(writing_over_tls_to_a_closed_peer_raises_no_signal) {
	struct pair pair;
	pair_init(&pair, true, &events);
	struct side *first = &pair.sides[0];
	first->keeps_open = pair.sides[1].keeps_open = true;
	CHECK(await(pair.loop, both_open, &pair));
	side_close(&pair.sides[1]);
	CHECK_INT(socket_writev(first->socket, &(struct iovec){(char[]){'x'}, 1}, 1), SOCKET_BROKEN);
	CHECK_INT(socket_failure(first->socket), EPIPE);
	pair_free(&pair);
}

static bool first_has_tried(void *owner) {
	struct pair *pair = owner;
	return pair->sides[0].refused > 0;
}

static void on_refused(void *owner, bool well) {
	struct side *side = owner;
	side->refused += !well;
}

TEST(a_handshake_that_fails_has_a_reason) {
	static const struct socket_events refused_events = {on_refused, on_readable, on_writable, NULL};
	struct pair pair;
	pair_init(&pair, false, &refused_events);
	struct side *first = &pair.sides[0], *second = &pair.sides[1];
	pair.contexts[0] = SSL_CTX_new(TLS_client_method());
	socket_start_tls(first->socket, new_tls(pair.contexts[0], false), NULL);
	CHECK(socket_failure_reason(first->socket) == NULL);
	CHECK_INT(socket_writev(second->socket, &(struct iovec){(char[]){"HTTP/1.1 400"}, 12}, 1), 12);
	CHECK(await(pair.loop, first_has_tried, &pair));
	CHECK_INT(first->refused, 1);
	CHECK_STRING(socket_failure_reason(first->socket), "wrong version number");
	pair_free(&pair);
}

// Bytes that wait in the descriptor.
static int waiting_bytes(int descriptor) {
	int count = 0;
	CHECK_INT(ioctl(descriptor, FIONREAD, &count), 0);
	return count;
}

// A record has five bytes of head; each is received in two parts, and a call receives 16 times.
enum { RECORD_HEAD_BYTES = 5, RECORDS_A_CALL = 8 };

TEST(a_read_ends_though_records_without_bytes_go_on) {
	enum { UPDATES = 200, UPDATE_BYTES = 27 };
	struct pair pair;
	char bytes[100];
	pair_init(&pair, true, &events);
	struct side *first = &pair.sides[0], *second = &pair.sides[1];
	first->keeps_open = second->keeps_open = true;
	CHECK(await(pair.loop, both_open, &pair));
	socket_want_read(second->socket, false);
	for (int i = 0; i < UPDATES; i++) {
		CHECK_INT(SSL_key_update(socket_tls(first->socket), SSL_KEY_UPDATE_NOT_REQUESTED), 1);
		CHECK_INT(SSL_do_handshake(socket_tls(first->socket)), 1);
	}
	int descriptor = second->descriptor;
	int before = waiting_bytes(descriptor);
	CHECK(before >= UPDATES * UPDATE_BYTES / 2);
	CHECK_INT(socket_read(second->socket, bytes, sizeof bytes), SOCKET_AGAIN);
	CHECK(before - waiting_bytes(descriptor) <= RECORDS_A_CALL * UPDATE_BYTES);
	// What follows them is read all the same.
	first->to_send = 10;
	side_write(first);
	socket_want_read(second->socket, true);
	CHECK(await(pair.loop, second_has_all, &pair));
	CHECK(!second->wrong && !second->broken);
	pair_free(&pair);
}

// A client's first message with each of its bytes in a record of its own. Returns its length.
static int hello_in_pieces(char *pieces, int size) {
	static const char record_head[] = "\x16\x03\x01\x00\x01";
	SSL_CTX *context = SSL_CTX_new(TLS_client_method());
	SSL *client = new_tls(context, false);
	char hello[2048];
	SSL_set_bio(client, BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
	SSL_do_handshake(client);
	int count = BIO_read(SSL_get_wbio(client), hello, sizeof hello), length = 0;
	for (int i = RECORD_HEAD_BYTES; i < count && length + RECORD_HEAD_BYTES < size; i++) {
		memcpy(pieces + length, record_head, RECORD_HEAD_BYTES);
		pieces[length + RECORD_HEAD_BYTES] = hello[i];
		length += RECORD_HEAD_BYTES + 1;
	}
	SSL_free(client);
	SSL_CTX_free(context);
	return length;
}

static bool second_has_answered(void *owner) {
	struct pair *pair = owner;
	return waiting_bytes(pair->sides[0].descriptor) > 0;
}

TEST(a_handshake_in_pieces_takes_turns) {
	static char pieces[16384];
	struct pair pair;
	pair_init(&pair, false, &events);
	struct side *second = &pair.sides[1];
	int length = hello_in_pieces(pieces, sizeof pieces);
	CHECK_INT(socket_writev(pair.sides[0].socket, &(struct iovec){pieces, (size_t)length}, 1), length);
	pair.contexts[1] = authority_server(&authority, "DNS:localhost", 24);
	socket_start_tls(second->socket, new_tls(pair.contexts[1], true), NULL);
	uv_run(loop_uv(pair.loop), UV_RUN_NOWAIT);
	CHECK_INT(length - waiting_bytes(second->descriptor), RECORDS_A_CALL * (RECORD_HEAD_BYTES + 1));
	CHECK(await(pair.loop, second_has_answered, &pair));
	pair_free(&pair);
}

static bool first_is_gone(void *owner) {
	struct pair *pair = owner;
	return pair->sides[0].socket == NULL;
}

TEST(callbacks_may_close) {
	for (int tls = 0; tls < 2; tls++) {
		struct pair pair;
		pair_init(&pair, tls, &watchful_events);
		pair.sides[0].closes_on_readable = true;
		pair.sides[1].to_send = 100000;
		if (!tls) {
			socket_want_read(pair.sides[0].socket, true);
			on_open(&pair.sides[1], true);
		}
		CHECK(await(pair.loop, first_is_gone, &pair));
		pair_free(&pair);

		pair_init(&pair, false, &watchful_events);
		pair.sides[0].closes_on_hangup = true;
		socket_want_read(pair.sides[0].socket, true);
		socket_want_read(pair.sides[0].socket, false);
		side_close(&pair.sides[1]);
		CHECK(await(pair.loop, first_is_gone, &pair));
		pair_free(&pair);
	}
}

TEST(peers_are_named_by_their_address) {
	struct pair pair;
	char text[64];
	pair_init(&pair, false, &events);
	CHECK_STRING(socket_peer(pair.sides[0].socket, text, sizeof(text)), "unix");
	pair_free(&pair);
}

TEST(a_descriptor_that_cannot_be_watched_is_closed) {
	struct loop *loop = loop_new();
	char file[] = "/tmp/spec-socket-XXXXXX";
	int descriptor = mkstemp(file);
	CHECK(socket_new(loop, descriptor, &events, NULL) == NULL);
	CHECK_INT(fcntl(descriptor, F_GETFD), -1);
	unlink(file);
	loop_close(loop);
}

int main(void) {
	alarm(60);
	authority_init(&authority);
	RUN(streams_arrive_whole_both_ways);
	RUN(bytes_held_by_tls_are_reported);
	RUN(an_end_after_a_full_record_is_reported);
	RUN(a_closing_alert_waits_for_room);
	RUN(a_hangup_is_reported_once_while_reading_is_off);
	RUN(a_reset_is_a_failure_with_its_errno);
	RUN(a_tls_stream_without_a_closing_alert_is_cut);
	RUN(writing_over_tls_to_a_closed_peer_raises_no_signal);
	RUN(a_handshake_that_fails_has_a_reason);
	RUN(a_read_ends_though_records_without_bytes_go_on);
	RUN(a_handshake_in_pieces_takes_turns);
	RUN(callbacks_may_close);
	RUN(peers_are_named_by_their_address);
	RUN(a_descriptor_that_cannot_be_watched_is_closed);
	authority_free(&authority);
	return check_summary();
}
