// SPDX-License-Identifier: Apache-2.0
// Upstream errors that no SDK could parse, such as a proxy's HTML page.
#ifndef MUX_ERROR_PAGE_H
#define MUX_ERROR_PAGE_H

#include "base/arena.h"
#include "base/header.h"
#include "base/slice.h"

// Lets an error through whose body is a JSON object, or compressed and not looked into. Any other gets a body of the
// service's form that tells `status`, and of its headers keeps x-amzn-requestid alone. What is put in place lives in
// `arena`, or for ever.
void error_page_replace(int status, struct arena *arena, struct headers *headers, struct slice *body);

#endif
