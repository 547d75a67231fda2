// SPDX-License-Identifier: Apache-2.0
// Responses with bytes changed, dropped, repeated and moved, in any chunking, over a connection that then closes: every
// exchange ends once, with at most the bytes that were sent, and only clean connections are kept.
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/random.h"
#include "http/upstream.h"
#include "recorded.h"

enum { EXCHANGES = 4000, RESPONSE_BYTES = 1024 };

static const char *const seeds[] = {
    "HTTP/1.1 200 OK\r\ncontent-length: 11\r\n\r\nhello world",
    "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n6;a=b\r\n world\r\n0\r\nt: u\r\n\r\n",
    "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n",
    "HTTP/1.0 200 OK\r\n\r\nuntil the close",
    "HTTP/1.1 429 Too Many Requests\r\nconnection: close\r\ncontent-length: 2\r\n\r\n{}",
    "HTTP/1.1 204 No Content\r\n\r\n",
};

static const char *const pieces[] = {
    "\r\n", "\r\n\r\n", "\n", "0\r\n\r\n", "content-length: 3\r\n", "HTTP/1.1 200 OK\r\n", "\0", "ffffffff\r\n", ": "};

static size_t put(char *response, size_t len, size_t at, const char *bytes, size_t count) {
	if (len + count > RESPONSE_BYTES)
		return len;
	memmove(response + at + count, response + at, len - at);
	memcpy(response + at, bytes, count);
	return len + count;
}

static size_t change(struct random_source *random, char *response, size_t len) {
	char copy[32];
	size_t at = random_below(random, len), count = 1 + random_below(random, sizeof(copy));
	count = count > len - at ? len - at : count;
	switch (random_below(random, 5)) {
	case 0:
		response[at] = (char)random_next(random);
		return len;
	case 1:
		memmove(response + at, response + at + count, len - at - count);
		return len > count ? len - count : 1;
	case 2:
		memcpy(copy, response + at, count);
		return put(response, len, random_below(random, len), copy, count);
	case 3: {
		const char *piece = pieces[random_below(random, sizeof(pieces) / sizeof(pieces[0]))];
		return put(response, len, at, piece, *piece ? strlen(piece) : 1);
	}
	default:
		return at ? at : 1;
	}
}

struct sender {
	struct loop *loop;
	struct random_source *random;
	int descriptor;
	char response[RESPONSE_BYTES];
	size_t len, sent;
	struct timer timer;
};

static void send_piece(void *owner) {
	struct sender *sender = owner;
	size_t count = 1 + random_below(sender->random, random_below(sender->random, 3) ? 400 : 4);
	count = count > sender->len - sender->sent ? sender->len - sender->sent : count;
	if (count == 0 || send(sender->descriptor, sender->response + sender->sent, count, MSG_NOSIGNAL) < 0) {
		close(sender->descriptor);
		sender->descriptor = -1;
		return;
	}
	sender->sent += count;
	timer_start(&sender->timer, 0);
}

static bool is_over(void *owner) {
	struct recorded *record = owner;
	return record->ends + record->failures > 0;
}

TEST(every_response_ends_once) {
	struct loop *loop = loop_new();
	struct upstreams *upstreams = upstreams_new(loop, &quick_settings);
	// A connection that fails before a byte of the response is replaced by one to an address without a server.
	struct upstream *upstream = upstreams_get(upstreams, false, SLICE("bad..name"), 1);
	struct random_source random;
	int ended = 0, failed = 0;
	random_init(&random, 11);
	for (int i = 0; i < EXCHANGES; i++) {
		struct sender sender = {.loop = loop, .random = &random};
		struct recorded record;
		const char *seed = seeds[random_below(&random, sizeof(seeds) / sizeof(seeds[0]))];
		int descriptors[2];
		CHECK_INT(socketpair(AF_UNIX, SOCK_STREAM, 0, descriptors), 0);
		sender.len = strlen(seed);
		memcpy(sender.response, seed, sender.len);
		for (uint64_t changes = random_below(&random, 4); changes > 0; changes--)
			sender.len = change(&random, sender.response, sender.len);
		sender.descriptor = descriptors[0];
		timer_init(&sender.timer, loop, send_piece, &sender);
		upstream_connection_keep(upstream_connection_new(upstream, socket_new(loop, descriptors[1], NULL, NULL)));
		recorded_init(&record, loop);
		recorded_start(&record, upstream, random_below(&random, 5) ? "POST" : "HEAD", SLICE("body"));
		timer_start(&sender.timer, 0);
		CHECK(await(loop, is_over, &record));
		CHECK_INT(record.ends + record.failures, 1);
		CHECK(record.body_bytes <= sender.len);
		CHECK_INT(upstreams_busy(upstreams), 0);
		ended += record.ends;
		failed += record.failures;
		timer_stop(&sender.timer);
		if (sender.descriptor >= 0)
			close(sender.descriptor);
		struct upstream_connection *kept = upstream_take_idle(upstream);
		if (kept)
			upstream_connection_close(kept);
		recorded_free(&record);
		if (check_failures_in_test)
			break;
	}
	CHECK(ended > EXCHANGES / 4);
	CHECK(failed > EXCHANGES / 4);
	upstreams_free(upstreams);
	loop_close(loop);
}

int main(void) {
	alarm(100);
	RUN(every_response_ends_once);
	return check_summary();
}
