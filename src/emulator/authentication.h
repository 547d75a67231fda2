// SPDX-License-Identifier: Apache-2.0
// Who may ask the emulator: signatures and bearer tokens, and the service's own words for turning someone away.
#ifndef EMULATOR_AUTHENTICATION_H
#define EMULATOR_AUTHENTICATION_H

#include <stdint.h>

#include "aws/credentials.h"
#include "aws/sigv4.h"
#include "http/server.h"

struct authentication;

// Keeps references of its own; either may be NULL. Without both everybody is let in. NULL when libcrypto fails.
struct authentication *authentication_new(struct credentials *keys, struct credentials *bearer);
void authentication_free(struct authentication *authentication);

// NULL when the request is let in, else what it is answered. The region is that of the signature's own scope.
const struct sigv4_refusal *authentication_check(struct authentication *authentication,
                                                 const struct server_request *request, int64_t wall_s);

#endif
