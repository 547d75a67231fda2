// SPDX-License-Identifier: Apache-2.0
// The header block of a frame. The check and the readers share one parser.
#include "aws/eventstream_headers.h"

#include "base/slice.h"

// The size of a value, by type; 0 for BYTES and STRING, whose length precedes them.
static const uint8_t FIXED_BYTES[] = {0, 0, 1, 2, 4, 8, 0, 0, 8, 16};

static bool has_length(enum eventstream_type type) {
	return type == EVENTSTREAM_BYTES || type == EVENTSTREAM_STRING;
}

// A big-endian two's complement number of 1 to 8 bytes.
static int64_t read_number(const char *from, size_t len) {
	uint64_t value = (from[0] & 0x80) ? UINT64_MAX : 0;
	for (size_t i = 0; i < len; i++)
		value = value << 8 | (unsigned char)from[i];
	return (int64_t)value;
}

static void header_set_value(struct eventstream_header *header, struct slice value) {
	switch (header->type) {
	case EVENTSTREAM_INT8:
	case EVENTSTREAM_INT16:
	case EVENTSTREAM_INT32:
	case EVENTSTREAM_INT64:
	case EVENTSTREAM_TIMESTAMP:
		header->number = read_number(value.ptr, value.len);
		break;
	case EVENTSTREAM_BYTES:
	case EVENTSTREAM_STRING:
	case EVENTSTREAM_UUID:
		header->bytes = value;
		break;
	case EVENTSTREAM_TRUE:
	case EVENTSTREAM_FALSE:
		break;
	}
}

// Reads one header and removes it from the block, which isn't empty.
static enum eventstream_error header_take(struct slice *block, struct eventstream_header *header) {
	*header = (struct eventstream_header){0};
	struct slice rest = slice_from_offset(*block, 1);
	size_t len = (unsigned char)block->ptr[0];
	if (len == 0)
		return EVENTSTREAM_NAME_EMPTY;
	if (len > rest.len)
		return EVENTSTREAM_NAME_TRUNCATED;
	header->name = slice_of(rest.ptr, len);
	rest = slice_from_offset(rest, len);
	if (rest.len == 0)
		return EVENTSTREAM_TYPE_MISSING;
	unsigned char type = (unsigned char)rest.ptr[0];
	if (type > EVENTSTREAM_UUID)
		return EVENTSTREAM_TYPE_UNKNOWN;
	header->type = (enum eventstream_type)type;
	rest = slice_from_offset(rest, 1);
	len = FIXED_BYTES[type];
	if (has_length(header->type)) {
		if (rest.len < 2)
			return EVENTSTREAM_LENGTH_TRUNCATED;
		len = (size_t)(unsigned char)rest.ptr[0] << 8 | (unsigned char)rest.ptr[1];
		rest = slice_from_offset(rest, 2);
	}
	if (len > rest.len)
		return EVENTSTREAM_VALUE_TRUNCATED;
	header_set_value(header, slice_of(rest.ptr, len));
	*block = slice_from_offset(rest, len);
	return EVENTSTREAM_OK;
}

bool eventstream_header_next(struct slice *block, struct eventstream_header *header) {
	return block->len > 0 && header_take(block, header) == EVENTSTREAM_OK;
}

static bool is_among(const struct slice *names, size_t count, struct slice name) {
	for (size_t i = 0; i < count; i++)
		if (slice_equal(names[i], name))
			return true;
	return false;
}

enum eventstream_error eventstream_headers_check(struct slice block) {
	struct slice names[EVENTSTREAM_HEADER_COUNT];
	struct eventstream_header header;
	for (size_t count = 0; block.len; count++) {
		if (count == EVENTSTREAM_HEADER_COUNT)
			return EVENTSTREAM_TOO_MANY;
		enum eventstream_error error = header_take(&block, &header);
		if (error)
			return error;
		if (header.type == EVENTSTREAM_STRING && !slice_is_utf8(header.bytes))
			return EVENTSTREAM_NOT_UTF8;
		if (is_among(names, count, header.name))
			return EVENTSTREAM_DUPLICATE;
		names[count] = header.name;
	}
	return EVENTSTREAM_OK;
}

struct slice eventstream_frame_text(const struct eventstream_frame *frame, struct slice name) {
	struct slice block = frame->headers;
	struct eventstream_header header;
	while (eventstream_header_next(&block, &header))
		if (slice_equal(header.name, name))
			return header.type == EVENTSTREAM_STRING ? header.bytes : (struct slice){0};
	return (struct slice){0};
}

struct slice eventstream_frame_event(const struct eventstream_frame *frame) {
	return eventstream_frame_text(frame, SLICE(":event-type"));
}

enum eventstream_kind eventstream_frame_kind(const struct eventstream_frame *frame) {
	struct slice type = eventstream_frame_text(frame, SLICE(":message-type"));
	if (slice_equal(type, SLICE("event")) && eventstream_frame_event(frame).len)
		return EVENTSTREAM_KIND_EVENT;
	if (slice_equal(type, SLICE("exception")) && eventstream_frame_text(frame, SLICE(":exception-type")).len)
		return EVENTSTREAM_KIND_EXCEPTION;
	return slice_equal(type, SLICE("error")) ? EVENTSTREAM_KIND_ERROR : EVENTSTREAM_KIND_OTHER;
}
