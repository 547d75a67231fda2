// SPDX-License-Identifier: Apache-2.0
// The head of an HTTP/1.1 request or response, gathered and read strictly: what two parsers could understand in two
// ways (bare line feeds, folded lines, a space before the colon, a second or contradictory length) is refused. Any
// chunking of the input, down to single bytes, gives the same result.
#ifndef HTTP_HEAD_H
#define HTTP_HEAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/header.h"
#include "base/slice.h"
#include "http/framing.h"

// A target beyond this is refused as too long even where the head may be larger.
enum { HEAD_TARGET_BYTES = 16384, HEAD_METHOD_BYTES = 32, HEAD_FIELDS = 256 };

enum head_kind { HEAD_REQUEST, HEAD_RESPONSE };

enum head_step {
	HEAD_MORE,    // all input is taken, the head isn't whole
	HEAD_WHOLE,   // the fields below are set; what is left of the input comes after the head
	HEAD_REFUSED, // refusal_status and refusal_reason are set
};

struct head {
	// Of a request. `path` is of the target up to `?`, without scheme and authority where the target has them.
	struct slice method, target, path, query;
	bool expects_continue; // expect: 100-continue
	bool expects_other;    // an expectation that is not known
	// Of a response.
	int status;
	bool responses_head; // set it before reading: the response is to a HEAD request and has no body
	// Of both. `framing` and `content_length` (0 unless FRAMING_LENGTH) are what framing_init wants.
	unsigned minor_version; // 0 or 1
	struct headers headers; // names as they came; values trimmed. `host` is an absolute target's, where there is one
	bool keep_alive;        // the connection can carry another message after this one
	enum framing_kind framing;
	uint64_t content_length;

	int refusal_status;         // 400, 414, 431, 501, 505; for responses only 431 (too large) differs from the rest
	const char *refusal_reason; // one short line, static

	// Its own.
	enum head_kind kind;
	bool blank_skipped;
	struct buffer raw; // everything above points into it
	size_t line_start;
	struct header *list;
	size_t capacity;
	unsigned seen; // which of the headers that may come only once have come
};

// Ready for a head of at most `limit_bytes`; allocates nothing yet.
void head_init(struct head *head, enum head_kind kind, size_t limit_bytes);

void head_free(struct head *head);

// Forgets the message and is ready for the next; keeps a few KB of memory at most.
void head_reset(struct head *head);

// Copies input up to the end of the head and drops that from the front of *input.
enum head_step head_read(struct head *head, struct slice *input);

// The bytes that a target and a host may be made of, whichever protocol brings them.
bool head_is_target(struct slice text);
bool head_is_host(struct slice text);

// Whether bytes of a head have come since init or reset.
static inline bool head_has_begun(const struct head *head) {
	return head->raw.len > 0;
}

#endif
