// SPDX-License-Identifier: Apache-2.0
// What can be changed of a request to a model on its way up, and where each operation carries it: Converse and its
// stream in the body, InvokeModel and its stream in headers, but for the limit of tokens, which is the model's own.
// CountTokens knows none of it and is left as it is. Everything of a body that isn't edited keeps its bytes.
//
// A value is replaced as a whole: a guardrail that is set here leaves nothing of the one that the client chose, its
// `streamProcessingMode` and `trace` neither, since they could weaken it.
#ifndef AWS_BODY_EDIT_H
#define AWS_BODY_EDIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "aws/operation.h"
#include "base/buffer.h"
#include "base/header.h"
#include "base/slice.h"

enum { BODY_EDIT_REASON_BYTES = 128, BODY_EDIT_HEADERS_MAX = 4, BODY_EDIT_TRACE_BYTES = 16 };

// What is empty or 0 stays as the client made it.
struct body_edit {
	struct slice tier;                                                     // "default", "flex", "priority", "reserved"
	struct slice guardrail_identifier, guardrail_version, guardrail_trace; // none without an identifier
	int64_t max_tokens;
};

// Whether something of it stands in a body of that operation.
bool body_edit_is_in_body(const struct body_edit *edit, enum operation operation);

// Appends the edited body to `out`. 0; ERROR_INVALID with a reason where the edit can't be made: the body is no JSON
// object, is nested too deep, has a key on an edited path twice, or (max_tokens of an InvokeModel body) has no limit of
// tokens of a known name, or two; or as buffer_append. The bytes in `out` count only with 0.
int body_edit_apply(const struct body_edit *edit, enum operation operation, struct slice body, struct buffer *out,
                    char reason[BODY_EDIT_REASON_BYTES]);

// The headers in which that operation carries the edit, to go up in place of the client's. A value whose pointer is
// NULL is to be left out altogether. Texts are borrowed from the edit, from `trace` (scratch), or live for ever. The
// number of headers.
size_t body_edit_headers(const struct body_edit *edit, enum operation operation, char trace[BODY_EDIT_TRACE_BYTES],
                         struct header list[BODY_EDIT_HEADERS_MAX]);

#endif
