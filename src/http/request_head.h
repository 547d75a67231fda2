// SPDX-License-Identifier: Apache-2.0
// Formats the head of an HTTP/1.1 request. Pure.
#ifndef HTTP_REQUEST_HEAD_H
#define HTTP_REQUEST_HEAD_H

#include <stddef.h>

#include "http/exchange.h"

// An upper bound of the bytes that request_head_format writes.
size_t request_head_size(const struct exchange_request *request);

// Writes request line, headers and content-length; returns the number of bytes. Bytes that could end a line within a
// name, value or target are replaced. Framing headers of the caller are left out: content-length alone frames the body.
size_t request_head_format(const struct exchange_request *request, char *out);

#endif
