// SPDX-License-Identifier: Apache-2.0
#include "aws/endpoint.h"

#include "../check.h"
#include "base/error.h"

struct parse_row {
	const char *url;
	const char *authority; // NULL: refused, and *expected holds `host`
	const char *host;
	int port;
	const char *base_path;
	bool loopback;
};

static const struct parse_row PARSE[] = {
    {"https://example.com", "example.com", "example.com", 443, "", false},
    {"http://example.com/", "example.com", "example.com", 80, "", false},
    {"HTTPS://Example.com:443", "Example.com", "Example.com", 443, "", false},
    {"https://example.com:8443/prefix/", "example.com:8443", "example.com", 8443, "/prefix", false},
    {"http://localhost:4566", "localhost:4566", "localhost", 4566, "", true},
    {"http://LOCALHOST", "LOCALHOST", "LOCALHOST", 80, "", true},
    {"http://a.localhost:1", "a.localhost:1", "a.localhost", 1, "", true},
    {"http://notlocalhost", "notlocalhost", "notlocalhost", 80, "", false},
    {"http://localhost.example.com", "localhost.example.com", "localhost.example.com", 80, "", false},
    {"http://127.0.0.1:8080/a/b", "127.0.0.1:8080", "127.0.0.1", 8080, "/a/b", true},
    {"http://127.255.0.9", "127.255.0.9", "127.255.0.9", 80, "", true},
    {"http://127.0.0.1.example.com", "127.0.0.1.example.com", "127.0.0.1.example.com", 80, "", false},
    {"http://10.0.0.1", "10.0.0.1", "10.0.0.1", 80, "", false},
    {"http://[::1]:9", "[::1]:9", "::1", 9, "", true},
    {"https://[2001:db8::1]", "[2001:db8::1]", "2001:db8::1", 443, "", false},
    {"http://[::ffff:127.0.0.1]", "[::ffff:127.0.0.1]", "::ffff:127.0.0.1", 80, "", true},
    {"http://my_service:80", "my_service", "my_service", 80, "", false},
    {"https://h:80", "h:80", "h", 80, "", false},

    {"", NULL, "https://", 0, NULL, false},
    {"example.com", NULL, "https://", 0, NULL, false},
    {"ftp://example.com", NULL, "https://", 0, NULL, false},
    {"unix:/run/x", NULL, "https://", 0, NULL, false},
    {"https://", NULL, "host name", 0, NULL, false},
    {"https:///path", NULL, "host name", 0, NULL, false},
    {"https://a..b", NULL, "host name", 0, NULL, false},
    {"https://-a", NULL, "host name", 0, NULL, false},
    {"https://a b", NULL, "host name", 0, NULL, false},
    {"https://::1", NULL, "host name", 0, NULL, false},
    {"https://[::1", NULL, "host name", 0, NULL, false},
    {"https://[x]", NULL, "host name", 0, NULL, false},
    {"https://[]", NULL, "host name", 0, NULL, false},
    {"https://[::1]x", NULL, "port", 0, NULL, false},
    {"https://user:secret@example.com", NULL, "without user name", 0, NULL, false},
    {"https://h:", NULL, "port", 0, NULL, false},
    {"https://h:0", NULL, "port", 0, NULL, false},
    {"https://h:65536", NULL, "port", 0, NULL, false},
    {"https://h:8x", NULL, "port", 0, NULL, false},
    {"https://h:-1", NULL, "port", 0, NULL, false},
    {"https://h/a?b=c", NULL, "without query", 0, NULL, false},
    {"https://h?b=c", NULL, "without query", 0, NULL, false},
    {"https://h/#f", NULL, "without query", 0, NULL, false},
    {"https://h/a\r\nx", NULL, "visible ASCII", 0, NULL, false},
};

TEST(parses_urls) {
	for (size_t i = 0; i < sizeof PARSE / sizeof PARSE[0]; i++) {
		const struct parse_row *row = &PARSE[i];
		struct endpoint endpoint;
		const char *expected = "";
		int before = check_failures_in_test;
		int rc = endpoint_parse(slice_from(row->url), &endpoint, &expected);
		CHECK_INT(rc, row->authority ? 0 : ERROR_INVALID);
		if (rc) {
			CHECK(strstr(expected, row->host));
		} else {
			CHECK_STRING(endpoint.authority, row->authority);
			CHECK_STRING(endpoint.host, row->host);
			CHECK_INT(endpoint.port, row->port);
			CHECK_STRING(endpoint.base_path, row->base_path);
			CHECK_INT(endpoint_is_loopback(&endpoint), row->loopback);
			CHECK_INT(endpoint.tls, (row->url[4] | 0x20) == 's');
		}
		if (check_failures_in_test > before)
			printf("  for %s (%s)\n", row->url, expected);
	}
}

// `prefix`, followed by repetitions of `filler` up to `len` bytes.
static struct slice fill_text(char *text, size_t len, const char *prefix, const char *filler) {
	size_t at = strlen(prefix);
	memcpy(text, prefix, at);
	for (size_t i = 0; at < len; i++)
		text[at++] = filler[i % strlen(filler)];
	return slice_of(text, len);
}

TEST(bounds_lengths) {
	char text[2000];
	struct endpoint endpoint;
	const char *expected;
	const size_t scheme = 8;
	CHECK_INT(endpoint_parse(fill_text(text, scheme + 63, "https://", "a"), &endpoint, &expected), 0);
	CHECK_INT(endpoint_parse(fill_text(text, scheme + 64, "https://", "a"), &endpoint, &expected), ERROR_INVALID);
	CHECK_INT(endpoint_parse(fill_text(text, scheme + 253, "https://", "a."), &endpoint, &expected), 0);
	CHECK_INT(strlen(endpoint.authority), 253);
	CHECK_INT(endpoint_parse(fill_text(text, scheme + 255, "https://", "a."), &endpoint, &expected), ERROR_INVALID);
	CHECK_INT(endpoint_parse(fill_text(text, 9 + 255, "https://h/", "a"), &endpoint, &expected), 0);
	CHECK_INT(strlen(endpoint.base_path), 255);
	CHECK_INT(endpoint_parse(fill_text(text, 9 + 256, "https://h/", "a"), &endpoint, &expected), ERROR_INVALID);
	CHECK_INT(endpoint_parse(fill_text(text, 1999, "https://[", ":"), &endpoint, &expected), ERROR_INVALID);
}

TEST(checks_regions) {
	static const char *const bad[] = {"us east", "us-east-1.evil.com", "us_east", "-a", "a-", "a/b", "a@b"};
	const struct endpoint_variant plain = {false, false};
	struct endpoint endpoint;
	const char *expected;
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		CHECK_INT(endpoint_of_region(slice_from(bad[i]), plain, &endpoint, &expected), ERROR_INVALID);
	CHECK_INT(endpoint_of_region((struct slice){0}, plain, &endpoint, &expected), ERROR_MISSING);
	CHECK_INT(endpoint_of_region(SLICE("eu-west-1"), plain, &endpoint, &expected), 0);
	CHECK_STRING(endpoint.host, "bedrock-runtime.eu-west-1.amazonaws.com");
	CHECK_STRING(endpoint.authority, endpoint.host);
	CHECK(endpoint.tls && endpoint.port == 443 && !endpoint_is_loopback(&endpoint));
}

int main(void) {
	RUN(parses_urls);
	RUN(bounds_lengths);
	RUN(checks_regions);
	return check_summary();
}
