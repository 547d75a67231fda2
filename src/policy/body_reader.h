// SPDX-License-Identifier: Apache-2.0
// How policies read the bodies of requests and responses: the room that knows the service's formats provides these
// functions. Each that reads makes one pass over the body and leaves what it can't find empty or -1.
#ifndef POLICY_BODY_READER_H
#define POLICY_BODY_READER_H

#include <stdint.h>

#include "base/header.h"
#include "base/json.h"
#include "base/slice.h"
#include "route/decide.h"

// Everything is borrowed from the body. JSON values are raw, as in the body.
struct request_content {
	struct slice metadata; // a JSON object
	int64_t max_tokens;
	uint64_t input_tokens;                                  // an estimate
	uint64_t tokens;                                        // the work of another pass over the body
	struct slice system, tools, tool_config, first_message; // JSON values: the beginning of the prompt
};

struct response_content {
	struct slice stop_reason;
	struct slice tier;
	uint64_t tokens; // as in a request's
};

struct body_reader {
	void (*read_request)(const struct request_attributes *request, struct request_content *content);
	// A hook has decoded a part of the body where the key that begins at `key` is in its object already.
	void (*note_duplicate)(const struct request_attributes *request, const char *key);
	void (*each_request_text)(struct slice body, json_text_callback on_text, void *owner);
	void (*read_response)(const struct response *response, struct response_content *content);
	void (*each_response_text)(struct slice body, json_text_callback on_text, void *owner);
};

#endif
