// SPDX-License-Identifier: Apache-2.0
// The head of a request as it goes on the wire. Pure.
#ifndef HTTP_REQUEST_HEAD_H
#define HTTP_REQUEST_HEAD_H

#include <stddef.h>

#include "http/exchange.h"

// An upper bound of the bytes that request_head_format writes.
size_t request_head_size(const struct exchange_request *request);

// Writes request line, headers and content-length, and returns how many bytes. Nothing that a name, value or target
// holds can end its line: bytes that could are replaced. Framing headers of the caller's are left out: it is
// content-length alone that frames the body.
size_t request_head_format(const struct exchange_request *request, char *out);

#endif
