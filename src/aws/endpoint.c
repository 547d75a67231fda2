// SPDX-License-Identifier: Apache-2.0
// Hosts by the service's endpoint rule set and AWS's partitions. The prefix of a region's name selects the partition;
// without a match it is the standard partition, as in the rule set.
#include "aws/endpoint.h"

#include <arpa/inet.h>
#include <stdio.h>

#include "base/error.h"

struct partition {
	struct slice region_prefix;
	const char *suffix;
	const char *dualstack_suffix;
};

static const struct partition PARTITIONS[] = {
    {{"cn-", 3}, "amazonaws.com.cn", "api.amazonwebservices.com.cn"},
    {{"eusc-de-", 8}, "amazonaws.eu", "api.amazonwebservices.eu"},
    {{"us-iso-", 7}, "c2s.ic.gov", "api.aws.ic.gov"},
    {{"us-isob-", 8}, "sc2s.sgov.gov", "api.aws.scloud"},
    {{"eu-isoe-", 8}, "cloud.adc-e.uk", "api.cloud-aws.adc-e.uk"},
    {{"us-isof-", 8}, "csp.hci.ic.gov", "api.aws.hci.ic.gov"},
    {{"", 0}, "amazonaws.com", "api.aws"}, // and us-gov-
};

enum { LABEL_BYTES = 63, HOST_BYTES = 253 };

static bool is_alphanumeric(char c) {
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

// Whether the text is a label of a host name. Underscores occur in private networks.
static bool is_label(struct slice text) {
	if (text.len == 0 || text.len > LABEL_BYTES || text.ptr[0] == '-' || text.ptr[text.len - 1] == '-')
		return false;
	for (size_t i = 0; i < text.len; i++)
		if (!is_alphanumeric(text.ptr[i]) && text.ptr[i] != '-' && text.ptr[i] != '_')
			return false;
	return true;
}

static bool is_host_name(struct slice text) {
	if (text.len == 0 || text.len > HOST_BYTES)
		return false;
	while (text.len) {
		size_t end = slice_find(text, '.');
		if (!is_label((struct slice){text.ptr, end}))
			return false;
		text = slice_from_offset(text, end + 1);
	}
	return true;
}

// Copies into a field. The caller has checked its size.
static void copy_text(char *to, struct slice text) {
	memcpy(to, text.ptr, text.len);
	to[text.len] = '\0';
}

int endpoint_of_region(struct slice region, struct endpoint_variant variant, struct endpoint *endpoint,
                       const char **expected) {
	if (region.len == 0) {
		*expected = "a region such as us-east-1";
		return ERROR_MISSING;
	}
	if (!is_label(region) || slice_find(region, '_') < region.len) {
		*expected = "a region such as us-east-1: letters, digits and hyphens, at most 63";
		return ERROR_INVALID;
	}
	const struct partition *partition = PARTITIONS;
	while (!slice_starts(region, partition->region_prefix))
		partition++;
	*endpoint = (struct endpoint){.tls = true, .port = 443};
	snprintf(endpoint->host, sizeof endpoint->host, "bedrock-runtime%s.%.*s.%s", variant.fips ? "-fips" : "",
	         SLICE_ARGS(region), variant.dualstack ? partition->dualstack_suffix : partition->suffix);
	copy_text(endpoint->authority, slice_from(endpoint->host));
	return 0;
}

// Removes "http://" or "https://" from the front of the text.
static bool take_scheme(struct slice *url, struct endpoint *endpoint) {
	const struct slice http = SLICE("http://"), https = SLICE("https://");
	endpoint->tls = url->len >= https.len && slice_equal_nocase((struct slice){url->ptr, https.len}, https);
	if (!endpoint->tls && (url->len < http.len || !slice_equal_nocase((struct slice){url->ptr, http.len}, http)))
		return false;
	*url = slice_from_offset(*url, endpoint->tls ? https.len : http.len);
	return true;
}

// Removes the host from the front of the authority. The rest is empty or begins with the ':' of the port.
static bool take_host(struct slice *authority, struct endpoint *endpoint) {
	struct in6_addr address;
	struct slice host = *authority;
	bool bracketed = host.len && host.ptr[0] == '[';
	if (bracketed) {
		host = slice_from_offset(host, 1);
		host.len = slice_find(host, ']');
		if (host.len + 2 > authority->len || host.len >= INET6_ADDRSTRLEN)
			return false;
	} else {
		host.len = slice_find(host, ':');
		if (!is_host_name(host))
			return false;
	}
	copy_text(endpoint->host, host);
	*authority = slice_from_offset(*authority, host.len + (bracketed ? 2 : 0));
	return !bracketed || inet_pton(AF_INET6, endpoint->host, &address) == 1;
}

static bool take_port(struct slice text, struct endpoint *endpoint) {
	uint64_t port = endpoint->tls ? 443 : 80;
	if (text.len &&
	    (text.ptr[0] != ':' || !slice_parse_u64(slice_from_offset(text, 1), UINT16_MAX, &port) || port == 0))
		return false;
	endpoint->port = (uint16_t)port;
	return true;
}

// Stores a base path: visible ASCII, no query, no fragment.
static bool take_path(struct slice path, struct endpoint *endpoint) {
	while (path.len && path.ptr[path.len - 1] == '/')
		path.len--;
	if (path.len >= sizeof endpoint->base_path)
		return false;
	for (size_t i = 0; i < path.len; i++)
		if (path.ptr[i] <= 0x20 || path.ptr[i] > 0x7e || path.ptr[i] == '?' || path.ptr[i] == '#')
			return false;
	copy_text(endpoint->base_path, path);
	return true;
}

static void format_authority(struct endpoint *endpoint) {
	bool bracketed = strchr(endpoint->host, ':') != NULL;
	char port[8] = "";
	if (endpoint->port != (endpoint->tls ? 443 : 80))
		snprintf(port, sizeof port, ":%u", endpoint->port);
	snprintf(endpoint->authority, sizeof endpoint->authority, "%s%s%s%s", bracketed ? "[" : "", endpoint->host,
	         bracketed ? "]" : "", port);
}

int endpoint_parse(struct slice url, struct endpoint *endpoint, const char **expected) {
	*endpoint = (struct endpoint){0};
	if (!take_scheme(&url, endpoint)) {
		*expected = "a URL that begins with https:// or http://";
		return ERROR_INVALID;
	}
	size_t end = 0;
	while (end < url.len && url.ptr[end] != '/' && url.ptr[end] != '?' && url.ptr[end] != '#')
		end++;
	struct slice authority = {url.ptr, end};
	if (slice_find(authority, '@') < authority.len) {
		*expected = "a URL without user name or password";
		return ERROR_INVALID;
	}
	if (!take_host(&authority, endpoint)) {
		*expected = "a host name, an IPv4 address, or an IPv6 address in brackets, after the scheme";
		return ERROR_INVALID;
	}
	if (!take_port(authority, endpoint)) {
		*expected = "a port from 1 to 65535 after the host";
		return ERROR_INVALID;
	}
	if (!take_path(slice_from_offset(url, end), endpoint)) {
		*expected = "a path of at most 255 visible ASCII characters, without query or fragment";
		return ERROR_INVALID;
	}
	format_authority(endpoint);
	return 0;
}

int endpoint_resolve(struct slice region, struct slice override, struct endpoint_variant variant,
                     struct endpoint *endpoint, const char **expected) {
	if (override.len == 0 && region.len == 0) {
		*expected = "Invalid Configuration: Missing Region";
		return ERROR_MISSING;
	}
	if (override.len == 0)
		return endpoint_of_region(region, variant, endpoint, expected);
	if (!variant.fips && !variant.dualstack)
		return endpoint_parse(override, endpoint, expected);
	*expected = variant.fips ? "Invalid Configuration: FIPS and custom endpoint are not supported"
	                         : "Invalid Configuration: Dualstack and custom endpoint are not supported";
	return ERROR_INVALID;
}

bool endpoint_is_loopback(const struct endpoint *endpoint) {
	struct in_addr v4;
	struct in6_addr v6;
	struct slice host = slice_from(endpoint->host), localhost = SLICE("localhost");
	if (inet_pton(AF_INET, endpoint->host, &v4) == 1)
		return ntohl(v4.s_addr) >> 24 == 127;
	if (inet_pton(AF_INET6, endpoint->host, &v6) == 1)
		return IN6_IS_ADDR_LOOPBACK(&v6) || (IN6_IS_ADDR_V4MAPPED(&v6) && v6.s6_addr[12] == 127);
	if (host.len && host.ptr[host.len - 1] == '.')
		host.len--;
	if (slice_equal_nocase(host, localhost))
		return true;
	struct slice ending = slice_from_offset(host, host.len > localhost.len ? host.len - localhost.len : host.len);
	return host.len > localhost.len + 1 && slice_equal_nocase(ending, localhost) &&
	       host.ptr[host.len - localhost.len - 1] == '.';
}
