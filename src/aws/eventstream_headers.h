// SPDX-License-Identifier: Apache-2.0
// The check of a frame's header block, for the decoder.
#ifndef AWS_EVENTSTREAM_HEADERS_H
#define AWS_EVENTSTREAM_HEADERS_H

#include "aws/eventstream.h"

// Checks that the block parses to its end, that texts are UTF-8, that no name is there twice, and the number of
// headers.
enum eventstream_error eventstream_headers_check(struct slice block);

#endif
