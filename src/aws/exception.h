// SPDX-License-Identifier: Apache-2.0
// The exceptions of Bedrock Runtime: what each name means, how a failure is read from an answer or a frame, and how one
// is written. What routing does about them is no business of this file.
#ifndef AWS_EXCEPTION_H
#define AWS_EXCEPTION_H

#include <stdbool.h>
#include <stdint.h>

#include "aws/eventstream.h"
#include "aws/operation.h"
#include "base/arena.h"
#include "base/buffer.h"
#include "base/error.h"
#include "base/header.h"
#include "base/slice.h"

struct exception {
	const char *name; // "ThrottlingException"
	int status;
	enum error_type type;
	enum fault fault;
	bool modelled;  // in the service's model; others were seen or are documented
	bool in_stream; // a member of the event streams' unions, for which see exception_is_in_union
};

// By name, with or without the suffix "Exception", the first letter in either case (as :exception-type has it). NULL
// where it isn't known. Lives for ever.
const struct exception *exception_find(struct slice name);

// What the service says of a throttle by a limit of an account, and where a model has no such service tier.
#define EXCEPTION_TOO_MANY_REQUESTS "Too many requests, please wait before trying again."
#define EXCEPTION_TOO_MANY_TOKENS "Too many tokens, please wait before trying again."
#define EXCEPTION_NO_TIER "The model does not support the service tier provided."
#define EXCEPTION_NO_RESERVATION "Reservation not found."

// The table, for documents and tests: `index` from 0 on; NULL past its end.
const struct exception *exception_at(size_t index);

// What a failure without a known name means, by its status: 429 throttling, 408 timeout, 401 and 403 access, 404 not
// found, 5xx unavailable, other 4xx the caller's; anything else is an upstream that misbehaves. Its `name` is the one
// that a client is given: "ServiceUnavailableException" for 5xx and so on.
const struct exception *exception_by_status(int status);

// Whether the operation's event stream has this exception as a member.
bool exception_is_in_union(const struct exception *exception, enum operation operation);

// What an upstream said by failing.
struct exception_report {
	struct slice name;    // as sent, without namespace and URI; empty where there was none
	struct slice message; // at most 4 KiB; empty where there was none
	int status;           // the answer's, or for a frame that of its shape (500 for an unknown one)
	enum error_type type;
	enum fault fault;
	int64_t retry_after_ms; // -1 where nothing was said
	enum shortage shortage; // what was lacking
};

// Reads a failed answer: the name from x-amzn-errortype, else the body's `code`, else its `__type`; the message from
// `message` or `Message`. Bodies that are no JSON (or over 256 KiB) have neither. Texts are copied into the arena
// (and are empty when it is full).
void exception_read(int status, struct headers headers, struct slice body, int64_t wall_s, struct arena *arena,
                    struct exception_report *report);

// The same for a frame of kind EXCEPTION or ERROR. `name` is the shape's ("ThrottlingException" for
// "throttlingException").
void exception_read_frame(const struct eventstream_frame *frame, struct arena *arena, struct exception_report *report);

// Milliseconds that an answer asks to wait, by x-amz-retry-after (milliseconds) or Retry-After (seconds, or an HTTP
// date compared with `wall_s`), five minutes at most; -1 where neither is there or makes sense.
int64_t exception_retry_after_ms(struct headers headers, int64_t wall_s);

// Appends {"message":"..."}. 0, or as buffer_append.
int exception_format_body(struct slice message, struct buffer *out);

// Appends an exception frame for the operation's stream: :exception-type is the name with a small first letter where
// the operation's union has it, else modelStreamErrorException. 0, or as eventstream_encode.
int exception_format_frame(enum operation operation, struct slice name, struct slice message, struct buffer *out);

#endif
