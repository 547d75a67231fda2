// SPDX-License-Identifier: Apache-2.0
// The encoder. Sums and checks the sizes first, so that a frame is appended completely or not at all.
#include <libdeflate.h>

#include "aws/eventstream.h"
#include "base/error.h"

enum { NAME_MAX_BYTES = 255, VALUE_MAX_BYTES = 65535, UUID_BYTES = 16 };

static int number_bytes(enum eventstream_type type) {
	switch (type) {
	case EVENTSTREAM_INT8:
		return 1;
	case EVENTSTREAM_INT16:
		return 2;
	case EVENTSTREAM_INT32:
		return 4;
	case EVENTSTREAM_INT64:
	case EVENTSTREAM_TIMESTAMP:
		return 8;
	default:
		return 0;
	}
}

static bool number_fits(int64_t number, int bytes) {
	int64_t most = bytes == 8 ? INT64_MAX : (INT64_C(1) << (8 * bytes - 1)) - 1;
	return number <= most && number >= -most - 1;
}

// Adds the header's encoded size to *size. 0 or ERROR_INVALID.
static int header_measure(const struct eventstream_header *header, size_t *size) {
	int number = number_bytes(header->type);
	if (header->name.len == 0 || header->name.len > NAME_MAX_BYTES || header->type > EVENTSTREAM_UUID)
		return ERROR_INVALID;
	if (number && !number_fits(header->number, number))
		return ERROR_INVALID;
	*size += 2 + header->name.len + (size_t)number;
	if (header->type == EVENTSTREAM_UUID) {
		*size += UUID_BYTES;
		return header->bytes.len == UUID_BYTES ? 0 : ERROR_INVALID;
	}
	if (header->type != EVENTSTREAM_BYTES && header->type != EVENTSTREAM_STRING)
		return 0;
	*size += 2 + header->bytes.len;
	return header->bytes.len <= VALUE_MAX_BYTES ? 0 : ERROR_INVALID;
}

// The put functions write into reserved memory, so they can't fail.
static void put_number(struct buffer *out, int64_t number, int bytes) {
	for (int shift = 8 * (bytes - 1); shift >= 0; shift -= 8)
		buffer_append_byte(out, (char)((uint64_t)number >> shift & 0xff));
}

static void put_header(struct buffer *out, const struct eventstream_header *header) {
	put_number(out, (int64_t)header->name.len, 1);
	buffer_append(out, header->name);
	put_number(out, header->type, 1);
	if (header->type == EVENTSTREAM_BYTES || header->type == EVENTSTREAM_STRING)
		put_number(out, (int64_t)header->bytes.len, 2);
	if (header->type >= EVENTSTREAM_BYTES && header->type != EVENTSTREAM_TIMESTAMP)
		buffer_append(out, header->bytes);
	else
		put_number(out, header->number, number_bytes(header->type));
}

static void put_checksum(struct buffer *out, size_t start) {
	put_number(out, (int64_t)libdeflate_crc32(0, (const unsigned char *)out->ptr + start, out->len - start), 4);
}

int eventstream_encode(const struct eventstream_header *headers, size_t count, struct slice payload,
                       struct buffer *out) {
	size_t headers_len = 0, start = out->len;
	for (size_t i = 0; i < count; i++) {
		if (header_measure(&headers[i], &headers_len))
			return ERROR_INVALID;
		if (headers_len > EVENTSTREAM_HEADERS_BYTES)
			return ERROR_LIMIT;
	}
	if (payload.len > EVENTSTREAM_FRAME_BYTES - EVENTSTREAM_OVERHEAD_BYTES - headers_len)
		return ERROR_LIMIT;
	size_t total = EVENTSTREAM_OVERHEAD_BYTES + headers_len + payload.len;
	int rc = buffer_reserve(out, total);
	if (rc)
		return rc;
	put_number(out, (int64_t)total, 4);
	put_number(out, (int64_t)headers_len, 4);
	put_checksum(out, start);
	for (size_t i = 0; i < count; i++)
		put_header(out, &headers[i]);
	buffer_append(out, payload);
	put_checksum(out, start);
	return 0;
}

int eventstream_encode_event(struct slice event_type, struct slice json, struct buffer *out) {
	const struct eventstream_header headers[] = {
	    eventstream_text_header(SLICE(":event-type"), event_type),
	    eventstream_text_header(SLICE(":content-type"), SLICE("application/json")),
	    eventstream_text_header(SLICE(":message-type"), SLICE("event")),
	};
	return eventstream_encode(headers, 3, json, out);
}
