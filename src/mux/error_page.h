// SPDX-License-Identifier: Apache-2.0
// Error responses of upstreams that SDKs can't parse, such as a proxy's HTML page.
#ifndef MUX_ERROR_PAGE_H
#define MUX_ERROR_PAGE_H

#include "base/arena.h"
#include "base/header.h"
#include "base/slice.h"

// Leaves an error as it is if its body is a JSON object, or compressed and so can't be read. Otherwise sets *body to a
// message of the service's form that names `status`, and *headers to content-type and, where there is one,
// x-amzn-requestid. The new texts are in `arena`, or static: if the arena is full, a message without the status.
void error_page_replace(int status, struct arena *arena, struct headers *headers, struct slice *body);

#endif
