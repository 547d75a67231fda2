// SPDX-License-Identifier: Apache-2.0
// Edits of a request to a model. Converse and ConverseStream carry the values in the body. InvokeModel and its stream
// carry them in headers, except the token limit, whose place in the body depends on the model family. CountTokens has
// none of them and stays unchanged. Edits keep every other byte of the body.
//
// An edit replaces a value as a whole: a guardrail that is set here removes the client's `streamProcessingMode` and
// `trace` too, since they could weaken it.
#ifndef AWS_BODY_EDIT_H
#define AWS_BODY_EDIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "aws/json_edit.h"
#include "aws/operation.h"
#include "aws/request_shape.h"
#include "base/buffer.h"
#include "base/header.h"
#include "base/slice.h"

enum { BODY_EDIT_REASON_BYTES = 128, BODY_EDIT_HEADERS_MAX = 4, BODY_EDIT_TRACE_BYTES = 16 };

// Values to set. An empty value or 0 keeps the client's.
struct body_edit {
	struct slice tier;                                                     // "default", "flex", "priority", "reserved"
	struct slice guardrail_identifier, guardrail_version, guardrail_trace; // unused without an identifier
	int64_t max_tokens;
};

// Whether the edit changes the body of that operation.
bool body_edit_is_in_body(const struct body_edit *edit, enum operation operation);

// Plans the edit of the body, which has no flaw that `shape` knows of. 0; ERROR_INVALID if the body doesn't allow it:
// `inferenceConfig` is no object, or (max_tokens of an InvokeModel body) there is no token limit with a known name, or
// two; or ERROR_LIMIT. After an error *reason is a sentence that says why, for the client too. The patches are to be
// freed in any case.
int body_edit_plan(const struct body_edit *edit, enum operation operation, struct slice body,
                   const struct request_shape *shape, struct json_patches *patches,
                   char reason[BODY_EDIT_REASON_BYTES]);

// Lists the headers in which that operation carries the edit; they replace the client's. A NULL value pointer means
// that the header is removed. Texts are borrowed from the edit and from `trace` (scratch space), or are static. Returns
// the number of headers.
size_t body_edit_headers(const struct body_edit *edit, enum operation operation, char trace[BODY_EDIT_TRACE_BYTES],
                         struct header list[BODY_EDIT_HEADERS_MAX]);

#endif
