// SPDX-License-Identifier: Apache-2.0
// The heads of the emulator's responses, and its errors in the service's form.
#ifndef EMULATOR_RESPOND_H
#define EMULATOR_RESPOND_H

#include <stdint.h>

#include "emulator/emulator_state.h"

enum { RESPOND_HEADERS_MAX = 8, RESPOND_TEXT_BYTES = 192 };

// The headers of one response, with room for their texts.
struct respond_head {
	struct header list[RESPOND_HEADERS_MAX];
	size_t count;
	char text[RESPOND_TEXT_BYTES];
	size_t text_length;
};

// Begins a head with a request id and the content type, a static string.
void respond_head_init(struct respond_head *head, struct emulator *emulator, const char *content_type);
// Adds the token counts and latencies that InvokeModel puts in headers.
void respond_head_add_invocation(struct respond_head *head, const struct generation *generation);
struct headers respond_head_headers(const struct respond_head *head);

// Responds with an exception: x-amzn-errortype and {"message": ...}. A `retry_after_ms` of 0 sends no retry-after. The
// call is over.
void respond_exception(struct emulator *emulator, struct server_call *call, const char *name, int status,
                       const char *message, uint64_t retry_after_ms);

// Responds with a JSON body. The call is over.
void respond_json(struct emulator *emulator, struct server_call *call, int status, struct slice body);

// The service's message for an exception of that name (static).
const char *respond_message(const char *exception);

#endif
