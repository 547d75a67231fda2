// SPDX-License-Identifier: Apache-2.0
// Frames of application/vnd.amazon.eventstream: total length u32, headers length u32, CRC-32 of those eight bytes,
// headers, payload, CRC-32 of all bytes before it; all numbers big-endian. A header is name length u8, name, type u8,
// value. The decoder returns only complete frames with valid checksums, whose header block parses to its end.
#ifndef AWS_EVENTSTREAM_H
#define AWS_EVENTSTREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/slice.h"

enum {
	EVENTSTREAM_PRELUDE_BYTES = 12,
	EVENTSTREAM_OVERHEAD_BYTES = 16,        // the smallest frame
	EVENTSTREAM_HEADERS_BYTES = 128 * 1024, // AWS's limit for a header block
	EVENTSTREAM_HEADER_COUNT = 32,          // our own: names are compared pairwise; services send 3 or 4
	EVENTSTREAM_FRAME_BYTES = 16 * 1024 * 1024 + EVENTSTREAM_HEADERS_BYTES + EVENTSTREAM_OVERHEAD_BYTES, // AWS's limit
};

// Errors in the order of the checks: constant, name, text.
#define EVENTSTREAM_ERROR_LIST(X)                                                                                      \
	X(EVENTSTREAM_TRUNCATED, "truncated", "the stream ends within a frame")                                            \
	X(EVENTSTREAM_PRELUDE_CRC, "prelude_crc_mismatch", "the prelude's checksum is wrong")                              \
	X(EVENTSTREAM_TOO_SMALL, "total_length_too_small", "the frame's length is less than any frame's")                  \
	X(EVENTSTREAM_TOO_LARGE, "message_too_large", "the frame is larger than allowed")                                  \
	X(EVENTSTREAM_HEADERS_EXCEED, "headers_length_exceeds_message", "the headers are longer than their frame")         \
	X(EVENTSTREAM_HEADERS_TOO_LARGE, "headers_too_large", "the headers are larger than allowed")                       \
	X(EVENTSTREAM_MESSAGE_CRC, "message_crc_mismatch", "the frame's checksum is wrong")                                \
	X(EVENTSTREAM_NAME_EMPTY, "header_name_empty", "a header has no name")                                             \
	X(EVENTSTREAM_NAME_TRUNCATED, "header_name_truncated", "a header's name passes the end of the headers")            \
	X(EVENTSTREAM_TYPE_MISSING, "header_type_missing", "a header has no type")                                         \
	X(EVENTSTREAM_TYPE_UNKNOWN, "header_unknown_type", "a header has a type that is not known")                        \
	X(EVENTSTREAM_LENGTH_TRUNCATED, "header_value_length_truncated",                                                   \
	  "a header's length passes the end of the headers")                                                               \
	X(EVENTSTREAM_VALUE_TRUNCATED, "header_value_truncated", "a header's value passes the end of the headers")         \
	X(EVENTSTREAM_NOT_UTF8, "header_string_not_utf8", "a header's text is not UTF-8")                                  \
	X(EVENTSTREAM_DUPLICATE, "duplicate_header", "two headers have one name")                                          \
	X(EVENTSTREAM_TOO_MANY, "too_many_headers", "there are more headers than allowed")                                 \
	X(EVENTSTREAM_NO_MEMORY, "out_of_memory", "there is no memory for the frame")

enum eventstream_error {
	EVENTSTREAM_OK,
#define X(constant, name, text) constant,
	EVENTSTREAM_ERROR_LIST(X)
#undef X
};

// The name, such as "prelude_crc_mismatch"; "ok" for no error.
const char *eventstream_error_name(enum eventstream_error error);
// One sentence for logs and messages.
const char *eventstream_error_text(enum eventstream_error error);

// The types of header values. The constants are the numbers on the wire.
enum eventstream_type {
	EVENTSTREAM_TRUE,
	EVENTSTREAM_FALSE,
	EVENTSTREAM_INT8,
	EVENTSTREAM_INT16,
	EVENTSTREAM_INT32,
	EVENTSTREAM_INT64,
	EVENTSTREAM_BYTES,
	EVENTSTREAM_STRING,
	EVENTSTREAM_TIMESTAMP,
	EVENTSTREAM_UUID,
};

struct eventstream_header {
	struct slice name; // 1 to 255 bytes
	enum eventstream_type type;
	int64_t number;     // of the INT types; of TIMESTAMP: milliseconds since 1970
	struct slice bytes; // of BYTES and STRING: at most 65535; of UUID: 16
};

// A header of type STRING, as nearly all are.
static inline struct eventstream_header eventstream_text_header(struct slice name, struct slice text) {
	return (struct eventstream_header){.name = name, .type = EVENTSTREAM_STRING, .bytes = text};
}

// A complete, checked frame, borrowed from the input or from the decoder.
struct eventstream_frame {
	struct slice raw;
	struct slice headers; // the block, for eventstream_header_next
	struct slice payload;
};

// Reads the first header and removes it from `block`. False at the end of the block, or if the header is malformed,
// which can't happen with the block of a decoded frame.
bool eventstream_header_next(struct slice *block, struct eventstream_header *header);

// The value of a STRING header, such as ":message-type", ":event-type", ":exception-type", ":content-type"; empty if
// there is none, or if it has another type.
struct slice eventstream_frame_text(const struct eventstream_frame *frame, struct slice name);

// The name of an event: its :event-type; empty if the frame is no event.
struct slice eventstream_frame_event(const struct eventstream_frame *frame);

// The kind of a frame, by its :message-type.
enum eventstream_kind {
	EVENTSTREAM_KIND_EVENT,     // "event" with an :event-type
	EVENTSTREAM_KIND_EXCEPTION, // "exception" with an :exception-type: a modelled exception
	EVENTSTREAM_KIND_ERROR,     // "error": an unmodelled error, with :error-code and :error-message
	EVENTSTREAM_KIND_OTHER,     // a protocol violation: no such type, or its second header is missing
};
enum eventstream_kind eventstream_frame_kind(const struct eventstream_frame *frame);

struct eventstream_decoder {
	struct buffer held; // the beginning of an incomplete frame
	size_t limit_bytes;
	bool is_returned; // `held` is the frame that was returned last
	enum eventstream_error error;
};

enum eventstream_progress {
	EVENTSTREAM_MORE,   // all input is consumed; more is needed
	EVENTSTREAM_FRAME,  // *frame is filled
	EVENTSTREAM_BROKEN, // decoder->error is the reason; final, as the rest of the stream can't be read
};

// The decoder refuses frames over `limit_bytes` (at most EVENTSTREAM_FRAME_BYTES) as soon as it has their prelude.
void eventstream_decoder_init(struct eventstream_decoder *decoder, size_t limit_bytes);
void eventstream_decoder_free(struct eventstream_decoder *decoder);

// Consumes *input up to the end of one frame. Call it again while it returns EVENTSTREAM_FRAME. A frame that is
// complete in *input is not copied. *frame is valid until the next call, and as long as the input is.
enum eventstream_progress eventstream_decoder_next(struct eventstream_decoder *decoder, struct slice *input,
                                                   struct eventstream_frame *frame);

// Call this at the end of the stream: EVENTSTREAM_OK between two frames, otherwise the error.
enum eventstream_error eventstream_decoder_finish(struct eventstream_decoder *decoder);

// Appends a frame. 0; or ERROR_INVALID (a header out of bounds), ERROR_LIMIT, ERROR_MEMORY, with the buffer's content
// unchanged.
int eventstream_encode(const struct eventstream_header *headers, size_t count, struct slice payload,
                       struct buffer *out);
// Appends an event: :event-type, :content-type application/json, :message-type event.
int eventstream_encode_event(struct slice event_type, struct slice json, struct buffer *out);

#endif
