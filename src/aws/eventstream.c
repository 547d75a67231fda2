// SPDX-License-Identifier: Apache-2.0
// The decoder. The order of the checks is fixed, so that each broken frame has one error: the prelude's checksum,
// lengths, the frame's checksum, headers. A value is used only after its checksum was verified, and memory is allocated
// only for bytes that have arrived.
#include "aws/eventstream.h"

#include <libdeflate.h>

#include "aws/eventstream_headers.h"

enum {
	KEPT_BYTES = 64 * 1024, // the largest buffer that is kept for the next frame
	CRC_BYTES = 4,
	CHECKED_BYTES = 8, // the part of the prelude that its checksum covers
};

static const char *const NAMES[] = {"ok",
#define X(constant, name, text) name,
                                    EVENTSTREAM_ERROR_LIST(X)
#undef X
};

static const char *const TEXTS[] = {"nothing is wrong",
#define X(constant, name, text) text,
                                    EVENTSTREAM_ERROR_LIST(X)
#undef X
};

const char *eventstream_error_name(enum eventstream_error error) {
	return NAMES[error];
}

const char *eventstream_error_text(enum eventstream_error error) {
	return TEXTS[error];
}

static uint32_t read_u32(const char *from) {
	const unsigned char *bytes = (const unsigned char *)from;
	return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
}

// Continues the checksum `before` over more bytes.
static uint32_t checksum(uint32_t before, const char *from, size_t len) {
	return (uint32_t)libdeflate_crc32(before, (const unsigned char *)from, len);
}

// Checks the prelude, which is the twelve bytes at `from`.
static enum eventstream_error prelude_check(const char *from, size_t limit_bytes) {
	if (read_u32(from + CHECKED_BYTES) != checksum(0, from, CHECKED_BYTES))
		return EVENTSTREAM_PRELUDE_CRC;
	size_t total = read_u32(from), headers = read_u32(from + 4);
	if (total < EVENTSTREAM_OVERHEAD_BYTES)
		return EVENTSTREAM_TOO_SMALL;
	if (total > limit_bytes)
		return EVENTSTREAM_TOO_LARGE;
	if (headers > total - EVENTSTREAM_OVERHEAD_BYTES)
		return EVENTSTREAM_HEADERS_EXCEED;
	return headers > EVENTSTREAM_HEADERS_BYTES ? EVENTSTREAM_HEADERS_TOO_LARGE : EVENTSTREAM_OK;
}

// Checks the complete frame at `from`, whose prelude is valid; *frame refers to it.
static enum eventstream_error frame_check(const char *from, struct eventstream_frame *frame) {
	size_t total = read_u32(from), headers = read_u32(from + 4);
	uint32_t prelude = read_u32(from + CHECKED_BYTES); // valid, so the frame's checksum can continue from it
	if (read_u32(from + total - CRC_BYTES) !=
	    checksum(prelude, from + CHECKED_BYTES, total - CHECKED_BYTES - CRC_BYTES))
		return EVENTSTREAM_MESSAGE_CRC;
	frame->raw = slice_of(from, total);
	frame->headers = slice_of(from + EVENTSTREAM_PRELUDE_BYTES, headers);
	frame->payload = slice_of(from + EVENTSTREAM_PRELUDE_BYTES + headers, total - EVENTSTREAM_OVERHEAD_BYTES - headers);
	return eventstream_headers_check(frame->headers);
}

void eventstream_decoder_init(struct eventstream_decoder *decoder, size_t limit_bytes) {
	*decoder = (struct eventstream_decoder){0};
	decoder->limit_bytes = limit_bytes < EVENTSTREAM_FRAME_BYTES ? limit_bytes : EVENTSTREAM_FRAME_BYTES;
	buffer_init(&decoder->held,
	            decoder->limit_bytes > EVENTSTREAM_PRELUDE_BYTES ? decoder->limit_bytes : EVENTSTREAM_PRELUDE_BYTES);
}

void eventstream_decoder_free(struct eventstream_decoder *decoder) {
	buffer_free(&decoder->held);
}

static enum eventstream_progress decoder_fail(struct eventstream_decoder *decoder, enum eventstream_error error) {
	decoder->error = error;
	buffer_free(&decoder->held);
	return EVENTSTREAM_BROKEN;
}

// Moves bytes from *input until `size` bytes are held. False if memory is out.
static bool decoder_hold(struct eventstream_decoder *decoder, struct slice *input, size_t size) {
	size_t missing = size - decoder->held.len;
	size_t count = missing < input->len ? missing : input->len;
	if (buffer_append(&decoder->held, slice_of(input->ptr, count)))
		return false;
	*input = slice_from_offset(*input, count);
	return true;
}

// Continues a frame whose beginning is held.
static enum eventstream_progress decoder_continue(struct eventstream_decoder *decoder, struct slice *input,
                                                  struct eventstream_frame *frame) {
	struct buffer *held = &decoder->held;
	if (held->len < EVENTSTREAM_PRELUDE_BYTES) {
		if (!decoder_hold(decoder, input, EVENTSTREAM_PRELUDE_BYTES))
			return decoder_fail(decoder, EVENTSTREAM_NO_MEMORY);
		if (held->len < EVENTSTREAM_PRELUDE_BYTES)
			return EVENTSTREAM_MORE;
		enum eventstream_error error = prelude_check(held->ptr, decoder->limit_bytes);
		if (error)
			return decoder_fail(decoder, error);
	}
	size_t total = read_u32(held->ptr);
	if (!decoder_hold(decoder, input, total))
		return decoder_fail(decoder, EVENTSTREAM_NO_MEMORY);
	if (held->len < total)
		return EVENTSTREAM_MORE;
	enum eventstream_error error = frame_check(held->ptr, frame);
	if (error)
		return decoder_fail(decoder, error);
	decoder->is_returned = true;
	return EVENTSTREAM_FRAME;
}

enum eventstream_progress eventstream_decoder_next(struct eventstream_decoder *decoder, struct slice *input,
                                                   struct eventstream_frame *frame) {
	if (decoder->error)
		return EVENTSTREAM_BROKEN;
	if (decoder->is_returned) {
		decoder->is_returned = false;
		buffer_clear(&decoder->held);
		if (decoder->held.capacity > KEPT_BYTES)
			buffer_free(&decoder->held);
	}
	if (input->len == 0)
		return EVENTSTREAM_MORE;
	if (decoder->held.len || input->len < EVENTSTREAM_PRELUDE_BYTES)
		return decoder_continue(decoder, input, frame);
	enum eventstream_error error = prelude_check(input->ptr, decoder->limit_bytes);
	if (error)
		return decoder_fail(decoder, error);
	size_t total = read_u32(input->ptr);
	if (input->len < total)
		return decoder_hold(decoder, input, total) ? EVENTSTREAM_MORE : decoder_fail(decoder, EVENTSTREAM_NO_MEMORY);
	error = frame_check(input->ptr, frame);
	if (error)
		return decoder_fail(decoder, error);
	*input = slice_from_offset(*input, total);
	return EVENTSTREAM_FRAME;
}

enum eventstream_error eventstream_decoder_finish(struct eventstream_decoder *decoder) {
	if (decoder->error == EVENTSTREAM_OK && !decoder->is_returned && decoder->held.len > 0)
		decoder_fail(decoder, EVENTSTREAM_TRUNCATED);
	return decoder->error;
}
