// SPDX-License-Identifier: Apache-2.0
// Where Bedrock Runtime is: the host of a region, by AWS's partitions, or an endpoint that an operator wrote down.
#ifndef AWS_ENDPOINT_H
#define AWS_ENDPOINT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"

struct endpoint {
	bool tls;
	uint16_t port;
	char host[256];      // name or address; IPv6 without brackets
	char authority[272]; // as the Host header has it: brackets, and the port where it isn't the scheme's own
	char base_path[256]; // "" or "/prefix", without a slash at its end; goes before every request path
};

struct endpoint_variant {
	bool fips;
	bool dualstack;
};

// The region's own endpoint. 0; ERROR_MISSING or ERROR_INVALID with *expected set to what a region looks like.
int endpoint_of_region(struct slice region, struct endpoint_variant variant, struct endpoint *endpoint,
                       const char **expected);

// Reads "http[s]://HOST[:PORT][/PATH]". 0; ERROR_INVALID with *expected set to what was expected at the place where the
// text departs from that.
int endpoint_parse(struct slice url, struct endpoint *endpoint, const char **expected);

// The rule of the service's endpoint rule set: `override` (where not empty) wins, and does not go with a variant; else
// the region's. Errors as above; *expected is the rule set's own words where it has some.
int endpoint_resolve(struct slice region, struct slice override, struct endpoint_variant variant,
                     struct endpoint *endpoint, const char **expected);

// Whether the host is this machine: "localhost" and names below it, 127.0.0.0/8, ::1.
bool endpoint_is_loopback(const struct endpoint *endpoint);

#endif
