// SPDX-License-Identifier: Apache-2.0
// Exchanges over TLS: trust, resumed sessions, the end of a stream over TLS, the tunnel of a proxy.
#include "../net/certificates.h"
#include "base/log.h"
#include "http/upstream.h"
#include "net/connect.h"
#include "recorded.h"
#include "scripted_server.h"

#define OK_2 "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi"

static struct authority authority, unknown_authority;

struct outcome {
	int status; // or -1 - failure
	int accepted, resumed;
	size_t idle;
	size_t body_bytes;
	char server_name[64];
};

// Runs `exchanges` exchanges with the script, one after the other; returns the outcome of the last.
static struct outcome run(const struct script *script, SSL_CTX *context, const char *host, const char *ca_file,
                          int exchanges, struct slice body) {
	struct upstream_settings settings = quick_settings;
	struct scripted_server server;
	struct recorded record;
	struct loop *loop = loop_new();
	settings.ca_file = ca_file;
	scripted_server_start(&server, script, context);
	struct upstreams *upstreams = upstreams_new(loop, &settings);
	struct upstream *upstream = upstreams_get(upstreams, true, slice_from(host), server.port);
	struct outcome outcome = {0};
	for (int i = 0; i < exchanges; i++) {
		recorded_init(&record, loop);
		recorded_start(&record, upstream, "POST", body);
		loop_run(loop);
		outcome.status = record.failures ? -1 - record.failure : record.status;
		outcome.body_bytes = record.body_bytes;
		recorded_free(&record);
	}
	outcome.idle = upstreams_idle(upstreams);
	upstreams_free(upstreams);
	loop_close(loop);
	scripted_server_stop(&server);
	outcome.accepted = server.accepted;
	outcome.resumed = server.resumed;
	memcpy(outcome.server_name, server.server_name, sizeof(outcome.server_name));
	return outcome;
}

static const struct script one_response[] = {{.step = ACCEPT}, {.step = START_TLS}, {.step = REQUEST},
                                             {SEND, OK_2, 0},  {.step = AWAIT_END}, {.step = DONE}};
static const struct script refused[] = {{.step = ACCEPT}, {.step = START_TLS}, {.step = DONE}};

TEST(a_trusted_server_is_used_and_kept) {
	static const struct {
		const char *host, *alternatives, *server_name;
	} good[] = {{"localhost", "DNS:localhost", "localhost"},
	            {"LOCALHOST", "DNS:localhost", "LOCALHOST"},
	            {"127.0.0.1", "IP:127.0.0.1", ""}};
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		SSL_CTX *context = authority_server(&authority, good[i].alternatives, 24);
		struct outcome outcome = run(one_response, context, good[i].host, authority.file, 1, SLICE("body"));
		CHECK_INT(outcome.status, 200);
		CHECK_INT(outcome.idle, 1);
		CHECK_STRING(outcome.server_name, good[i].server_name);
		SSL_CTX_free(context);
	}
}

TEST(an_untrusted_server_is_refused) {
	const struct {
		const char *host, *alternatives;
		const struct authority *issuer;
		const char *ca_file;
		int hours;
	} bad[] = {
	    {"localhost", "DNS:other.test", &authority, authority.file, 24},
	    {"localhost", "DNS:local*", &authority, authority.file, 24},
	    {"127.0.0.1", "DNS:localhost", &authority, authority.file, 24},
	    {"127.0.0.1", "IP:127.0.0.2", &authority, authority.file, 24},
	    {"localhost", "DNS:localhost", &unknown_authority, authority.file, 24},
	    {"localhost", "DNS:localhost", NULL, authority.file, 24},
	    {"localhost", "DNS:localhost", &authority, authority.file, 0},
	    {"localhost", "DNS:localhost", &authority, "/nowhere.pem", 24},
	    {"localhost", "DNS:localhost", &authority, NULL, 24},
	};
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		SSL_CTX *context = authority_server(bad[i].issuer, bad[i].alternatives, bad[i].hours);
		struct outcome outcome = run(refused, context, bad[i].host, bad[i].ca_file, 1, SLICE("body"));
		CHECK_INT(outcome.status, -1 - EXCHANGE_CERTIFICATE);
		SSL_CTX_free(context);
	}
}

TEST(old_versions_are_refused) {
	SSL_CTX *context = authority_server(&authority, "DNS:localhost", 24);
	SSL_CTX_set_security_level(context, 0);
	SSL_CTX_set_min_proto_version(context, TLS1_VERSION);
	SSL_CTX_set_max_proto_version(context, TLS1_1_VERSION);
	CHECK_INT(run(refused, context, "localhost", authority.file, 1, SLICE("body")).status, -1 - EXCHANGE_TLS);
	SSL_CTX_free(context);
}

// A server that wants keys over a group or in a way that is too dear finds nothing in common.
TEST(dear_key_agreements_are_refused) {
	static const struct {
		const char *groups, *ciphers;
		int version, status;
	} cases[] = {
	    {"P-384", NULL, TLS1_3_VERSION, 200},
	    {"X25519", "ECDHE-ECDSA-AES128-GCM-SHA256", TLS1_2_VERSION, 200},
	    {"P-521", NULL, TLS1_3_VERSION, -1 - EXCHANGE_TLS},
	    {"ffdhe8192", NULL, TLS1_3_VERSION, -1 - EXCHANGE_TLS},
	    {"P-521", NULL, TLS1_2_VERSION, -1 - EXCHANGE_TLS},
	    {"X25519", "DHE-RSA-AES128-GCM-SHA256:DHE-RSA-AES256-GCM-SHA384", TLS1_2_VERSION, -1 - EXCHANGE_TLS},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		bool is_rsa = cases[i].ciphers && strncmp(cases[i].ciphers, "DHE", 3) == 0;
		EVP_PKEY *key = is_rsa ? EVP_RSA_gen(2048) : EVP_EC_gen("P-256");
		SSL_CTX *context = authority_server_with_key(&authority, key, "DNS:localhost", 24);
		SSL_CTX_set_dh_auto(context, 1);
		CHECK_INT(SSL_CTX_set1_groups_list(context, cases[i].groups), 1);
		if (cases[i].ciphers)
			CHECK_INT(SSL_CTX_set_cipher_list(context, cases[i].ciphers), 1);
		SSL_CTX_set_max_proto_version(context, cases[i].version);
		const struct script *script = cases[i].status == 200 ? one_response : refused;
		CHECK_INT(run(script, context, "localhost", authority.file, 1, SLICE("body")).status, cases[i].status);
		SSL_CTX_free(context);
		EVP_PKEY_free(key);
	}
}

TEST(a_server_that_breaks_off_the_handshake_fails_it) {
	static const struct script breaks[] = {{.step = ACCEPT}, {.step = AWAIT_BYTE}, {.step = BREAK}, {.step = DONE}};
	static const struct script resets[] = {{.step = ACCEPT}, {.step = AWAIT_BYTE}, {.step = RESET}, {.step = DONE}};
	CHECK_INT(run(breaks, NULL, "localhost", authority.file, 1, SLICE("body")).status, -1 - EXCHANGE_TLS);
	CHECK_INT(run(resets, NULL, "localhost", authority.file, 1, SLICE("body")).status, -1 - EXCHANGE_TLS);
}

TEST(sessions_are_resumed) {
	static const struct script script[] = {
	    {ROUNDS, NULL, 5},
	    {.step = ACCEPT},
	    {.step = START_TLS},
	    {.step = REQUEST},
	    {SEND, "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\nhi", 0},
	    {.step = AWAIT_END},
	    {AGAIN, NULL, 5},
	    {.step = DONE}};
	static const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};
	for (size_t i = 0; i < 2; i++) {
		SSL_CTX *context = authority_server(&authority, "DNS:localhost", 24);
		SSL_CTX_set_max_proto_version(context, versions[i]);
		struct outcome outcome = run(script, context, "localhost", authority.file, 5, SLICE("body"));
		CHECK_INT(outcome.status, 200);
		CHECK_INT(outcome.accepted, 5);
		CHECK_INT(outcome.resumed, 4);
		SSL_CTX_free(context);
	}
}

TEST(only_a_closing_alert_ends_a_response_without_length) {
	static const struct script in_order[] = {{.step = ACCEPT},  {.step = START_TLS},
	                                         {.step = REQUEST}, {SEND, "HTTP/1.1 200 OK\r\n\r\nhi", 0},
	                                         {.step = END},     {.step = DONE}};
	static const struct script cut[] = {{.step = ACCEPT},  {.step = START_TLS},
	                                    {.step = REQUEST}, {SEND, "HTTP/1.1 200 OK\r\n\r\nhi", 0},
	                                    {.step = BREAK},   {.step = DONE}};
	static const struct script silent[] = {
	    {.step = ACCEPT}, {.step = START_TLS}, {.step = REQUEST}, {.step = BREAK}, {.step = DONE}};
	SSL_CTX *context = authority_server(&authority, "DNS:localhost", 24);
	CHECK_INT(run(in_order, context, "localhost", authority.file, 1, SLICE("body")).status, 200);
	CHECK_INT(run(cut, context, "localhost", authority.file, 1, SLICE("body")).status, -1 - EXCHANGE_TRUNCATED);
	CHECK_INT(run(silent, context, "localhost", authority.file, 1, SLICE("body")).status, -1 - EXCHANGE_CLOSED);
	SSL_CTX_free(context);
}

TEST(large_bodies_go_both_ways) {
	enum { BYTES = 8388608 };
	static const struct script script[] = {{.step = ACCEPT},
	                                       {.step = START_TLS},
	                                       {ROUNDS, NULL, 3},
	                                       {.step = REQUEST},
	                                       {SEND, "HTTP/1.1 200 OK\r\ncontent-length: 8388608\r\n\r\n", 0},
	                                       {SEND_FILLER, NULL, BYTES},
	                                       {AGAIN, NULL, 3},
	                                       {.step = AWAIT_END},
	                                       {.step = DONE}};
	char *body = calloc(1, BYTES);
	SSL_CTX *context = authority_server(&authority, "DNS:localhost", 24);
	struct outcome outcome = run(script, context, "localhost", authority.file, 3, slice_of(body, BYTES));
	CHECK_INT(outcome.status, 200);
	CHECK_INT(outcome.body_bytes, BYTES);
	CHECK_INT(outcome.accepted, 1);
	CHECK_INT(outcome.idle, 1);
	SSL_CTX_free(context);
	free(body);
}

static void *run_worker(void *argument) {
	SSL_CTX *context = argument;
	for (int i = 0; i < 5; i++)
		CHECK_INT(run(one_response, context, "localhost", authority.file, 1, SLICE("body")).status, 200);
	return NULL;
}

TEST(workers_share_trusted_certificates) {
	SSL_CTX *context = authority_server(&authority, "DNS:localhost", 24);
	pthread_t workers[3];
	for (size_t i = 0; i < 3; i++)
		pthread_create(&workers[i], NULL, run_worker, context);
	for (size_t i = 0; i < 3; i++)
		pthread_join(workers[i], NULL);
	SSL_CTX_free(context);
}

static bool handshake_began(void *owner) {
	struct scripted_server *server = owner;
	return atomic_load(&server->accepted) == 1;
}

TEST(cancelling_within_the_handshake_leaves_nothing) {
	static const struct script script[] = {{.step = ACCEPT}, {.step = AWAIT_END}, {.step = DONE}};
	struct scripted_server server;
	struct recorded record;
	struct loop *loop = loop_new();
	scripted_server_start(&server, script, NULL);
	struct upstreams *upstreams = upstreams_new(loop, &quick_settings);
	recorded_init(&record, loop);
	recorded_start(&record, upstreams_get(upstreams, true, SLICE("127.0.0.1"), server.port), "POST", SLICE("body"));
	CHECK(await(loop, handshake_began, &server));
	exchange_cancel(record.exchange);
	CHECK_INT(upstreams_busy(upstreams), 0);
	loop_run(loop);
	CHECK_INT(record.heads + record.ends + record.failures, 0);
	upstreams_free(upstreams);
	loop_close(loop);
	scripted_server_stop(&server);
	recorded_free(&record);
}

static uint64_t clock_reads;

// The clock is read before and after each step of a handshake: a step takes 20 ms.
static uint64_t read_used_ns(void) {
	return ++clock_reads * 20 * 1000 * 1000;
}

static bool is_behind(void *owner) {
	return handshake_pace_is_behind(owner);
}

// Connections to many upstreams at once hold up nothing else: a second step waits until the first is made up for.
TEST(handshakes_keep_to_their_share) {
	SSL_CTX *context = authority_server(&authority, "DNS:localhost", 24);
	struct upstream_settings settings = quick_settings;
	struct scripted_server server;
	struct recorded record;
	struct loop *loop = loop_new();
	settings.ca_file = authority.file;
	scripted_server_start(&server, one_response, context);
	struct upstreams *upstreams = upstreams_new(loop, &settings);
	struct upstream *upstream = upstreams_get(upstreams, true, SLICE("localhost"), server.port);
	recorded_init(&record, loop);
	upstreams->handshake_pace.used_ns = read_used_ns;
	recorded_start(&record, upstream, "POST", SLICE("body"));
	CHECK(await(loop, is_behind, &upstreams->handshake_pace));
	CHECK_INT(clock_reads, 2);
	loop_run(loop);
	CHECK_INT(record.status, 200);
	CHECK(clock_reads >= 4);
	upstreams_free(upstreams);
	loop_close(loop);
	scripted_server_stop(&server);
	recorded_free(&record);
	SSL_CTX_free(context);
}

// As run, with a proxy, which is the scripted server and an upstream elsewhere.
static int run_through_proxy(const struct script *script, SSL_CTX *context, const char *scheme, const char *exempt) {
	struct upstream_settings settings = quick_settings;
	struct scripted_server server;
	struct recorded record;
	char proxy[64];
	struct loop *loop = loop_new();
	settings.ca_file = authority.file;
	scripted_server_start(&server, script, context);
	snprintf(proxy, sizeof(proxy), "%s://user:secret@127.0.0.1:%u", scheme, server.port);
	settings.proxy = proxy;
	setenv("NO_PROXY", exempt, 1);
	struct upstreams *upstreams = upstreams_new(loop, &settings);
	recorded_init(&record, loop);
	// Exempt from the proxy, the host is the scripted server itself.
	uint16_t port = *exempt ? server.port : 4430;
	recorded_start(&record, upstreams_get(upstreams, true, SLICE("localhost"), port), "POST", SLICE("body"));
	loop_run(loop);
	upstreams_free(upstreams);
	loop_close(loop);
	scripted_server_stop(&server);
	unsetenv("NO_PROXY");
	recorded_free(&record);
	return record.failures ? -1 - record.failure : record.status;
}

TEST(a_proxy_makes_a_tunnel_or_fails) {
	static const struct script tunnels[] = {
	    {.step = ACCEPT},    {.step = REQUEST}, {SEND, "HTTP/1.1 200 Connected\r\n\r\n", 0},
	    {.step = START_TLS}, {.step = REQUEST}, {SEND, OK_2, 0},
	    {.step = AWAIT_END}, {.step = DONE}};
	static const struct script refuses[] = {{.step = ACCEPT},
	                                        {.step = REQUEST},
	                                        {SEND, "HTTP/1.1 403 No\r\ncontent-length: 0\r\n\r\n", 0},
	                                        {.step = AWAIT_END},
	                                        {.step = DONE}};
	static const struct script closes[] = {{.step = ACCEPT}, {.step = REQUEST}, {.step = END}, {.step = DONE}};
	static const struct script nothing[] = {{.step = DONE}};
	SSL_CTX *context = authority_server(&authority, "DNS:localhost", 24);
	CHECK_INT(run_through_proxy(tunnels, context, "http", ""), 200);
	CHECK_INT(run_through_proxy(refuses, context, "http", ""), -1 - EXCHANGE_PROXY);
	CHECK_INT(run_through_proxy(closes, context, "http", ""), -1 - EXCHANGE_PROXY);
	CHECK_INT(run_through_proxy(nothing, context, "https", ""), -1 - EXCHANGE_PROXY);
	CHECK_INT(run_through_proxy(one_response, context, "http", "localhost"), 200);
	CHECK_INT(run_through_proxy(one_response, context, "https", "localhost"), 200);
	SSL_CTX_free(context);
}

TEST(an_https_proxy_is_reported) {
	CHECK(connect_proxy_problem(NULL) == NULL);
	CHECK(connect_proxy_problem("http://user:secret@proxy.test") == NULL);
	const char *problem = connect_proxy_problem("https://user:secret@proxy.test");
	CHECK(problem && strstr(problem, "https://") && !strstr(problem, "secret"));
}

int main(void) {
	alarm(60);
	log_configure(LOG_OFF, LOG_TEXT);
	authority_init(&authority);
	authority_init(&unknown_authority);
	RUN(a_trusted_server_is_used_and_kept);
	RUN(an_untrusted_server_is_refused);
	RUN(old_versions_are_refused);
	RUN(dear_key_agreements_are_refused);
	RUN(a_server_that_breaks_off_the_handshake_fails_it);
	RUN(sessions_are_resumed);
	RUN(only_a_closing_alert_ends_a_response_without_length);
	RUN(large_bodies_go_both_ways);
	RUN(workers_share_trusted_certificates);
	RUN(cancelling_within_the_handshake_leaves_nothing);
	RUN(handshakes_keep_to_their_share);
	RUN(a_proxy_makes_a_tunnel_or_fails);
	RUN(an_https_proxy_is_reported);
	authority_free(&authority);
	authority_free(&unknown_authority);
	return check_summary();
}
