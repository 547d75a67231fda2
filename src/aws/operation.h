// SPDX-License-Identifier: Apache-2.0
// The operations of Bedrock Runtime (API 2023-09-30): from method and raw path to operation and model id, and back.
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

// What operation_parse made of a path.
enum operation_match {
	OPERATION_MATCHED,
	OPERATION_NO_SUCH_PATH,
	OPERATION_WRONG_METHOD, // a known path with another method
	OPERATION_BAD_MODEL_ID, // empty, badly escaped, over 2048 bytes, or not printable ASCII
};

// The API's name: "Converse", "InvokeModelWithResponseStream"; "Unknown".
const char *operation_name(enum operation operation);
// Whether the answer is an event stream.
bool operation_is_streaming(enum operation operation);
// Whether the body is specific to a model family (InvokeModel, its stream, CountTokens).
bool operation_is_family_bound(enum operation operation);
// Whether the operation is on a model, and so has a choice of models to route over.
bool operation_is_on_model(enum operation operation);

// Reads a raw request path (no query). The model id is one path segment, decoded once and never normalised, appended to
// `model_id` (cleared before); ARNs whose slashes were not escaped are understood. *operation is set when matched.
enum operation_match operation_parse(struct slice method, struct slice raw_path, enum operation *operation,
                                     struct buffer *model_id);

// Appends the path as it goes on the wire: "/model/" + escaped id + "/converse". The id's bytes outside the unreserved
// set (RFC 3986, section 2.3) are escaped, `:` and `/` too. Only for operations on a model. 0 or ERROR_LIMIT.
int operation_format_path(enum operation operation, struct slice model_id, struct buffer *path);

#endif
