// SPDX-License-Identifier: Apache-2.0
// HTTP/1.1 messages from a socket: however the input is split, the head and the body are the same.
#include "fuzz.h"

#include "base/buffer.h"
#include "http/framing.h"
#include "http/head.h"

enum { HEAD_BYTES = 4096, BODY_BYTES = 1 << 20, STATUS_NO_CONTENT = 204 };

// The result of reading a message.
struct reading {
	struct head head;
	enum head_step step;
	enum framing_step end; // of the body
	struct buffer body;
	size_t rest; // bytes that belong to the next message
};

static void read_body(struct reading *reading, struct slice input, size_t piece_bytes) {
	struct framing framing;
	framing_init(&framing, reading->head.framing, reading->head.content_length);
	reading->end = FRAMING_MORE;
	for (bool again = true; again;) {
		struct slice given = slice_of(input.ptr, input.len < piece_bytes ? input.len : piece_bytes);
		size_t size = given.len;
		struct slice piece;
		reading->end = framing_read(&framing, &given, &piece);
		PROMISE(given.len <= size);
		if (reading->end == FRAMING_PIECE) {
			PROMISE(piece.len > 0 && piece.len <= size);
			buffer_append(&reading->body, piece);
		}
		input = slice_from_offset(input, size - given.len);
		again = reading->end == FRAMING_PIECE || (reading->end == FRAMING_MORE && input.len);
	}
	reading->rest = input.len;
}

static void read_message(struct reading *reading, enum head_kind kind, bool responds_to_head, struct slice input,
                         size_t piece_bytes) {
	head_init(&reading->head, kind, HEAD_BYTES);
	buffer_init(&reading->body, BODY_BYTES);
	reading->head.responds_to_head = responds_to_head;
	reading->rest = 0;
	do {
		struct slice given = slice_of(input.ptr, input.len < piece_bytes ? input.len : piece_bytes);
		size_t size = given.len;
		reading->step = head_read(&reading->head, &given);
		PROMISE(reading->step != HEAD_MORE || given.len == 0);
		input = slice_from_offset(input, size - given.len);
	} while (reading->step == HEAD_MORE && input.len);
	if (reading->step == HEAD_WHOLE)
		read_body(reading, input, piece_bytes);
}

static void compare_heads(const struct head *one, const struct head *other) {
	PROMISE(slice_equal(one->method, other->method) && slice_equal(one->target, other->target));
	PROMISE(slice_equal(one->path, other->path) && slice_equal(one->query, other->query));
	PROMISE(one->status == other->status && one->minor_version == other->minor_version);
	PROMISE(one->keep_alive == other->keep_alive && one->framing == other->framing);
	PROMISE(one->content_length == other->content_length && one->headers.count == other->headers.count);
	for (size_t i = 0; i < one->headers.count; i++) {
		PROMISE(slice_equal(one->headers.list[i].name, other->headers.list[i].name));
		PROMISE(slice_equal(one->headers.list[i].value, other->headers.list[i].value));
	}
}

// Checks the invariants of an accepted head.
static void check_head(const struct head *head) {
	for (size_t i = 0; i < head->headers.count; i++) {
		struct header header = head->headers.list[i];
		PROMISE(header.name.len > 0);
		PROMISE(!memchr(header.name.ptr, ' ', header.name.len) && !memchr(header.name.ptr, ':', header.name.len));
		PROMISE(!header.value.len || !memchr(header.value.ptr, '\n', header.value.len));
		PROMISE(!header.value.len || !memchr(header.value.ptr, '\r', header.value.len));
		PROMISE(!header.value.len || !memchr(header.value.ptr, '\0', header.value.len));
	}
	if (head->kind == HEAD_REQUEST) {
		size_t hosts = 0;
		for (size_t i = 0; i < head->headers.count; i++)
			hosts += slice_equal_nocase(head->headers.list[i].name, SLICE("host"));
		PROMISE(head->method.len > 0 && head->target.len > 0 && head_is_target(head->target));
		PROMISE(hosts <= 1 && (hosts == 1 || head->minor_version == 0));
	}
	if (head->responds_to_head || head->status == STATUS_NO_CONTENT)
		PROMISE(head->kind == HEAD_REQUEST || head->framing == FRAMING_NONE);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
	struct fuzz_input input = {data, size};
	uint8_t flags = fuzz_byte(&input);
	size_t piece_bytes = (size_t)fuzz_byte(&input) + 1;
	enum head_kind kind = flags & 1 ? HEAD_RESPONSE : HEAD_REQUEST;
	bool responds_to_head = kind == HEAD_RESPONSE && (flags & 2);
	struct slice message = fuzz_copy(&input, SIZE_MAX);
	struct reading whole, pieces;
	read_message(&whole, kind, responds_to_head, message, message.len ? message.len : 1);
	read_message(&pieces, kind, responds_to_head, message, piece_bytes);
	PROMISE(whole.step == pieces.step);
	if (whole.step == HEAD_REFUSED)
		PROMISE(whole.head.refusal_status == pieces.head.refusal_status && whole.head.refusal_reason);
	if (whole.step == HEAD_WHOLE) {
		check_head(&whole.head);
		compare_heads(&whole.head, &pieces.head);
		PROMISE(slice_equal(buffer_slice(&whole.body), buffer_slice(&pieces.body)));
		PROMISE(whole.end == pieces.end);
		PROMISE(whole.end == FRAMING_MALFORMED || whole.rest == pieces.rest);
	}
	head_free(&whole.head);
	head_free(&pieces.head);
	buffer_free(&whole.body);
	buffer_free(&pieces.body);
	fuzz_free(message);
	return 0;
}
