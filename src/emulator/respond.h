// SPDX-License-Identifier: Apache-2.0
// The heads of the emulator's answers, and its errors in the service's form.
#ifndef EMULATOR_RESPOND_H
#define EMULATOR_RESPOND_H

#include <stdint.h>

#include "emulator/emulator_state.h"

enum { RESPOND_HEADERS_MAX = 8, RESPOND_TEXT_BYTES = 192 };

// The headers of one answer, with room for their texts.
struct respond_head {
	struct header list[RESPOND_HEADERS_MAX];
	size_t count;
	char text[RESPOND_TEXT_BYTES];
	size_t text_length;
};

// A request id, and a content type that lives long enough (a literal).
void respond_head_init(struct respond_head *head, struct emulator *emulator, const char *content_type);
// The token counts and latencies that InvokeModel puts in headers.
void respond_head_add_invocation(struct respond_head *head, const struct generation *generation);
struct headers respond_head_headers(const struct respond_head *head);

// Answers with an exception: x-amzn-errortype and {"message": ...}. `retry_after_ms` 0 says nothing about it. The call
// is over.
void respond_exception(struct emulator *emulator, struct server_call *call, const char *name, int status,
                       const char *message, uint64_t retry_after_ms);

// Answers with a JSON body. The call is over.
void respond_json(struct emulator *emulator, struct server_call *call, int status, struct slice body);

// What the service says along with an exception of that name.
const char *respond_message(const char *exception);

#endif
