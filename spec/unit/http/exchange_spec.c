// SPDX-License-Identifier: Apache-2.0
// The outcome of each kind of response, valid or not: status, body, failure, and whether the connection is kept.
#include <sys/resource.h>

#include "base/log.h"
#include "recorded.h"
#include "scripted_server.h"

#define RESPONSE(headers) "HTTP/1.1 200 OK\r\n" headers "\r\n"
#define INTERIM "HTTP/1.1 100 Continue\r\n\r\n"
#define INTERIM_4 INTERIM INTERIM INTERIM INTERIM
#define LONG_64 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define LONG_1024                                                                                                      \
	LONG_64 LONG_64 LONG_64 LONG_64 LONG_64 LONG_64 LONG_64 LONG_64 LONG_64 LONG_64 LONG_64 LONG_64 LONG_64 LONG_64    \
	    LONG_64 LONG_64

struct response {
	const char *what;
	enum script_step how; // SEND or SEND_BYTEWISE
	const char *bytes;
	enum script_step then; // AWAIT_END: the client must close or be closed
	const char *method;
	int status;
	const char *body;
	int failure; // -1: none
	size_t idle; // connections kept
};

// clang-format off
static const struct response responses[] = {
	{"length", SEND, RESPONSE("content-length: 5\r\n") "hello", AWAIT_END, "POST", 200, "hello", -1, 1},
	{"length 0", SEND, RESPONSE("content-length: 0\r\n"), AWAIT_END, "POST", 200, "", -1, 1},
	{"length, bytewise", SEND_BYTEWISE, RESPONSE("content-length: 5\r\n") "hello", AWAIT_END, "POST", 200, "hello", -1, 1},
	{"chunked", SEND, RESPONSE("transfer-encoding: chunked\r\n") "3\r\nhel\r\n2;x=y\r\nlo\r\n0\r\nt: u\r\n\r\n", AWAIT_END,
	 "POST", 200, "hello", -1, 1},
	{"chunked, bytewise", SEND_BYTEWISE, RESPONSE("Transfer-Encoding: chunked\r\n") "3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n",
	 AWAIT_END, "POST", 200, "hello", -1, 1},
	{"until close", SEND, RESPONSE("") "hello", END, "POST", 200, "hello", -1, 0},
	{"until close, empty", SEND, RESPONSE(""), END, "POST", 200, "", -1, 0},
	{"close requested", SEND, RESPONSE("content-length: 5\r\nconnection: close\r\n") "hello", AWAIT_END, "POST", 200, "hello", -1, 0},
	{"HTTP/1.0", SEND, "HTTP/1.0 200 OK\r\ncontent-length: 2\r\n\r\nhi", AWAIT_END, "POST", 200, "hi", -1, 0},
	{"204", SEND, "HTTP/1.1 204 No Content\r\n\r\n", AWAIT_END, "POST", 204, "", -1, 1},
	{"304 with a length", SEND, "HTTP/1.1 304 Not Modified\r\ncontent-length: 9\r\n\r\n", AWAIT_END, "GET", 304, "", -1, 1},
	{"to HEAD", SEND, RESPONSE("content-length: 9\r\n"), AWAIT_END, "HEAD", 200, "", -1, 1},
	{"an error with a body", SEND, "HTTP/1.1 429 Too Many\r\ncontent-length: 2\r\n\r\n{}", AWAIT_END, "POST", 429, "{}", -1, 1},
	{"100 swallowed", SEND, INTERIM RESPONSE("content-length: 2\r\n") "hi", AWAIT_END, "POST", 200, "hi", -1, 1},
	{"103 swallowed, bytewise", SEND_BYTEWISE, "HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\n" RESPONSE("content-length: 2\r\n") "hi",
	 AWAIT_END, "POST", 200, "hi", -1, 1},
	{"100 to HEAD", SEND, INTERIM RESPONSE("content-length: 2\r\n"), AWAIT_END, "HEAD", 200, "", -1, 1},
	{"16 interim responses", SEND, INTERIM_4 INTERIM_4 INTERIM_4 INTERIM_4 RESPONSE("content-length: 0\r\n"), AWAIT_END, "POST", 200, "", -1, 1},
	{"17 interim responses", SEND, INTERIM_4 INTERIM_4 INTERIM_4 INTERIM_4 INTERIM, AWAIT_END, "POST", 0, "", EXCHANGE_MALFORMED, 0},
	{"another protocol", SEND, "HTTP/1.1 101 Switching\r\nupgrade: x\r\n\r\n", AWAIT_END, "POST", 0, "", EXCHANGE_MALFORMED, 0},

	{"closed early", SEND, "", END, "POST", 0, "", EXCHANGE_CLOSED, 0},
	{"reset early", SEND, "", RESET, "POST", 0, "", EXCHANGE_RESET, 0},
	{"cut in the status line", SEND, "HTT", END, "POST", 0, "", EXCHANGE_TRUNCATED, 0},
	{"cut in the head", SEND, "HTTP/1.1 200 OK\r\ncontent-le", END, "POST", 0, "", EXCHANGE_TRUNCATED, 0},
	{"cut after an interim response", SEND, INTERIM, END, "POST", 0, "", EXCHANGE_TRUNCATED, 0},
	{"cut by length", SEND, RESPONSE("content-length: 6\r\n") "hello", END, "POST", 200, "hello", EXCHANGE_TRUNCATED, 0},
	{"cut in a chunk", SEND, RESPONSE("transfer-encoding: chunked\r\n") "9\r\nhello", END, "POST", 200, "hello", EXCHANGE_TRUNCATED, 0},
	{"cut before the last chunk", SEND, RESPONSE("transfer-encoding: chunked\r\n") "5\r\nhello\r\n", END, "POST", 200, "hello",
	 EXCHANGE_TRUNCATED, 0},
	{"a broken chunk size", SEND, RESPONSE("transfer-encoding: chunked\r\n") "5\r\nhello\r\nz\r\n", AWAIT_END, "POST", 200, "hello",
	 EXCHANGE_MALFORMED, 0},
	{"no CRLF after a chunk", SEND, RESPONSE("transfer-encoding: chunked\r\n") "5\r\nhello0\r\n\r\n", AWAIT_END, "POST", 200, "hello",
	 EXCHANGE_MALFORMED, 0},
	{"an endless chunk size", SEND, RESPONSE("transfer-encoding: chunked\r\n") "ffffffffffffffffffff\r\n", AWAIT_END, "POST", 200, "",
	 EXCHANGE_MALFORMED, 0},

	{"HTML", SEND, "<html><body>It works!</body></html>\n", AWAIT_END, "POST", 0, "", EXCHANGE_MALFORMED, 0},
	{"garbage, then nothing", SEND, "garbage\r\n", AWAIT_END, "POST", 0, "", EXCHANGE_MALFORMED, 0},
	{"HTTP/0.9", SEND, "It works!", AWAIT_END, "POST", 0, "", EXCHANGE_MALFORMED, 0},
	{"another service", SEND, "SSH-2.0-OpenSSH_9.2\r\n\r\n", AWAIT_END, "POST", 0, "", EXCHANGE_MALFORMED, 0},
	{"binary garbage", SEND, "\x16\x03\x01\x02", AWAIT_END, "POST", 0, "", EXCHANGE_MALFORMED, 0},
	{"bare line feeds", SEND, "HTTP/1.1 200 OK\ncontent-length: 0\n\n", AWAIT_END, "POST", 0, "", EXCHANGE_MALFORMED, 0},
	{"two lengths", SEND, RESPONSE("content-length: 2\r\ncontent-length: 3\r\n") "abc", AWAIT_END, "POST", 0, "", EXCHANGE_MALFORMED, 0},
	{"length and chunked", SEND, RESPONSE("content-length: 5\r\ntransfer-encoding: chunked\r\n"), AWAIT_END, "POST", 0, "",
	 EXCHANGE_MALFORMED, 0},
	{"a negative length", SEND, RESPONSE("content-length: -1\r\n"), AWAIT_END, "POST", 0, "", EXCHANGE_MALFORMED, 0},
	{"a huge length", SEND, RESPONSE("content-length: 99999999999999999999\r\n"), AWAIT_END, "POST", 0, "", EXCHANGE_MALFORMED, 0},
	{"an unknown coding", SEND, RESPONSE("transfer-encoding: gzip\r\n"), AWAIT_END, "POST", 0, "", EXCHANGE_MALFORMED, 0},
	{"a head of 5 KB", SEND, RESPONSE("a: " LONG_1024 LONG_1024 LONG_1024 LONG_1024 LONG_1024 "\r\n"), AWAIT_END, "POST", 0, "",
	 EXCHANGE_HEAD_TOO_LARGE, 0},
	{"an endless head", SEND, "HTTP/1.1 200 " LONG_1024 LONG_1024 LONG_1024 LONG_1024 LONG_1024, AWAIT_END, "POST", 0, "",
	 EXCHANGE_HEAD_TOO_LARGE, 0},
	{"more than the length", SEND, RESPONSE("content-length: 5\r\n") "hello, world", AWAIT_END, "POST", 200, "hello", -1, 0},
	{"a second response", SEND, RESPONSE("content-length: 0\r\n") RESPONSE("content-length: 0\r\n"), AWAIT_END, "POST", 200, "", -1, 0},
	{"bytes after the last chunk", SEND, RESPONSE("transfer-encoding: chunked\r\n") "0\r\n\r\nx", AWAIT_END, "POST", 200, "", -1, 0},
};
// clang-format on

static void check_response(const struct response *response) {
	const struct script script[] = {{.step = ACCEPT},
	                                {.step = REQUEST},
	                                {response->how, response->bytes, 0},
	                                {.step = response->then},
	                                {.step = DONE}};
	struct scripted_server server;
	struct recorded record;
	struct loop *loop = loop_new();
	struct upstreams *upstreams = upstreams_new(loop, &quick_settings);
	int failures_before = check_failures_in_test;
	scripted_server_start(&server, script, NULL);
	recorded_init(&record, loop);
	recorded_start(&record, upstreams_get(upstreams, false, SLICE("127.0.0.1"), server.port), response->method,
	               slice_from(strcmp(response->method, "POST") ? "" : "body"));
	CHECK_INT(upstreams_busy(upstreams), 1);
	loop_run(loop);
	CHECK_INT(record.status, response->status);
	CHECK_SLICE(buffer_slice(&record.body), slice_from(response->body));
	CHECK_INT(record.failure, response->failure);
	CHECK_INT(record.ends + record.failures, 1);
	CHECK_INT(upstreams_idle(upstreams), response->idle);
	CHECK_INT(upstreams_busy(upstreams), 0);
	upstreams_free(upstreams);
	loop_close(loop);
	scripted_server_stop(&server);
	recorded_free(&record);
	if (check_failures_in_test > failures_before)
		printf("  response: %s\n", response->what);
}

TEST(every_response_has_its_outcome) {
	// The first loop of a process opens descriptors that stay.
	loop_close(loop_new());
	size_t before = open_descriptors();
	for (size_t i = 0; i < sizeof(responses) / sizeof(responses[0]); i++)
		check_response(&responses[i]);
	CHECK_INT(open_descriptors(), before);
}

// Runs one exchange with an address on which no server listens, and returns its failure.
static int failure_at(const char *host, uint16_t port, bool tls, uint64_t connect_ms) {
	struct upstream_settings settings = quick_settings;
	struct recorded record;
	struct loop *loop = loop_new();
	settings.connect_ms = connect_ms;
	struct upstreams *upstreams = upstreams_new(loop, &settings);
	recorded_init(&record, loop);
	recorded_start(&record, upstreams_get(upstreams, tls, slice_from(host), port), "POST", SLICE("body"));
	loop_run(loop);
	upstreams_free(upstreams);
	loop_close(loop);
	recorded_free(&record);
	return record.failure;
}

// A bound socket; it doesn't listen if `backlog` is negative.
static int bound_socket(int backlog, struct sockaddr_in *address) {
	socklen_t size = sizeof(*address);
	int descriptor = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	*address = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
	CHECK_INT(bind(descriptor, (struct sockaddr *)address, size), 0);
	CHECK_INT(getsockname(descriptor, (struct sockaddr *)address, &size), 0);
	if (backlog >= 0)
		CHECK_INT(listen(descriptor, backlog), 0);
	return descriptor;
}

TEST(each_failed_connection_has_its_failure) {
	struct sockaddr_in address;
	int closed = bound_socket(-1, &address);
	CHECK_INT(failure_at("127.0.0.1", ntohs(address.sin_port), false, 5000), EXCHANGE_REFUSED);
	CHECK_INT(failure_at("127.0.0.1", ntohs(address.sin_port), true, 5000), EXCHANGE_REFUSED);
	CHECK_INT(failure_at("[::1]", ntohs(address.sin_port), false, 5000), EXCHANGE_REFUSED);
	CHECK_INT(failure_at("bad..name", 80, false, 5000), EXCHANGE_RESOLVE);
	CHECK_INT(failure_at("user@127.0.0.1", ntohs(address.sin_port), false, 5000), EXCHANGE_CONNECT);
	CHECK_INT(failure_at("127.0.0.1/path", ntohs(address.sin_port), false, 5000), EXCHANGE_CONNECT);
	close(closed);
}

static bool never(void *owner) {
	int *looks = owner;
	return ++*looks > 30;
}

// With few descriptors left, one step after the other fails, and it is no failure of the upstream; with enough of them
// the exchange waits.
TEST(without_descriptors_connecting_fails_and_recovers) {
	static const int failures[] = {EXCHANGE_EXHAUSTED, EXCHANGE_EXHAUSTED, -1};
	struct sockaddr_in address;
	struct rlimit limit;
	struct loop *loop = loop_new();
	struct upstreams *upstreams = upstreams_new(loop, &quick_settings);
	int listening = bound_socket(8, &address);
	struct upstream *upstream = upstreams_get(upstreams, false, SLICE("127.0.0.1"), ntohs(address.sin_port));
	getrlimit(RLIMIT_NOFILE, &limit);
	for (unsigned spare = 0; spare < 3; spare++) {
		struct recorded record;
		int looks = 0, next_free = dup(listening);
		close(next_free);
		recorded_init(&record, loop);
		setrlimit(RLIMIT_NOFILE, &(struct rlimit){(rlim_t)next_free + spare, limit.rlim_max});
		recorded_start(&record, upstream, "POST", SLICE("body"));
		await(loop, never, &looks);
		setrlimit(RLIMIT_NOFILE, &limit);
		CHECK_INT(record.failure, failures[spare]);
		if (record.exchange)
			exchange_cancel(record.exchange);
		CHECK_INT(upstreams_busy(upstreams), 0);
		recorded_free(&record);
	}
	upstreams_free(upstreams);
	loop_close(loop);
	close(listening);
}

TEST(a_full_backlog_ends_in_a_connect_timeout) {
	struct sockaddr_in address;
	int fillers[8];
	int full = bound_socket(0, &address);
	for (size_t i = 0; i < 8; i++) {
		fillers[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
		(void)!connect(fillers[i], (struct sockaddr *)&address, sizeof(address));
	}
	CHECK_INT(failure_at("127.0.0.1", ntohs(address.sin_port), false, 50), EXCHANGE_CONNECT_TIMEOUT);
	for (size_t i = 0; i < 8; i++)
		close(fillers[i]);
	close(full);
}

TEST(an_unanswered_handshake_ends_in_a_connect_timeout) {
	struct sockaddr_in address;
	int silent = bound_socket(8, &address);
	CHECK_INT(failure_at("127.0.0.1", ntohs(address.sin_port), true, 50), EXCHANGE_CONNECT_TIMEOUT);
	close(silent);
}

TEST(a_plain_server_fails_the_handshake) {
	static const struct script script[] = {
	    {.step = ACCEPT}, {SEND, "HTTP/1.1 400 Bad Request\r\n\r\n", 0}, {.step = END}, {.step = DONE}};
	struct scripted_server server;
	scripted_server_start(&server, script, NULL);
	CHECK_INT(failure_at("127.0.0.1", server.port, true, 5000), EXCHANGE_TLS);
	scripted_server_stop(&server);
}

int main(void) {
	alarm(60);
	log_configure(LOG_OFF, LOG_TEXT);
	RUN(every_response_has_its_outcome);
	RUN(each_failed_connection_has_its_failure);
	RUN(without_descriptors_connecting_fails_and_recovers);
	RUN(a_full_backlog_ends_in_a_connect_timeout);
	RUN(an_unanswered_handshake_ends_in_a_connect_timeout);
	RUN(a_plain_server_fails_the_handshake);
	return check_summary();
}
