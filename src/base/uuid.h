// SPDX-License-Identifier: Apache-2.0
// Ids for requests that upstreams have given none: random UUIDs (RFC 9562, version 4).
#ifndef BASE_UUID_H
#define BASE_UUID_H

#include "base/random.h"

enum { REQUEST_ID_BYTES = 37 }; // with its NUL

void request_id_make(struct random_source *random, char text[REQUEST_ID_BYTES]);

#endif
