// SPDX-License-Identifier: Apache-2.0
// The head of an HTTP/1.1 request or response, gathered and read strictly: input that two parsers could understand
// differently (bare line feeds, folded lines, a space before the colon, a second or contradictory length) is refused.
// Any chunking of the input, down to single bytes, gives the same result.
#ifndef HTTP_HEAD_H
#define HTTP_HEAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/header.h"
#include "base/slice.h"
#include "http/framing.h"

// A longer target is refused as too long even if the limit of the head is larger.
// `connection` may list few options: each header may be compared with each of them.
enum { HEAD_TARGET_BYTES = 16384, HEAD_METHOD_BYTES = 32, HEAD_FIELDS = 256, HEAD_OPTIONS = 32 };

// What a head keeps between messages: enough for the head of an ordinary SDK.
enum { HEAD_KEPT_BYTES = 2048 };

#define HEAD_NO_MEMORY "There is no memory for the head now."

enum head_kind { HEAD_REQUEST, HEAD_RESPONSE };

enum head_step {
	HEAD_MORE,    // all input is consumed, and the head isn't whole
	HEAD_WHOLE,   // the fields below are set; the rest of the input comes after the head
	HEAD_REFUSED, // refusal_status and refusal_reason are set
};

struct head {
	// Of a request. `path` is the target up to `?`, without scheme and authority if the target has them.
	struct slice method, target, path, query;
	bool expects_continue; // expect: 100-continue
	bool expects_other;    // an unknown expectation
	// Of a response.
	int status;
	bool responds_to_head; // set it before reading: the response is to a HEAD request and has no body
	// Of both. `framing` and `content_length` (0 unless FRAMING_LENGTH) are the arguments of framing_init.
	unsigned minor_version; // 0 or 1
	struct headers headers; // names as received, values trimmed; the host of an absolute target replaces `host`
	bool keep_alive;        // the connection can carry another message after this one
	enum framing_kind framing;
	uint64_t content_length;

	int refusal_status;         // 400, 414, 431, 501, 505; of a response: 431 is too large, all others malformed
	const char *refusal_reason; // one short line, static

	// Private.
	enum head_kind kind;
	bool blank_skipped;
	struct buffer raw; // everything above points into it
	size_t line_start;
	struct header *list;
	size_t capacity;
	unsigned seen;    // which of the headers that may come only once were read
	unsigned options; // of `connection`
};

// Prepares for a head of at most `limit_bytes`; allocates nothing yet.
void head_init(struct head *head, enum head_kind kind, size_t limit_bytes);

void head_free(struct head *head);

// Prepares for the next message; keeps a few KB of memory at most. A request's is wiped, as with head_free.
void head_reset(struct head *head);

// Copies input up to the end of the head and removes that from the front of *input.
enum head_step head_read(struct head *head, struct slice *input);

// Whether a target or host holds valid bytes only, in HTTP/1.1 and HTTP/2.
bool head_is_target(struct slice text);
bool head_is_host(struct slice text);

// Whether bytes of a head were read since init or reset.
static inline bool head_has_begun(const struct head *head) {
	return head->raw.len > 0;
}

#endif
