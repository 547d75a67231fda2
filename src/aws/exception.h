// SPDX-License-Identifier: Apache-2.0
// The exceptions of Bedrock Runtime: the meaning of each name, and how a failure is read from, and written to, a
// response or an event-stream frame. Routing decides elsewhere what follows from them.
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
	bool modelled;  // in the service's API model; others were observed or are documented
	bool in_stream; // a member of an event stream's union, see exception_is_in_union
};

// Finds an exception by name, with or without the suffix "Exception", the first letter in either case (lower case in
// :exception-type). NULL if it is unknown. Static.
const struct exception *exception_find(struct slice name);

// Messages of the service: an account's limit is reached, a model lacks the service tier, or the signer is unknown.
#define EXCEPTION_TOO_MANY_REQUESTS "Too many requests, please wait before trying again."
#define EXCEPTION_TOO_MANY_TOKENS "Too many tokens, please wait before trying again."
#define EXCEPTION_NO_TIER "The model does not support the service tier provided."
#define EXCEPTION_NO_RESERVATION "Reservation not found."
#define EXCEPTION_INVALID_TOKEN "The security token included in the request is invalid."

// The table, for documents and tests: by index from 0; NULL past its end.
const struct exception *exception_at(size_t index);

// The meaning of a failure without a known name, by its status: 429 throttling, 408 timeout, 401 and 403 access, 404
// not found, 5xx unavailable, other 4xx caller; any other status is a misbehaving upstream. `name` is what a client
// gets, such as "ServiceUnavailableException" for 5xx.
const struct exception *exception_by_status(int status);

// Whether the union of the operation's event stream has this exception as a member.
bool exception_is_in_union(const struct exception *exception, enum operation operation);

// An upstream's failure.
struct exception_report {
	struct slice name;    // as sent, without namespace and URI; empty if there was none
	struct slice message; // at most 4 KiB; empty if there was none
	int status;           // of the response; for a frame that of its exception (500 for an unknown one)
	enum error_type type;
	enum fault fault;
	int64_t retry_after_ms; // -1: not stated
	enum shortage shortage;
};

// Reads a failed response: the name from x-amzn-errortype, else from the body's `code`, else from its `__type`; the
// message from `message` or `Message`. A body that is no JSON or over 256 KiB has neither. Texts are copied into the
// arena, and are empty if it is full.
void exception_read(int status, struct headers headers, struct slice body, int64_t wall_s, struct arena *arena,
                    struct exception_report *report);

// The same for a frame of kind EXCEPTION or ERROR. `name` is the exception's ("ThrottlingException" for
// "throttlingException").
void exception_read_frame(const struct eventstream_frame *frame, struct arena *arena, struct exception_report *report);

// The wait in milliseconds that a response asks for, from x-amz-retry-after (milliseconds) or Retry-After (seconds, or
// an HTTP date, compared with `wall_s`); five minutes at most. -1 if neither header is present and valid.
int64_t exception_retry_after_ms(struct headers headers, int64_t wall_s);

// Appends {"message":"..."}. 0, or ERROR_LIMIT if the buffer has failed.
int exception_format_body(struct slice message, struct buffer *out);

// Appends an exception frame for the operation's stream: :exception-type is the name with its first letter in lower
// case if the operation's union has it, otherwise modelStreamErrorException. 0, or as eventstream_encode.
int exception_format_frame(enum operation operation, struct slice name, struct slice message, struct buffer *out);

#endif
