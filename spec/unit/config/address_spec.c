// SPDX-License-Identifier: Apache-2.0
// Listen addresses as text: parsing, loopback, what reaches a listener, clashes.
#include "../check.h"

#include "config/address.h"

TEST(addresses_are_parsed) {
	static const struct {
		const char *text;
		bool is_unix, is_local;
		const char *host;
		int port;
	} rows[] = {
	    {"127.0.0.1:8080", false, true, "127.0.0.1", 8080},
	    {"127.9.9.9:1", false, true, "127.9.9.9", 1},
	    {"localhost:0", false, true, "localhost", 0},
	    {"LOCALHOST:0", false, true, "LOCALHOST", 0},
	    {"[::1]:65535", false, true, "::1", 65535},
	    {"[0:0:0:0:0:0:0:1]:5", false, true, "0:0:0:0:0:0:0:1", 5},
	    {"unix:/run/x.sock", true, true, "/run/x.sock", 0},
	    {"0.0.0.0:80", false, false, "0.0.0.0", 80},
	    {"[::]:80", false, false, "::", 80},
	    {"192.168.0.1:80", false, false, "192.168.0.1", 80},
	    {"127.0.0.1.example.com:80", false, false, "127.0.0.1.example.com", 80},
	    {"localhost.example.com:80", false, false, "localhost.example.com", 80},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct address address = {0};
		CHECK(address_parse(slice_from(rows[i].text), &address));
		CHECK_INT(address.is_unix, rows[i].is_unix);
		CHECK_SLICE(address.host, slice_from(rows[i].host));
		CHECK_INT(address.port, rows[i].port);
		CHECK_INT(address_is_local(&address), rows[i].is_local);
	}
}

TEST(other_texts_are_refused) {
	static const char *const rows[] = {
	    "::1:80",
	    "[::1]",
	    "[]:1",
	    "[127.0.0.1]:1",
	    "127.0.0.1",
	    "127.0.0.1:",
	    "127.0.0.1:65536",
	    "127.0.0.1:-1",
	    "127.0.0.1: 80",
	    ":80",
	    "",
	    "a b:80",
	    "unix:",
	    "unix:x.sock",
	    "unix:/0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789"
	    "012345678901234567890123456789"};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct address address;
		CHECK(!address_parse(slice_from(rows[i]), &address));
	}
}

TEST(connections_that_reach_a_listener) {
	static const struct {
		const char *listener, *host;
		uint16_t port;
		bool ours, reached;
	} rows[] = {
	    {"127.0.0.1:80", "127.0.0.1", 80, true, true},     {"127.0.0.1:80", "127.0.0.1", 81, true, false},
	    {"127.0.0.1:80", "localhost", 80, true, true},     {"localhost:80", "127.0.0.1", 80, true, true},
	    {"localhost:80", "::1", 80, true, true},           {"[::1]:80", "localhost", 80, true, true},
	    {"[::1]:80", "127.0.0.1", 80, true, false},        {"127.0.0.1:80", "127.0.0.2", 80, true, false},
	    {"127.0.0.1:80", "example.com", 80, false, false}, {"unix:/x", "/x", 0, true, false},
	    {"0.0.0.0:80", "10.1.2.3", 80, true, true},        {"0.0.0.0:80", "10.1.2.3", 81, true, false},
	    {"0.0.0.0:80", "10.1.2.3", 80, false, false},      {"0.0.0.0:80", "::", 80, false, true},
	    {"[::]:80", "gateway.example", 80, false, false},  {"10.1.2.3:80", "10.1.2.3", 80, true, true},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct address address;
		CHECK(address_parse(slice_from(rows[i].listener), &address));
		CHECK_INT(address_receives(&address, slice_from(rows[i].host), rows[i].port, rows[i].ours), rows[i].reached);
	}
}

TEST(hosts_of_this_machine) {
	CHECK(address_is_of_this_machine(SLICE("127.0.0.1")));
	CHECK(address_is_of_this_machine(SLICE("127.7.7.7")));
	CHECK(address_is_of_this_machine(SLICE("::1")));
	CHECK(address_is_of_this_machine(SLICE("LocalHost")));
	CHECK(!address_is_of_this_machine(SLICE("203.0.113.9")));
	CHECK(!address_is_of_this_machine(SLICE("2001:db8::9")));
	CHECK(!address_is_of_this_machine(SLICE("bedrock.example")));
	CHECK(!address_is_of_this_machine(SLICE("")));
}

TEST(clashes) {
	static const struct {
		const char *a, *b;
		bool clash;
	} rows[] = {
	    {"127.0.0.1:80", "127.0.0.1:80", true}, {"127.0.0.1:80", "localhost:80", true},
	    {"127.0.0.1:0", "127.0.0.1:0", false},  {"127.0.0.1:80", "127.0.0.1:81", false},
	    {"127.0.0.1:80", "[::1]:80", false},    {"unix:/a", "unix:/a", true},
	    {"unix:/a", "unix:/b", false},          {"unix:/a", "127.0.0.1:80", false},
	    {"0.0.0.0:80", "127.0.0.1:80", true},   {"0.0.0.0:80", "127.0.0.1:81", false},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct address a, b;
		CHECK(address_parse(slice_from(rows[i].a), &a) && address_parse(slice_from(rows[i].b), &b));
		CHECK_INT(address_clashes(&a, &b), rows[i].clash);
		CHECK_INT(address_clashes(&b, &a), rows[i].clash);
	}
}

int main(void) {
	RUN(addresses_are_parsed);
	RUN(other_texts_are_refused);
	RUN(connections_that_reach_a_listener);
	RUN(hosts_of_this_machine);
	RUN(clashes);
	return check_summary();
}
