// SPDX-License-Identifier: Apache-2.0
// The operations of Bedrock Runtime (API 2023-09-30): parses method and raw path into operation and model id, and
// formats paths.
#ifndef AWS_OPERATION_H
#define AWS_OPERATION_H

#include <stdbool.h>

#include "base/buffer.h"
#include "base/slice.h"

enum operation {
	OPERATION_UNKNOWN,
	OPERATION_CONVERSE,
	OPERATION_CONVERSE_STREAM,
	OPERATION_INVOKE_MODEL,
	OPERATION_INVOKE_MODEL_STREAM, // InvokeModelWithResponseStream
	OPERATION_INVOKE_MODEL_BIDIRECTIONAL,
	OPERATION_COUNT_TOKENS,
	OPERATION_APPLY_GUARDRAIL,
	OPERATION_GUARDRAIL_CHECKS,
	OPERATION_ASYNC_INVOKE, // StartAsyncInvoke, GetAsyncInvoke, ListAsyncInvokes
};

// The result of operation_parse.
enum operation_match {
	OPERATION_MATCHED,
	OPERATION_NO_SUCH_PATH,
	OPERATION_WRONG_METHOD, // a known path with another method
	OPERATION_BAD_MODEL_ID, // empty, badly escaped, over 2048 bytes, or not printable ASCII
	OPERATION_BAD_PATH,     // not on a model, and with a segment that is empty, "." or "..", escaped or not
};

// The name in the API, such as "InvokeModelWithResponseStream"; "Unknown" for OPERATION_UNKNOWN.
const char *operation_name(enum operation operation);
// Whether the response is an event stream.
bool operation_is_streaming(enum operation operation);
// Whether the operation is Converse or ConverseStream.
bool operation_is_converse(enum operation operation);
// Whether the operation is InvokeModel or InvokeModelWithResponseStream.
bool operation_is_invoke(enum operation operation);
// Whether the body is specific to a model family (InvokeModel, its streams, CountTokens).
bool operation_is_family_bound(enum operation operation);
// Whether the path names a model, so that the request can be routed to others.
bool operation_is_on_model(enum operation operation);

// Parses a raw request path without query. The model id is one path segment; it is decoded once, never normalised, and
// replaces the content of `model_id`. ARNs with unescaped slashes are accepted. *operation is OPERATION_UNKNOWN and the
// id empty unless the result is OPERATION_MATCHED.
enum operation_match operation_parse(struct slice method, struct slice raw_path, enum operation *operation,
                                     struct buffer *model_id);

// Appends the path for the wire: "/model/" + escaped id + "/converse". Escapes all bytes of the id outside the
// unreserved set (RFC 3986, section 2.3), also `:` and `/`. 0; ERROR_INVALID for an operation that is not on a model;
// or as buffer_append.
int operation_format_path(enum operation operation, struct slice model_id, struct buffer *path);

#endif
