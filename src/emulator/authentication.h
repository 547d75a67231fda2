// SPDX-License-Identifier: Apache-2.0
// Authenticates requests by signature or bearer token; refuses others in the service's own words.
#ifndef EMULATOR_AUTHENTICATION_H
#define EMULATOR_AUTHENTICATION_H

#include <stdint.h>

#include "aws/credentials.h"
#include "aws/sigv4.h"
#include "http/server.h"

struct authentication;

// Keeps references of its own; either may be NULL. Without both, every request is accepted. NULL when libcrypto fails.
struct authentication *authentication_new(struct credentials *keys, struct credentials *bearer);
void authentication_free(struct authentication *authentication);

// NULL when the request is accepted, else the refusal to send. A signature may name any region.
const struct sigv4_refusal *authentication_check(struct authentication *authentication,
                                                 const struct server_request *request, int64_t wall_s);

#endif
