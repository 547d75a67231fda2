// SPDX-License-Identifier: Apache-2.0
// What the decoder asks of a frame's header block.
#ifndef AWS_EVENTSTREAM_HEADERS_H
#define AWS_EVENTSTREAM_HEADERS_H

#include "aws/eventstream.h"

// Whether the block parses to its end, with text in UTF-8, no name twice and not too many headers.
enum eventstream_error eventstream_headers_check(struct slice block);

#endif
