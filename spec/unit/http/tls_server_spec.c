// SPDX-License-Identifier: Apache-2.0
// Listeners over TLS: accepted versions and protocols, which sessions resume, certificates that change while
// connections are open, and limits on handshakes.
#include <openssl/core_names.h>
#include <openssl/param_build.h>
#include <signal.h>
#include <sys/stat.h>

#include "../net/certificates.h"
#include "base/error.h"
#include "http/server_internal.h"
#include "http2_client.h"
#include "net/tls_server.h"

static char folder[] = "/tmp/signalbox-spec-XXXXXX";
static struct authority authority;

static const char *path_of(const char *name) {
	static char texts[4][200];
	static size_t next;
	char *text = texts[next++ % 4];
	snprintf(text, sizeof texts[0], "%s/%s", folder, name);
	return text;
}

// A certificate for localhost with that common name, and its key, as files.
static void write_pair(const char *certificate_name, const char *key_name, const char *common_name) {
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *certificate = certificate_make(key, common_name, "DNS:localhost", &authority, 24);
	FILE *file = fopen(path_of(certificate_name), "w");
	PEM_write_X509(file, certificate);
	PEM_write_X509(file, authority.certificate);
	fclose(file);
	file = fopen(path_of(key_name), "w");
	PEM_write_PrivateKey(file, key, NULL, NULL, 0, NULL, NULL);
	fclose(file);
	X509_free(certificate);
	EVP_PKEY_free(key);
}

static struct tls_server *tls_of_files(void) {
	struct tls_server *tls = NULL;
	const char *message = NULL;
	write_pair("cert", "key", "first");
	CHECK_INT(tls_server_new(path_of("cert"), path_of("key"), &tls, &message), 0);
	CHECK(message == NULL);
	return tls;
}

// A TLS client on the served loop.
struct visitor {
	SSL_CTX *context;
	struct socket *socket;
	SSL_SESSION *session; // the latest
	const char *groups;   // that it offers; NULL: OpenSSL's choice
	bool is_over, is_open;
	struct client client; // from the handshake on, for HTTP/1.1 or raw bytes
	struct http2_client http2;
};

static void visitor_on_open(void *owner, bool well) {
	struct visitor *visitor = owner;
	visitor->is_over = true;
	visitor->is_open = well;
}

static void visitor_ignore(void *owner) {
	(void)owner;
}

static const struct socket_events visitor_events = {visitor_on_open, visitor_ignore, visitor_ignore, NULL};

static int visitor_on_session(SSL *connection, SSL_SESSION *session) {
	struct visitor *visitor = SSL_CTX_get_app_data(SSL_get_SSL_CTX(connection));
	SSL_SESSION_free(visitor->session);
	visitor->session = session;
	return 1;
}

// `protocols` in the form of ALPN, or NULL; `resumed`: a session to resume, or NULL.
static void visitor_start(struct visitor *visitor, struct served *served, const char *address, int version,
                          const char *protocols, SSL_SESSION *resumed) {
	*visitor = (struct visitor){.context = SSL_CTX_new(TLS_client_method()), .groups = visitor->groups};
	if (visitor->groups)
		CHECK_INT(SSL_CTX_set1_groups_list(visitor->context, visitor->groups), 1);
	SSL_CTX_set_app_data(visitor->context, visitor);
	SSL_CTX_load_verify_locations(visitor->context, authority.file, NULL);
	SSL_CTX_set_verify(visitor->context, SSL_VERIFY_PEER, NULL);
	SSL_CTX_set_min_proto_version(visitor->context, version);
	SSL_CTX_set_max_proto_version(visitor->context, version);
	SSL_CTX_set_security_level(visitor->context, 0);
	SSL_CTX_set_session_cache_mode(visitor->context, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
	SSL_CTX_sess_set_new_cb(visitor->context, visitor_on_session);
	if (protocols)
		SSL_CTX_set_alpn_protos(visitor->context, (const unsigned char *)protocols, (unsigned)strlen(protocols));
	SSL *connection = SSL_new(visitor->context);
	SSL_set_connect_state(connection);
	if (resumed)
		SSL_set_session(connection, resumed);
	visitor->socket = socket_new(served->loop, connect_to(address), &visitor_events, visitor);
	socket_start_tls(visitor->socket, connection, NULL);
}

static void visitor_open(struct visitor *visitor, struct served *served, int version, const char *protocols) {
	visitor_start(visitor, served, server_address(served->server, 1), version, protocols, NULL);
	UNTIL(served, visitor->is_over);
}

// The rest is in HTTP/1.1.
static struct client *visitor_speaks_http1(struct visitor *visitor) {
	struct client *client = &visitor->client;
	*client = (struct client){.socket = visitor->socket};
	buffer_init(&client->in, 1 << 28);
	buffer_init(&client->out, 1 << 28);
	socket_set_owner(client->socket, &client_events, client);
	socket_want_read(client->socket, true);
	return client;
}

static void visitor_close(struct visitor *visitor) {
	socket_close(visitor->socket);
	if (visitor->client.socket) {
		buffer_free(&visitor->client.in);
		buffer_free(&visitor->client.out);
	}
	if (visitor->http2.session)
		http2_free(&visitor->http2);
	SSL_SESSION_free(visitor->session);
	SSL_CTX_free(visitor->context);
}

static void start_with_tls(struct served *served, const struct server_timeouts *timeouts, struct tls_server *tls) {
	const char *message = "";
	served_start(served, &quick_limits, timeouts, NULL);
	CHECK_INT(server_listen_tls(served->server, "127.0.0.1:0", false, tls, &message), 0);
}

TEST(speaks_the_protocol_of_the_handshake) {
	static const struct {
		int version;
		const char *protocols;
		bool opens, is_http2;
	} cases[] = {
	    {TLS1_3_VERSION, NULL, true, false},
	    {TLS1_2_VERSION, NULL, true, false},
	    {TLS1_3_VERSION, "\x08http/1.1", true, false},
	    {TLS1_2_VERSION, "\x08http/1.1", true, false},
	    {TLS1_3_VERSION, "\x02h2", true, true},
	    {TLS1_2_VERSION, "\x02h2", true, true},
	    {TLS1_3_VERSION, "\x08http/1.1\x02h2", true, true},
	    {TLS1_3_VERSION, "\x06spdy/3\x08http/1.1", true, false},
	    {TLS1_3_VERSION, "\x06spdy/3", false, false},
	    {TLS1_1_VERSION, NULL, false, false},
	};
	struct tls_server *tls = tls_of_files();
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct served served;
		struct visitor visitor = {0};
		start_with_tls(&served, &patient, tls);
		visitor_open(&visitor, &served, cases[i].version, cases[i].protocols);
		CHECK_INT(visitor.is_open, cases[i].opens);
		if (visitor.is_open && cases[i].is_http2) {
			http2_adopt(&visitor.http2, visitor.socket, 65535);
			ANSWERED(&visitor.http2, http2_ask(&visitor.http2, "GET", "/stream", NULL, NULL), "200 one,two|");
		} else if (visitor.is_open) {
			struct client *client = visitor_speaks_http1(&visitor);
			client_send(client, SLICE(GET("/stream")));
			GOT(client, "200 one,two|");
		}
		visitor_close(&visitor);
		UNTIL(&served, server_connections(served.server) == 0);
		served_stop(&served);
	}
	tls_server_free(tls);
}

// The others cost a handshake up to a tenth of a second.
TEST(agrees_on_keys_over_few_groups) {
	static const struct {
		const char *groups;
		int version;
		bool opens;
	} cases[] = {
	    {"X25519", TLS1_3_VERSION, true},
	    {"P-256", TLS1_3_VERSION, true},
	    {"P-384", TLS1_3_VERSION, true},
	    {"P-256", TLS1_2_VERSION, true},
	    {"ffdhe8192:P-384:X25519", TLS1_3_VERSION, true},
	    {"P-521", TLS1_3_VERSION, false},
	    {"P-521", TLS1_2_VERSION, false},
	    {"X448", TLS1_3_VERSION, false},
	    {"ffdhe2048", TLS1_3_VERSION, false},
	    {"ffdhe8192", TLS1_3_VERSION, false},
	};
	struct tls_server *tls = tls_of_files();
	struct served served;
	start_with_tls(&served, &patient, tls);
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct visitor visitor = {.groups = cases[i].groups};
		visitor_open(&visitor, &served, cases[i].version, NULL);
		CHECK_INT(visitor.is_open, cases[i].opens);
		visitor_close(&visitor);
	}
	served_stop(&served);
	tls_server_free(tls);
}

TEST(carries_large_bodies_both_ways) {
	struct tls_server *tls = tls_of_files();
	struct served served;
	struct visitor visitor = {0};
	struct buffer body;
	buffer_init(&body, 1 << 21);
	append_run(&body, 1 << 20);
	start_with_tls(&served, &patient, tls);
	visitor_open(&visitor, &served, TLS1_3_VERSION, "\x02h2");
	http2_adopt(&visitor.http2, visitor.socket, 1 << 20);
	visitor.http2.upload = buffer_slice(&body);
	int32_t id = http2_ask(&visitor.http2, "POST", "/echo", NULL, NULL);
	ANSWERED(&visitor.http2, id, "200 (1048576)|");
	CHECK(slice_equal(buffer_slice(&got_of(&visitor.http2, id)->body), buffer_slice(&body)));
	visitor_close(&visitor);
	served_stop(&served);
	tls_server_free(tls);
	buffer_free(&body);
}

// Sends one request, so that the server's ticket is received; returns whether the session was resumed.
static bool visit(struct visitor *visitor, struct served *served, const char *address, int version,
                  SSL_SESSION *resumed) {
	visitor_start(visitor, served, address, version, NULL, resumed);
	UNTIL(served, visitor->is_over);
	struct client *client = visitor_speaks_http1(visitor);
	client_send(client, SLICE(GET("/a")));
	UNTIL(served, slice_equal(client_got(client, false), SLICE("200 /a|")));
	CHECK(visitor->session != NULL || resumed != NULL);
	return SSL_session_reused(socket_tls(visitor->socket));
}

TEST(resumes_sessions_at_any_worker_until_the_certificate_is_read_again) {
	for (int version = TLS1_2_VERSION; version <= TLS1_3_VERSION; version++) {
		struct tls_server *tls = tls_of_files();
		struct served served;
		struct visitor first = {0}, second = {0}, third = {0};
		const char *message;
		start_with_tls(&served, &patient, tls);
		struct server *worker = server_new(served.loop, &quick_limits, &patient, &served_events, &served);
		CHECK_INT(server_listen_tls(worker, "127.0.0.1:0", false, tls, &message), 0);
		CHECK(!visit(&first, &served, server_address(served.server, 1), version, NULL));
		CHECK(visit(&second, &served, server_address(worker, 0), version, first.session));
		CHECK_INT(tls_server_reload(tls, &message), 0);
		CHECK(!visit(&third, &served, server_address(worker, 0), version, first.session));
		visitor_close(&first);
		visitor_close(&second);
		visitor_close(&third);
		server_close(worker);
		served_stop(&served);
		tls_server_free(tls);
	}
}

static void check_name(struct visitor *visitor, const char *expected) {
	char name[64] = "";
	X509 *certificate = SSL_get1_peer_certificate(socket_tls(visitor->socket));
	X509_NAME_get_text_by_NID(X509_get_subject_name(certificate), NID_commonName, name, sizeof name);
	CHECK_STRING(name, expected);
	X509_free(certificate);
}

TEST(changes_certificates_while_connections_live) {
	struct tls_server *tls = tls_of_files();
	struct served served;
	struct visitor before = {0}, after = {0}, last = {0};
	const char *message;
	start_with_tls(&served, &patient, tls);
	visitor_open(&before, &served, TLS1_3_VERSION, NULL);
	check_name(&before, "first");
	write_pair("cert", "key", "second");
	CHECK_INT(tls_server_reload(tls, &message), 0);
	visitor_open(&after, &served, TLS1_3_VERSION, NULL);
	check_name(&after, "second");
	// Files that don't load change nothing.
	write_pair("cert", "other", "third");
	CHECK_INT(tls_server_reload(tls, &message), ERROR_INVALID);
	CHECK(slice_ends(slice_from(message), SLICE("/key: the key is not the certificate's")));
	visitor_open(&last, &served, TLS1_3_VERSION, NULL);
	check_name(&last, "second");
	struct client *client = visitor_speaks_http1(&before);
	client_send(client, SLICE(GET("/a")));
	GOT(client, "200 /a|");
	visitor_close(&before);
	visitor_close(&after);
	visitor_close(&last);
	served_stop(&served);
	tls_server_free(tls);
}

static void write_text(const char *name, const char *text) {
	FILE *file = fopen(path_of(name), "w");
	fputs(text, file);
	fclose(file);
}

// A certificate whose key has that many bits, although nobody has its other half.
static void write_rsa(const char *name, int bits) {
	FILE *file = fopen(path_of(name), "w");
	BIGNUM *modulus = BN_new(), *exponent = BN_new();
	OSSL_PARAM_BLD *builder = OSSL_PARAM_BLD_new();
	EVP_PKEY_CTX *maker = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
	EVP_PKEY *key = NULL;
	BN_rand(modulus, bits, BN_RAND_TOP_ONE, BN_RAND_BOTTOM_ODD);
	BN_set_word(exponent, 65537);
	OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_N, modulus);
	OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_E, exponent);
	OSSL_PARAM *parameters = OSSL_PARAM_BLD_to_param(builder);
	EVP_PKEY_fromdata_init(maker);
	CHECK_INT(EVP_PKEY_fromdata(maker, &key, EVP_PKEY_PUBLIC_KEY, parameters), 1);
	X509 *certificate = certificate_make(key, "large", "DNS:localhost", &authority, 24);
	PEM_write_X509(file, certificate);
	fclose(file);
	X509_free(certificate);
	EVP_PKEY_free(key);
	EVP_PKEY_CTX_free(maker);
	OSSL_PARAM_free(parameters);
	OSSL_PARAM_BLD_free(builder);
	BN_free(modulus);
	BN_free(exponent);
}

// The certificate and `issuers` others.
static void write_chain(const char *name, int issuers) {
	FILE *from = fopen(path_of("cert"), "r"), *file = fopen(path_of(name), "w");
	X509 *certificate = PEM_read_X509(from, NULL, NULL, NULL);
	PEM_write_X509(file, certificate);
	for (int i = 0; i < issuers; i++)
		PEM_write_X509(file, authority.certificate);
	fclose(from);
	fclose(file);
	X509_free(certificate);
}

static void write_large(const char *name) {
	FILE *file = fopen(path_of(name), "w");
	for (int i = 0; i <= 1 << 20; i++)
		fputc('\n', file);
	fclose(file);
}

TEST(accepts_chains_of_sixteen) {
	struct tls_server *tls = NULL;
	const char *message = NULL;
	write_pair("cert", "key", "one");
	write_chain("chain", 15);
	CHECK_INT(tls_server_new(path_of("chain"), path_of("key"), &tls, &message), 0);
	tls_server_free(tls);
}

TEST(reports_what_is_wrong_with_files) {
	static const struct {
		const char *certificate, *key, *ending;
	} cases[] = {
	    {"none", "key", "/none: No such file or directory"},
	    {"cert", "none", "/none: No such file or directory"},
	    {"", "key", "/: Is a directory"},
	    {"cert", "", "/: Is a directory"},
	    {"text", "key", "/text: no certificate in PEM form, or one that is not accepted"},
	    {"key", "key", "/key: no certificate in PEM form, or one that is not accepted"},
	    {"cert", "text", "/text: no private key in PEM form"},
	    {"cert", "cert", "/cert: no private key in PEM form"},
	    {"cert", "other", "/other: the key is not the certificate's"},
	    {"cert", "locked", "/locked: the key is encrypted"},
	    {"pipe", "key", "/pipe: expected a regular file, found a pipe or a device"},
	    {"cert", "pipe", "/pipe: expected a regular file, found a pipe or a device"},
	    {"large", "key", "/large: expected a file of at most 1 MiB, found a larger one"},
	    {"cert", "large", "/large: expected a file of at most 1 MiB, found a larger one"},
	    {"chain", "key", "/chain: expected a chain of at most 16 certificates, found more"},
	    {"damaged", "key", "/damaged: a certificate of the chain is damaged"},
	    {"rsa1024", "key", "/rsa1024: expected an RSA key of 2048 to 4096 bits, found 1024"},
	    {"rsa8192", "key", "/rsa8192: expected an RSA key of 2048 to 4096 bits, found 8192"},
	    {"rsa16384", "key", "/rsa16384: expected an RSA key of 2048 to 4096 bits, found 16384"},
	};
	write_pair("cert", "key", "one");
	write_pair("cert2", "other", "two");
	write_text("text", "no PEM\n");
	write_chain("chain", 16);
	write_chain("damaged", 1);
	CHECK_INT(truncate(path_of("damaged"), 900), 0);
	write_large("large");
	write_rsa("rsa1024", 1024);
	write_rsa("rsa8192", 8192);
	write_rsa("rsa16384", 16384);
	CHECK_INT(mkfifo(path_of("pipe"), 0600), 0);
	EVP_PKEY *key = EVP_EC_gen("P-256");
	FILE *file = fopen(path_of("locked"), "w");
	PEM_write_PrivateKey(file, key, EVP_aes_128_cbc(), (const unsigned char *)"pass", 4, NULL, NULL);
	fclose(file);
	EVP_PKEY_free(key);
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct tls_server *tls = NULL;
		const char *message = "";
		CHECK_INT(tls_server_new(path_of(cases[i].certificate), path_of(cases[i].key), &tls, &message), ERROR_INVALID);
		CHECK(tls == NULL);
		if (!slice_ends(slice_from(message), slice_from(cases[i].ending)))
			CHECK_STRING(message, cases[i].ending);
	}
}

// A client that sends nothing, half of a ClientHello, or no TLS at all.
TEST(ends_handshakes_without_progress) {
	static const struct slice cases[] = {TEXT(""), TEXT("\x16\x03\x01\x02\x00\x01\x00"), TEXT(GET("/a"))};
	static const struct server_timeouts timeouts = {50, 30000, 30000, 30000};
	struct tls_server *tls = tls_of_files();
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct served served;
		struct client client;
		start_with_tls(&served, &timeouts, tls);
		client_adopt(&client, &served, connect_to(server_address(served.server, 1)));
		client_send(&client, cases[i]);
		UNTIL(&served, client.ended || client.broken);
		CHECK_INT(server_connections(served.server), 0);
		CHECK_INT(served.requests, 0);
		client_close(&client);
		served_stop(&served);
	}
	tls_server_free(tls);
}

// A hundred handshakes begin at once, the others as time passes; clients without TLS don't wait for them.
TEST(limits_the_rate_of_handshakes) {
	enum { CROWD = 130 };
	static const struct server_limits limits = {.header_bytes = 4096, .body_bytes = 1000, .connections = 1000};
	struct tls_server *tls = tls_of_files();
	struct served served;
	struct client crowd[CROWD], plain;
	const char *message;
	served_start(&served, &limits, &patient, NULL);
	CHECK_INT(server_listen_tls(served.server, "127.0.0.1:0", false, tls, &message), 0);
	for (int i = 0; i < CROWD; i++)
		client_adopt(&crowd[i], &served, connect_to(server_address(served.server, 1)));
	uint64_t began_ms = loop_now_ms(served.loop);
	size_t most = 0;
	while (server_connections(served.server) > most || most == 0) {
		most = server_connections(served.server);
		uv_run(loop_uv(served.loop), UV_RUN_NOWAIT);
		if (loop_now_ms(served.loop) == began_ms)
			CHECK(server_connections(served.server) <= 100);
	}
	client_open(&plain, &served);
	client_send(&plain, SLICE(GET("/a")));
	GOT(&plain, "200 /a|");
	UNTIL(&served, server_connections(served.server) == CROWD + 1);
	CHECK(loop_now_ms(served.loop) - began_ms >= (CROWD - 100) * 1000 / 500 - 2);
	client_close(&plain);
	for (int i = 0; i < CROWD; i++)
		client_close(&crowd[i]);
	served_stop(&served);
	tls_server_free(tls);
}

enum { STEP_US = 2000 };

static uint64_t clock_reads;

// The clock is read before and after each step.
static uint64_t read_used_ns(void) {
	return ++clock_reads * STEP_US * 1000;
}

// However many clients say hello at once, their handshakes take no more than the burst before others have their turn.
TEST(limits_the_time_that_handshakes_take) {
	enum { CROWD = 20, STEPS = 2 * CROWD };
	struct tls_server *tls = tls_of_files();
	struct served served;
	struct visitor crowd[CROWD] = {0};
	struct client plain;
	bool was_behind = false;
	int beyond = 0;
	start_with_tls(&served, &patient, tls);
	client_open(&plain, &served);
	served.server->handshake_pace.used_ns = read_used_ns;
	uint64_t began_ms = loop_now_ms(served.loop);
	for (int i = 0; i < CROWD; i++)
		visitor_start(&crowd[i], &served, server_address(served.server, 1), TLS1_3_VERSION, NULL, NULL);
	while (!served.late && clock_reads / 2 < STEPS) {
		uv_run(loop_uv(served.loop), UV_RUN_NOWAIT);
		uint64_t allowed_us = HANDSHAKE_BURST_US + (loop_now_ms(served.loop) - began_ms) * HANDSHAKE_US_PER_MS;
		beyond += clock_reads / 2 * STEP_US >= allowed_us + STEP_US;
		if (!was_behind && handshake_pace_is_behind(&served.server->handshake_pace)) {
			was_behind = true;
			client_send(&plain, SLICE(GET("/a")));
			GOT(&plain, "200 /a|");
		}
	}
	CHECK(was_behind);
	CHECK_INT(beyond, 0);
	for (int i = 0; i < CROWD; i++) {
		CHECK(crowd[i].is_open);
		visitor_close(&crowd[i]);
	}
	client_close(&plain);
	served_stop(&served);
	tls_server_free(tls);
}

TEST(closes_within_a_handshake) {
	struct tls_server *tls = tls_of_files();
	struct served served;
	struct visitor visitor = {0};
	start_with_tls(&served, &patient, tls);
	visitor_start(&visitor, &served, server_address(served.server, 1), TLS1_3_VERSION, NULL, NULL);
	UNTIL(&served, server_connections(served.server) == 1);
	server_close(served.server);
	served.server = NULL;
	UNTIL(&served, visitor.is_over);
	CHECK(!visitor.is_open);
	visitor_close(&visitor);
	served_stop(&served);
	tls_server_free(tls);
}

int main(void) {
	signal(SIGPIPE, SIG_DFL);
	CHECK(mkdtemp(folder) != NULL);
	authority_init(&authority);
	RUN(speaks_the_protocol_of_the_handshake);
	RUN(agrees_on_keys_over_few_groups);
	RUN(carries_large_bodies_both_ways);
	RUN(resumes_sessions_at_any_worker_until_the_certificate_is_read_again);
	RUN(changes_certificates_while_connections_live);
	RUN(accepts_chains_of_sixteen);
	RUN(reports_what_is_wrong_with_files);
	RUN(ends_handshakes_without_progress);
	RUN(limits_the_rate_of_handshakes);
	RUN(limits_the_time_that_handshakes_take);
	RUN(closes_within_a_handshake);
	authority_free(&authority);
	static const char *const names[] = {"cert",    "key",   "other",   "cert2",   "text",     "locked", "chain",
	                                    "damaged", "large", "rsa1024", "rsa8192", "rsa16384", "pipe"};
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		unlink(path_of(names[i]));
	rmdir(folder);
	return check_summary();
}
