// SPDX-License-Identifier: Apache-2.0
#include "aws/response_event.h"

#include "aws/response_shape.h"

// An event with usage is small; beside it `metadata` may have the trace of a guardrail. What is larger is passed on
// unread: it would hold up the loop.
enum { METADATA_BYTES = 256 * 1024, CHUNK_BYTES = 64 * 1024 };

bool response_event_begins_content(enum operation operation, struct slice name) {
	if (operation != OPERATION_CONVERSE_STREAM)
		return slice_equal(name, SLICE(RESPONSE_EVENT_CHUNK));
	return slice_equal(name, SLICE(RESPONSE_EVENT_BLOCK_DELTA)) ||
	       slice_equal(name, SLICE(RESPONSE_EVENT_BLOCK_START)) || slice_equal(name, SLICE(RESPONSE_EVENT_STOP));
}

bool response_event_can_end_message(enum operation operation) {
	return operation == OPERATION_CONVERSE_STREAM;
}

bool response_event_ends_message(enum operation operation, struct slice name) {
	return response_event_can_end_message(operation) && slice_equal(name, SLICE(RESPONSE_EVENT_STOP));
}

void response_event_read_usage(enum operation operation, struct slice name, struct slice payload,
                               struct token_usage *usage) {
	*usage = TOKEN_USAGE_UNKNOWN;
	if (operation != OPERATION_CONVERSE_STREAM) {
		if (payload.len <= CHUNK_BYTES)
			response_shape_read_chunk(payload, usage);
	} else if (payload.len <= METADATA_BYTES && slice_equal(name, SLICE(RESPONSE_EVENT_METADATA))) {
		struct response_shape shape;
		response_shape_read(payload, &shape);
		*usage = shape.usage;
	}
}
