// SPDX-License-Identifier: Apache-2.0
// Sessions resume across one renewal of the ticket key but not across two; contexts share no key. In virtual time.
#include "net/ticket_keys.h"

#include <openssl/ssl.h>

#include "../check.h"
#include "certificates.h"

static uint64_t now_ms;

static uint64_t clock_of_spec(void) {
	return now_ms;
}

static struct authority authority;

static SSL_CTX *server_context(int version) {
	SSL_CTX *context = authority_server(&authority, "DNS:localhost", 24);
	SSL_CTX_set_max_proto_version(context, version);
	SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
	ticket_keys_attach(context, clock_of_spec);
	return context;
}

static SSL_SESSION *latest;

static int on_session(SSL *connection, SSL_SESSION *session) {
	(void)connection;
	SSL_SESSION_free(latest);
	latest = session;
	return 1;
}

// A whole connection in memory. Returns whether it resumed `session`; `latest` is the session to resume next.
static bool connect_with(SSL_CTX *server_side, SSL_SESSION *session) {
	SSL_CTX *client_side = SSL_CTX_new(TLS_client_method());
	SSL_CTX_set_session_cache_mode(client_side, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
	SSL_CTX_sess_set_new_cb(client_side, on_session);
	SSL *client = SSL_new(client_side), *server = SSL_new(server_side);
	BIO *ends[2];
	char byte = 'x';
	BIO_new_bio_pair(&ends[0], 1 << 16, &ends[1], 1 << 16);
	SSL_set_bio(client, ends[0], ends[0]);
	SSL_set_bio(server, ends[1], ends[1]);
	SSL_set_connect_state(client);
	SSL_set_accept_state(server);
	if (session)
		SSL_set_session(client, session);
	for (int turn = 0; turn < 10; turn++) {
		SSL_do_handshake(client);
		SSL_do_handshake(server);
	}
	CHECK(SSL_is_init_finished(client) && SSL_is_init_finished(server));
	// Tickets of TLS 1.3 are read after the handshake.
	CHECK_INT(SSL_write(server, &byte, 1), 1);
	CHECK_INT(SSL_read(client, &byte, 1), 1);
	bool is_resumed = SSL_session_reused(client);
	// OpenSSL doesn't report a new ticket of TLS 1.2 that came while resuming either.
	if (!latest)
		latest = SSL_get1_session(client);
	SSL_shutdown(client);
	SSL_free(client);
	SSL_free(server);
	SSL_CTX_free(client_side);
	return is_resumed;
}

static SSL_SESSION *take_latest(void) {
	SSL_SESSION *session = latest;
	latest = NULL;
	return session;
}

TEST(a_key_decrypts_tickets_for_two_lives_and_no_longer) {
	static const struct {
		uint64_t after_ms;
		bool resumes;
	} cases[] = {
	    {0, true},
	    {TICKET_KEY_LIFE_MS - 1, true},
	    {TICKET_KEY_LIFE_MS, true},
	    {2 * (uint64_t)TICKET_KEY_LIFE_MS - 1, true},
	    {2 * (uint64_t)TICKET_KEY_LIFE_MS, false},
	    {20 * (uint64_t)TICKET_KEY_LIFE_MS, false},
	};
	for (int version = TLS1_2_VERSION; version <= TLS1_3_VERSION; version++) {
		for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
			now_ms = 1000;
			SSL_CTX *context = server_context(version);
			CHECK(!connect_with(context, NULL));
			SSL_SESSION *session = take_latest();
			now_ms += cases[i].after_ms;
			CHECK_INT(connect_with(context, session), cases[i].resumes);
			SSL_SESSION_free(session);
			SSL_SESSION_free(take_latest());
			SSL_CTX_free(context);
		}
	}
}

// A client that keeps reconnecting never needs a whole handshake.
TEST(a_ticket_of_the_previous_key_is_replaced) {
	for (int version = TLS1_2_VERSION; version <= TLS1_3_VERSION; version++) {
		now_ms = 0;
		SSL_CTX *context = server_context(version);
		connect_with(context, NULL);
		for (int visit = 0; visit < 6; visit++) {
			SSL_SESSION *session = take_latest();
			now_ms += TICKET_KEY_LIFE_MS;
			CHECK(session && connect_with(context, session));
			SSL_SESSION_free(session);
		}
		SSL_SESSION_free(take_latest());
		SSL_CTX_free(context);
	}
}

// A second renewal removes the previous key, however recent its last ticket is.
TEST(two_changes_end_the_tickets_before_the_first) {
	now_ms = 0;
	SSL_CTX *context = server_context(TLS1_3_VERSION);
	now_ms = TICKET_KEY_LIFE_MS - 1;
	connect_with(context, NULL);
	SSL_SESSION *old = take_latest();
	now_ms += 1;
	connect_with(context, NULL);
	now_ms += TICKET_KEY_LIFE_MS;
	CHECK(!connect_with(context, old));
	SSL_SESSION_free(old);
	SSL_SESSION_free(take_latest());
	SSL_CTX_free(context);
}

// Without connections the key is renewed late, which doesn't prolong the life of the previous one.
TEST(a_late_change_keeps_no_key_longer) {
	now_ms = 0;
	SSL_CTX *context = server_context(TLS1_3_VERSION);
	connect_with(context, NULL);
	SSL_SESSION *old = take_latest();
	now_ms = 2 * (uint64_t)TICKET_KEY_LIFE_MS - 1;
	CHECK(!connect_with(context, NULL));
	SSL_SESSION *young = take_latest();
	now_ms += 1;
	CHECK(!connect_with(context, old));
	CHECK(connect_with(context, young));
	SSL_SESSION_free(old);
	SSL_SESSION_free(young);
	SSL_SESSION_free(take_latest());
	SSL_CTX_free(context);
}

TEST(contexts_have_keys_of_their_own) {
	now_ms = 0;
	SSL_CTX *one = server_context(TLS1_3_VERSION), *other = server_context(TLS1_3_VERSION);
	connect_with(one, NULL);
	SSL_SESSION *session = take_latest();
	CHECK(!connect_with(other, session));
	SSL_SESSION_free(session);
	SSL_SESSION_free(take_latest());
	SSL_CTX_free(one);
	SSL_CTX_free(other);
}

int main(void) {
	authority_init(&authority);
	RUN(a_key_decrypts_tickets_for_two_lives_and_no_longer);
	RUN(a_ticket_of_the_previous_key_is_replaced);
	RUN(two_changes_end_the_tickets_before_the_first);
	RUN(a_late_change_keeps_no_key_longer);
	RUN(contexts_have_keys_of_their_own);
	authority_free(&authority);
	return check_summary();
}
