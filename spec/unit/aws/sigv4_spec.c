// SPDX-License-Identifier: Apache-2.0
// What the signing vectors don't cover: the cache of keys, limits, bearer tokens, wiping, verification.
#include "aws/sigv4.h"

#include <stdlib.h>

#include "../check.h"
#include "aws/sigv4_state.h"
#include "base/error.h"

enum { WALL_S = 1772600767 }; // 2026-03-04T05:06:07Z

static const struct sigv4_scope SCOPE = {{"us-east-1", 9}, {"bedrock", 7}};

struct fixture {
	struct sigv4_signer *signer;
	struct credentials *credentials;
	struct buffer value;
	struct sigv4_authorization authorization;
	char hash[SIGV4_HEX_BYTES];
	struct header list[8];
	struct sigv4_request request;
	struct slice body;
};

static void fixture_open(struct fixture *fixture, const char *token) {
	*fixture = (struct fixture){.signer = sigv4_signer_new(), .body = SLICE("{\"messages\":[]}")};
	fixture->credentials = credentials_new("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", token, NULL);
	buffer_init(&fixture->value, 4096);
	fixture->authorization.value = &fixture->value;
	CHECK_INT(sigv4_hash_payload(fixture->signer, fixture->body, fixture->hash), 0);
	fixture->list[0] = (struct header){SLICE("Content-Type"), SLICE("application/json")};
	fixture->request = (struct sigv4_request){
	    .method = SLICE("POST"),
	    .path = SLICE("/model/amazon.nova-lite-v1%3A0/converse"),
	    .host = SLICE("bedrock-runtime.us-east-1.amazonaws.com"),
	    .headers = {fixture->list, 1},
	    .payload_sha256 = fixture->hash,
	};
}

static void fixture_close(struct fixture *fixture) {
	credentials_release(fixture->credentials);
	buffer_free(&fixture->value);
	sigv4_signer_free(fixture->signer);
}

static int authorize(struct fixture *fixture, struct credentials *credentials, int64_t wall_s) {
	return sigv4_authorize(fixture->signer, &fixture->request, credentials, SCOPE, wall_s, &fixture->authorization);
}

TEST(prefers_bearer_tokens) {
	struct fixture fixture;
	fixture_open(&fixture, NULL);
	struct credentials *bearer = credentials_new("key", "secret", "session", "token-1");
	CHECK_INT(authorize(&fixture, bearer, WALL_S), 0);
	CHECK_SLICE(buffer_slice(&fixture.value), SLICE("Bearer token-1"));
	CHECK_STRING(fixture.authorization.date, "");
	CHECK(!fixture.authorization.session_token);
	credentials_release(bearer);
	fixture_close(&fixture);
}

TEST(caches_keys_for_a_day) {
	struct fixture fixture;
	fixture_open(&fixture, NULL);
	CHECK_INT(authorize(&fixture, fixture.credentials, WALL_S), 0);
	CHECK_STRING(fixture.authorization.date, "20260304T050607Z");
	CHECK_INT(authorize(&fixture, fixture.credentials, WALL_S + 3600), 0);
	CHECK_INT(fixture.signer->keys.derivations, 1);
	CHECK_INT(authorize(&fixture, fixture.credentials, WALL_S + 86400), 0);
	CHECK_INT(fixture.signer->keys.derivations, 2);
	// The new day has replaced the old one: one slot is in use.
	int used = 0;
	for (int i = 0; i < SIGNING_KEYS_SLOTS; i++)
		used += fixture.signer->keys.slots[i].credentials != NULL;
	CHECK_INT(used, 1);
	fixture_close(&fixture);
}

// The same access key id with another secret must not be signed with the old secret's key.
TEST(detects_a_changed_secret) {
	struct fixture fixture;
	char first[256];
	fixture_open(&fixture, NULL);
	struct credentials *changed = credentials_new("AKIDEXAMPLE", "another-secret", NULL, NULL);
	struct credentials *same = credentials_new("AKIDEXAMPLE", "another-secret", NULL, NULL);
	authorize(&fixture, fixture.credentials, WALL_S);
	snprintf(first, sizeof first, "%.*s", SLICE_ARGS(slice_from_offset(buffer_slice(&fixture.value), 100)));
	authorize(&fixture, changed, WALL_S);
	CHECK(!slice_equal(slice_from_offset(buffer_slice(&fixture.value), 100), slice_from(first)));
	CHECK_INT(fixture.signer->keys.derivations, 2);
	authorize(&fixture, same, WALL_S); // a reload creates other objects with the same content
	CHECK_INT(fixture.signer->keys.derivations, 2);
	authorize(&fixture, fixture.credentials, WALL_S);
	CHECK(slice_equal(slice_from_offset(buffer_slice(&fixture.value), 100), slice_from(first)));
	credentials_release(changed);
	credentials_release(same);
	fixture_close(&fixture);
}

// More scopes than slots: all of them sign, and an evicted slot releases its credentials.
TEST(evicts_and_releases) {
	struct fixture fixture;
	fixture_open(&fixture, NULL);
	for (int round = 0; round < 3; round++) {
		for (int i = 0; i < SIGNING_KEYS_SLOTS + 8; i++) {
			char region[32];
			snprintf(region, sizeof region, "region-%d", i);
			struct sigv4_scope scope = {slice_from(region), SLICE("bedrock")};
			CHECK_INT(sigv4_authorize(fixture.signer, &fixture.request, fixture.credentials, scope, WALL_S,
			                          &fixture.authorization),
			          0);
		}
	}
	CHECK_INT(fixture.credentials->references, SIGNING_KEYS_SLOTS + 1);
	credentials_retain(fixture.credentials);
	struct credentials *credentials = fixture.credentials;
	fixture_close(&fixture);
	CHECK_INT(credentials->references, 1);
	credentials_release(credentials);
}

TEST(wipes_tokens) {
	struct fixture fixture;
	fixture_open(&fixture, "SESSION-TOKEN-TO-HIDE");
	CHECK_INT(authorize(&fixture, fixture.credentials, WALL_S), 0);
	CHECK_STRING(fixture.authorization.session_token, "SESSION-TOKEN-TO-HIDE");
	const struct buffer *scratch = &fixture.signer->stages.canonical_request;
	CHECK_INT(scratch->len, 0);
	bool wiped = true;
	for (size_t i = 0; i < 256; i++)
		wiped = wiped && scratch->ptr[i] == 0;
	CHECK(wiped);
	CHECK(!memmem(fixture.value.ptr, fixture.value.len, "TO-HIDE", 7));
	fixture_close(&fixture);
}

struct date_row {
	int64_t wall_s;
	const char *date; // NULL: refused
};

static const struct date_row DATES[] = {
    {0, "19700101T000000Z"},
    {951782399, "20000228T235959Z"},
    {951782400, "20000229T000000Z"},
    {1709164800, "20240229T000000Z"},
    {1735689599, "20241231T235959Z"},
    {4107542400, "21000301T000000Z"},
    {253402300799, "99991231T235959Z"},
    {253402300800, NULL},
    {-1, NULL},
    {INT64_MAX, NULL},
    {INT64_MIN, NULL},
};

TEST(formats_dates) {
	struct fixture fixture;
	fixture_open(&fixture, NULL);
	for (size_t i = 0; i < sizeof DATES / sizeof DATES[0]; i++) {
		CHECK_INT(authorize(&fixture, fixture.credentials, DATES[i].wall_s), DATES[i].date ? 0 : ERROR_INVALID);
		CHECK_STRING(fixture.authorization.date, DATES[i].date ? DATES[i].date : "");
	}
	fixture_close(&fixture);
}

TEST(refuses_too_large_requests) {
	static struct header many[CANONICAL_HEADERS + 1];
	struct fixture fixture;
	char region[65];
	fixture_open(&fixture, NULL);
	memset(region, 'r', sizeof region);
	struct sigv4_scope scope = {slice_of(region, 64), SLICE("bedrock")};
	CHECK_INT(
	    sigv4_authorize(fixture.signer, &fixture.request, fixture.credentials, scope, WALL_S, &fixture.authorization),
	    ERROR_LIMIT);
	for (size_t i = 0; i < CANONICAL_HEADERS + 1; i++)
		many[i] = (struct header){SLICE("x"), SLICE("y")};
	fixture.request.headers = (struct headers){many, CANONICAL_HEADERS - 1}; // host and date are two more
	CHECK_INT(authorize(&fixture, fixture.credentials, WALL_S), ERROR_LIMIT);
	fixture.request.headers.count = CANONICAL_HEADERS - 2;
	CHECK_INT(authorize(&fixture, fixture.credentials, WALL_S), 0);
	buffer_free(&fixture.value);
	buffer_init(&fixture.value, 100);
	CHECK_INT(authorize(&fixture, fixture.credentials, WALL_S), ERROR_LIMIT);
	CHECK_STRING(fixture.authorization.date, "");
	size_t large = CANONICAL_BYTES;
	char *path = malloc(large);
	memset(path, '%', large);
	fixture.request.path = slice_of(path, large);
	CHECK_INT(authorize(&fixture, fixture.credentials, WALL_S), ERROR_LIMIT);
	free(path);
	fixture_close(&fixture);
}

struct query_row {
	const char *query;
	const char *canonical;
};

static const struct query_row QUERIES[] = {
    {"", ""},
    {"a", "a="},
    {"a=", "a="},
    {"=", "="},
    {"&&a=1&", "a=1"},
    {"b=2&a=1", "a=1&b=2"},
    {"a=2&a=1&a", "a=&a=1&a=2"},
    {"a-=1&a=2", "a=2&a-=1"}, // by name first, not as one text
    {"a=b=c", "a=b%3Dc"},
    {"A=1&a=1&%41=0", "A=0&A=1&a=1"},
    {"a=%2f%2F/", "a=%2F%2F%2F"},
    {"a=%zz%", "a=%25zz%25"},
    {"a=+ ", "a=%2B%20"},
};

TEST(canonicalises_queries) {
	struct fixture fixture;
	fixture_open(&fixture, NULL);
	for (size_t i = 0; i < sizeof QUERIES / sizeof QUERIES[0]; i++) {
		static const struct sigv4_options plain = {0};
		const struct sigv4_stages *stages;
		char expected[128];
		fixture.request.query = slice_from(QUERIES[i].query);
		CHECK_INT(sigv4_sign(fixture.signer, &fixture.request, fixture.credentials, SCOPE, &plain, WALL_S, &stages), 0);
		int len = snprintf(expected, sizeof expected, "POST\n/model/amazon.nova-lite-v1%%253A0/converse\n%s\n",
		                   QUERIES[i].canonical);
		CHECK_SLICE(slice_of(stages->canonical_request.ptr, (size_t)len), slice_of(expected, (size_t)len));
	}
	fixture_close(&fixture);
}

static struct credentials *lookup(void *owner, struct slice access_key_id) {
	struct credentials *credentials = owner;
	return slice_equal(slice_from(credentials->access_key_id), access_key_id) ? credentials : NULL;
}

// A received request, which a test may change after it was signed.
struct received {
	struct slice method, path, query, body;
	struct header list[8];
	size_t count;
	int64_t wall_s;
	char authorization[1024];
};

static void receive(struct fixture *fixture, struct received *received) {
	CHECK_INT(authorize(fixture, fixture->credentials, WALL_S), 0);
	*received = (struct received){fixture->request.method, fixture->request.path, fixture->request.query, fixture->body,
	                              .wall_s = WALL_S};
	snprintf(received->authorization, sizeof received->authorization, "%.*s",
	         SLICE_ARGS(buffer_slice(&fixture->value)));
	struct header *list = received->list;
	list[0] = (struct header){SLICE("HOST"), fixture->request.host};
	list[1] = (struct header){SLICE("X-Amz-Date"), slice_from(fixture->authorization.date)};
	list[2] = (struct header){SLICE("Authorization"), slice_from(received->authorization)};
	list[3] = fixture->list[0];
	list[4] = (struct header){SLICE("user-agent"), SLICE("unsigned")};
	list[5] = (struct header){SLICE("x-amz-security-token"), slice_from(fixture->credentials->session_token)};
	received->count = fixture->credentials->session_token ? 6 : 5;
}

static struct sigv4_received as_received_of(const struct received *received) {
	return (struct sigv4_received){
	    received->method, received->path,   received->query, {received->list, received->count},
	    received->body,   received->wall_s,
	};
}

static enum sigv4_verdict verify(struct fixture *fixture, const struct received *received) {
	const struct sigv4_received as_received = as_received_of(received);
	return sigv4_verify(fixture->signer, &as_received, SCOPE, lookup, fixture->credentials);
}

TEST(verifies) {
	struct fixture fixture;
	struct received received;
	for (int with_token = 0; with_token < 2; with_token++) {
		fixture_open(&fixture, with_token ? "session" : NULL);
		receive(&fixture, &received);
		CHECK_INT(verify(&fixture, &received), SIGV4_GOOD);
		received.wall_s = WALL_S + 300;
		CHECK_INT(verify(&fixture, &received), SIGV4_GOOD);
		received.wall_s = WALL_S + 301;
		CHECK_INT(verify(&fixture, &received), SIGV4_EXPIRED);
		received.wall_s = WALL_S - 301;
		CHECK_INT(verify(&fixture, &received), SIGV4_EXPIRED);
		fixture_close(&fixture);
	}
}

#define CLAIM "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20260304/us-east-1/bedrock/aws4_request, SignedHeaders="
#define SIGNATURE ", Signature=0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

TEST(detects_every_change) {
	struct fixture fixture;
	struct received good, received;
	fixture_open(&fixture, NULL);
	receive(&fixture, &good);
#define CHANGED(change, verdict)                                                                                       \
	do {                                                                                                               \
		received = good;                                                                                               \
		received.list[2].value = slice_from(received.authorization);                                                   \
		change;                                                                                                        \
		CHECK_INT(verify(&fixture, &received), verdict);                                                               \
	} while (0)
	CHANGED((void)0, SIGV4_GOOD);
	CHANGED(received.method = SLICE("PUT"), SIGV4_MISMATCH);
	CHANGED(received.path = SLICE("/model/amazon.nova-lite-v1:0/converse"), SIGV4_MISMATCH);
	CHANGED(received.query = SLICE("a=b"), SIGV4_MISMATCH);
	CHANGED(received.body = SLICE("{}"), SIGV4_MISMATCH);
	CHANGED(received.list[0].value = SLICE("other"), SIGV4_MISMATCH);
	CHANGED(received.list[3].value = SLICE("text/plain"), SIGV4_MISMATCH);
	CHANGED(received.list[1].value = SLICE("20260304T050608Z"), SIGV4_MISMATCH);
	CHANGED(received.list[4].value = SLICE("another"), SIGV4_GOOD);
	CHANGED(received.authorization[strlen(received.authorization) - 1] ^= 1, SIGV4_MISMATCH);
	// Parts that are missing or malformed.
	CHANGED(received.list[2].name = SLICE("x"), SIGV4_MISSING);
	CHANGED(received.list[1].name = SLICE("x"), SIGV4_INCOMPLETE);
	CHANGED(received.list[0].name = SLICE("x"), SIGV4_INCOMPLETE);
	CHANGED(received.list[1].value = SLICE("2026-03-04"), SIGV4_INCOMPLETE);
	CHANGED(received.list[1].value = SLICE("20261304T050607Z"), SIGV4_INCOMPLETE);
	CHANGED(received.list[2].value = SLICE(""), SIGV4_INCOMPLETE);
	CHANGED(received.list[2].value = SLICE("Bearer x"), SIGV4_INCOMPLETE);
	CHANGED(received.list[2].value = SLICE("AWS4-HMAC-SHA256 "), SIGV4_INCOMPLETE);
	CHANGED(received.list[2].value.len -= 1, SIGV4_INCOMPLETE);
	CHANGED(received.list[2].value = SLICE(CLAIM "host;x-amz-date" SIGNATURE), SIGV4_MISMATCH);
	CHANGED(received.list[2].value = SLICE(CLAIM "host" SIGNATURE), SIGV4_INCOMPLETE);
	CHANGED(received.list[2].value = SLICE(CLAIM "x-amz-date" SIGNATURE), SIGV4_INCOMPLETE);
	CHANGED(received.list[2].value = SLICE(CLAIM "host;none;x-amz-date" SIGNATURE), SIGV4_INCOMPLETE);
	CHANGED(received.list[2].value = SLICE(CLAIM "host;x-amz-date" SIGNATURE ", Signature=x"), SIGV4_INCOMPLETE);
	CHANGED(received.list[2].value = SLICE("AWS4-HMAC-SHA256 Credential=a/b, SignedHeaders=host" SIGNATURE),
	        SIGV4_INCOMPLETE);
	// The key and the token.
	CHANGED(received.authorization[strlen("AWS4-HMAC-SHA256 Credential=")] = 'B', SIGV4_UNKNOWN_KEY);
	CHANGED(received.list[4] = ((struct header){SLICE("X-Amz-Security-Token"), SLICE("t")}), SIGV4_BAD_TOKEN);
	fixture_close(&fixture);
	fixture_open(&fixture, "session");
	receive(&fixture, &good);
	CHANGED(received.list[5].value = SLICE("sessiom"), SIGV4_BAD_TOKEN);
	CHANGED(received.list[5].value = SLICE("session2"), SIGV4_BAD_TOKEN);
	CHANGED(received.list[5].value = SLICE(""), SIGV4_BAD_TOKEN);
	fixture_close(&fixture);
}

// The SDK for JavaScript signs `:authority` instead of `host` for HTTP/2. The signature was made by that SDK
// (@smithy/signature-v4 3.1.2).
TEST(accepts_authority_as_host) {
	struct fixture fixture;
	fixture_open(&fixture, NULL);
	struct received received = {
	    .method = fixture.request.method,
	    .path = fixture.request.path,
	    .body = fixture.body,
	    .wall_s = WALL_S,
	    .count = 5,
	    .list =
	        {
	            {SLICE("host"), fixture.request.host},
	            fixture.list[0],
	            {SLICE("x-amz-date"), SLICE("20260304T050607Z")},
	            {SLICE("x-amz-content-sha256"), slice_from(fixture.hash)},
	            {SLICE("authorization"),
	             SLICE(CLAIM ":authority;content-type;x-amz-content-sha256;x-amz-date, "
	                         "Signature=287d78c0aab184c5011a824a0f3edccc44d01c1928c5e68eb5606c8a676effad")},
	        },
	};
	CHECK_INT(verify(&fixture, &received), SIGV4_GOOD);
	received.list[0].value = SLICE("bedrock-runtime.us-east-2.amazonaws.com");
	CHECK_INT(verify(&fixture, &received), SIGV4_MISMATCH);
	received.list[0] = (struct header){SLICE(":authority"), fixture.request.host};
	CHECK_INT(verify(&fixture, &received), SIGV4_INCOMPLETE);
	fixture_close(&fixture);
}

TEST(accepts_any_region_without_a_region_in_the_scope) {
	struct fixture fixture;
	struct received received;
	fixture_open(&fixture, NULL);
	receive(&fixture, &received);
	const struct sigv4_received as_received = as_received_of(&received);
	struct sigv4_scope any = {.service = SLICE("bedrock")}, other = {SLICE("us-east-2"), SLICE("bedrock")};
	CHECK_INT(sigv4_verify(fixture.signer, &as_received, any, lookup, fixture.credentials), SIGV4_GOOD);
	CHECK_INT(sigv4_verify(fixture.signer, &as_received, other, lookup, fixture.credentials), SIGV4_MISMATCH);
	any.service = SLICE("s3");
	CHECK_INT(sigv4_verify(fixture.signer, &as_received, any, lookup, fixture.credentials), SIGV4_MISMATCH);
	fixture_close(&fixture);
}

// A payload hash with a valid signature that is not the hash of the body.
TEST(detects_another_body) {
	struct fixture fixture;
	struct received received;
	fixture_open(&fixture, NULL);
	fixture.list[1] = (struct header){SLICE("x-amz-content-sha256"), slice_from(fixture.hash)};
	fixture.request.headers.count = 2;
	receive(&fixture, &received);
	received.list[4] = fixture.list[1];
	CHECK_INT(verify(&fixture, &received), SIGV4_GOOD);
	received.body = SLICE("{\"messages\":[1]}");
	CHECK_INT(verify(&fixture, &received), SIGV4_PAYLOAD_MISMATCH);
	received.list[4].value = SLICE("UNSIGNED-PAYLOAD");
	CHECK_INT(verify(&fixture, &received), SIGV4_MISMATCH);
	fixture_close(&fixture);
}

TEST(every_verdict_has_a_refusal) {
	for (int verdict = SIGV4_MISSING; verdict <= SIGV4_FAILED; verdict++) {
		const struct sigv4_refusal *refusal = sigv4_verdict_refusal((enum sigv4_verdict)verdict);
		CHECK(refusal->status >= 400 && refusal->exception[0] && refusal->message[0]);
	}
}

int main(void) {
	RUN(prefers_bearer_tokens);
	RUN(caches_keys_for_a_day);
	RUN(detects_a_changed_secret);
	RUN(evicts_and_releases);
	RUN(wipes_tokens);
	RUN(formats_dates);
	RUN(refuses_too_large_requests);
	RUN(canonicalises_queries);
	RUN(verifies);
	RUN(detects_every_change);
	RUN(accepts_authority_as_host);
	RUN(accepts_any_region_without_a_region_in_the_scope);
	RUN(detects_another_body);
	RUN(every_verdict_has_a_refusal);
	return check_summary();
}
