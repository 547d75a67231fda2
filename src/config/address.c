// SPDX-License-Identifier: Apache-2.0
#include "config/address.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <stdlib.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/memory.h"

enum { HOST_BYTES = 254 };

static bool parse_unix(struct slice path, struct address *address) {
	struct sockaddr_un name;
	bool has_nul = slice_find(path, '\0') < path.len;
	if (path.len == 0 || path.len >= sizeof name.sun_path || path.ptr[0] != '/' || has_nul)
		return false;
	*address = (struct address){.is_unix = true, .host = path};
	return true;
}

// Copies a host as a C string, for functions of libc. False if it is too long or contains a NUL.
static bool copy_host(struct slice host, char text[HOST_BYTES]) {
	if (host.len >= HOST_BYTES || slice_find(host, '\0') < host.len)
		return false;
	if (host.len)
		memcpy(text, host.ptr, host.len);
	text[host.len] = '\0';
	return true;
}

static bool is_v6(struct slice host) {
	char text[HOST_BYTES];
	struct in6_addr parsed;
	return copy_host(host, text) && inet_pton(AF_INET6, text, &parsed) == 1;
}

// A name or an IPv4 address: letters, digits, dots and hyphens.
static bool is_name(struct slice host) {
	for (size_t i = 0; i < host.len; i++) {
		char c = host.ptr[i];
		bool good = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '-';
		if (!good)
			return false;
	}
	return host.len > 0 && host.len < HOST_BYTES;
}

bool address_parse(struct slice text, struct address *address) {
	if (slice_starts(text, SLICE("unix:")))
		return parse_unix(slice_from_offset(text, 5), address);
	size_t colon = text.len;
	while (colon && text.ptr[colon - 1] != ':')
		colon--;
	uint64_t port;
	if (colon == 0 || !slice_parse_u64(slice_from_offset(text, colon), UINT16_MAX, &port))
		return false;
	struct slice host = slice_of(text.ptr, colon - 1);
	bool bracketed = host.len > 2 && host.ptr[0] == '[' && host.ptr[host.len - 1] == ']';
	if (bracketed)
		host = slice_of(host.ptr + 1, host.len - 2);
	if (bracketed ? !is_v6(host) : !is_name(host))
		return false;
	*address = (struct address){.host = host, .port = (uint16_t)port};
	return true;
}

// The families of loopback that a host may stand for.
enum { LOOPBACK_V4 = 1, LOOPBACK_V6 = 2 };

static int loopback_families(struct slice host) {
	char text[HOST_BYTES];
	struct in_addr v4;
	struct in6_addr v6;
	if (slice_equal_nocase(host, SLICE("localhost")))
		return LOOPBACK_V4 | LOOPBACK_V6;
	if (!copy_host(host, text))
		return 0;
	if (inet_pton(AF_INET, text, &v4) == 1)
		return ntohl(v4.s_addr) >> 24 == 127 ? LOOPBACK_V4 : 0;
	if (inet_pton(AF_INET6, text, &v6) == 1)
		return IN6_IS_ADDR_LOOPBACK(&v6) ? LOOPBACK_V6 : 0;
	return 0;
}

bool address_is_local(const struct address *address) {
	return address->is_unix || loopback_families(address->host) != 0;
}

static bool is_any(struct slice host) {
	return slice_equal(host, SLICE("0.0.0.0")) || slice_equal(host, SLICE("::"));
}

// Whether two hosts may stand for the same interface: 127.0.0.1 and 127.0.0.2 don't, "localhost" and either of them
// may.
static bool is_same_host(struct slice a, struct slice b) {
	bool named = slice_equal_nocase(a, SLICE("localhost")) || slice_equal_nocase(b, SLICE("localhost"));
	return slice_equal_nocase(a, b) || (named && (loopback_families(a) & loopback_families(b)) != 0);
}

bool address_receives(const struct address *address, struct slice host, uint16_t port, bool is_of_this_machine) {
	if (address->is_unix || address->port != port)
		return false;
	return is_any(address->host) ? is_of_this_machine || is_any(host) : is_same_host(address->host, host);
}

static bool is_interface_address(struct slice host) {
	char text[HOST_BYTES];
	struct in6_addr wanted; // also holds an IPv4 address, in its first bytes
	struct ifaddrs *all;
	if (!copy_host(host, text))
		return false;
	int family = inet_pton(AF_INET, text, &wanted) == 1    ? AF_INET
	             : inet_pton(AF_INET6, text, &wanted) == 1 ? AF_INET6
	                                                       : 0;
	if (!family || getifaddrs(&all))
		return false;
	bool found = false;
	for (const struct ifaddrs *one = all; one && !found; one = one->ifa_next) {
		if (!one->ifa_addr || one->ifa_addr->sa_family != family)
			continue;
		const void *own = family == AF_INET
		                      ? (const void *)&((const struct sockaddr_in *)(const void *)one->ifa_addr)->sin_addr
		                      : (const void *)&((const struct sockaddr_in6 *)(const void *)one->ifa_addr)->sin6_addr;
		size_t size = family == AF_INET ? sizeof(struct in_addr) : sizeof(struct in6_addr);
		found = memcmp(own, &wanted, size) == 0;
	}
	freeifaddrs(all);
	return found;
}

bool address_is_of_this_machine(struct slice host) {
	char name[HOST_BYTES] = "";
	if (loopback_families(host) || is_interface_address(host))
		return true;
	return gethostname(name, sizeof name - 1) == 0 && slice_equal_nocase(host, slice_from(name));
}

bool address_clashes(const struct address *a, const struct address *b) {
	if (a->is_unix || b->is_unix)
		return a->is_unix && b->is_unix && slice_equal(a->host, b->host);
	bool overlap = is_any(a->host) || is_any(b->host) || is_same_host(a->host, b->host);
	return a->port != 0 && a->port == b->port && overlap;
}

void address_list_append(struct address_list *addresses, struct slice text) {
	addresses->list = memory_resize(addresses->list, addresses->count + 1, sizeof *addresses->list);
	addresses->list[addresses->count++] = memory_string(text);
}

void address_list_free(struct address_list *addresses) {
	for (size_t i = 0; i < addresses->count; i++)
		free(addresses->list[i]);
	free(addresses->list);
	*addresses = (struct address_list){0};
}
