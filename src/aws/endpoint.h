// SPDX-License-Identifier: Apache-2.0
// The endpoint of Bedrock Runtime: the host of a region, by AWS's partitions, or a URL that the operator has
// configured.
#ifndef AWS_ENDPOINT_H
#define AWS_ENDPOINT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"

struct endpoint {
	bool tls;
	uint16_t port;
	char host[256];      // name or address; IPv6 without brackets
	char authority[272]; // for the Host header: IPv6 in brackets; with the port if it isn't the scheme's default
	char base_path[256]; // "" or "/prefix", without a final slash; precedes every request path
};

struct endpoint_variant {
	bool fips;
	bool dualstack;
};

// The region's endpoint. 0; or ERROR_MISSING or ERROR_INVALID, with *expected describing a region.
int endpoint_of_region(struct slice region, struct endpoint_variant variant, struct endpoint *endpoint,
                       const char **expected);

// Parses "http[s]://HOST[:PORT][/PATH]". 0; or ERROR_INVALID, with *expected describing what was expected at the first
// mistake.
int endpoint_parse(struct slice url, struct endpoint *endpoint, const char **expected);

// Follows the service's endpoint rule set: uses `override` if it is not empty, which excludes variants; otherwise the
// region's endpoint. Errors as above; *expected is the rule set's own text if it has one.
int endpoint_resolve(struct slice region, struct slice override, struct endpoint_variant variant,
                     struct endpoint *endpoint, const char **expected);

// Whether the host is this machine: "localhost" and its subdomains, 127.0.0.0/8, ::1.
bool endpoint_is_loopback(const struct endpoint *endpoint);

#endif
