// SPDX-License-Identifier: Apache-2.0
// What the vectors don't cover: limits, memory, in-place decoding, refusals of the encoder, random damage.
#include "aws/eventstream.h"

#include <stdlib.h>

#include <libdeflate.h>

#include "../check.h"
#include "base/error.h"
#include "base/random.h"

static struct buffer encoded(const struct eventstream_header *headers, size_t count, struct slice payload) {
	struct buffer out;
	buffer_init(&out, EVENTSTREAM_FRAME_BYTES);
	CHECK_INT(eventstream_encode(headers, count, payload, &out), 0);
	return out;
}

static void put_u32(char *to, uint32_t value) {
	for (int i = 0; i < 4; i++)
		to[i] = (char)(value >> (24 - 8 * i) & 0xff);
}

// Recomputes both checksums of the frame.
static void update_checksums(struct buffer *frame) {
	put_u32(frame->ptr + 8, (uint32_t)libdeflate_crc32(0, (unsigned char *)frame->ptr, 8));
	put_u32(frame->ptr + frame->len - 4, (uint32_t)libdeflate_crc32(0, (unsigned char *)frame->ptr, frame->len - 4));
}

static enum eventstream_error decode(struct slice bytes, size_t limit) {
	struct eventstream_decoder decoder;
	struct eventstream_frame frame;
	eventstream_decoder_init(&decoder, limit);
	while (eventstream_decoder_next(&decoder, &bytes, &frame) == EVENTSTREAM_FRAME)
		;
	enum eventstream_error error = eventstream_decoder_finish(&decoder);
	eventstream_decoder_free(&decoder);
	return error;
}

TEST(decodes_in_place) {
	struct buffer out;
	buffer_init(&out, 4096);
	CHECK_INT(eventstream_encode_event(SLICE("messageStart"), SLICE("{\"role\":\"assistant\"}"), &out), 0);
	size_t first = out.len;
	CHECK_INT(eventstream_encode_event(SLICE("messageStop"), SLICE("{}"), &out), 0);
	struct slice input = buffer_slice(&out);
	struct eventstream_decoder decoder;
	struct eventstream_frame frame;
	eventstream_decoder_init(&decoder, EVENTSTREAM_FRAME_BYTES);
	CHECK_INT(eventstream_decoder_next(&decoder, &input, &frame), EVENTSTREAM_FRAME);
	CHECK(frame.raw.ptr == out.ptr && frame.raw.len == first);
	CHECK_SLICE(frame.payload, SLICE("{\"role\":\"assistant\"}"));
	CHECK_SLICE(eventstream_frame_text(&frame, SLICE(":event-type")), SLICE("messageStart"));
	CHECK_SLICE(eventstream_frame_text(&frame, SLICE(":content-type")), SLICE("application/json"));
	CHECK_SLICE(eventstream_frame_text(&frame, SLICE(":exception-type")), SLICE(""));
	CHECK_INT(eventstream_frame_kind(&frame), EVENTSTREAM_KIND_EVENT);
	CHECK_INT(eventstream_decoder_next(&decoder, &input, &frame), EVENTSTREAM_FRAME);
	CHECK_INT(input.len, 0);
	CHECK_INT(eventstream_decoder_next(&decoder, &input, &frame), EVENTSTREAM_MORE);
	CHECK(!decoder.held.ptr); // nothing was copied
	CHECK_INT(eventstream_decoder_finish(&decoder), EVENTSTREAM_OK);
	eventstream_decoder_free(&decoder);
	buffer_free(&out);
}

// Two frames, cut at each offset: both are decoded.
TEST(continues_after_any_cut) {
	struct buffer out;
	buffer_init(&out, 4096);
	eventstream_encode_event(SLICE("a"), SLICE("{\"x\":1}"), &out);
	eventstream_encode_event(SLICE("b"), SLICE("{\"x\":2}"), &out);
	for (size_t cut = 0; cut <= out.len; cut++) {
		struct eventstream_decoder decoder;
		struct eventstream_frame frame;
		struct slice parts[2] = {slice_of(out.ptr, cut), slice_of(out.ptr + cut, out.len - cut)};
		const char *expected = "ab";
		eventstream_decoder_init(&decoder, EVENTSTREAM_FRAME_BYTES);
		for (int part = 0; part < 2; part++) {
			while (eventstream_decoder_next(&decoder, &parts[part], &frame) == EVENTSTREAM_FRAME) {
				struct slice type = eventstream_frame_text(&frame, SLICE(":event-type"));
				CHECK(type.len == 1 && type.ptr[0] == *expected++);
			}
			CHECK_INT(parts[part].len, 0);
		}
		CHECK_INT(*expected, 0);
		CHECK_INT(eventstream_decoder_finish(&decoder), EVENTSTREAM_OK);
		eventstream_decoder_free(&decoder);
	}
	buffer_free(&out);
}

TEST(refuses_frames_over_its_limit) {
	struct buffer frame = encoded(NULL, 0, SLICE("12345678"));
	CHECK_INT(frame.len, 24);
	CHECK_INT(decode(buffer_slice(&frame), 24), EVENTSTREAM_OK);
	CHECK_INT(decode(buffer_slice(&frame), 23), EVENTSTREAM_TOO_LARGE);
	CHECK_INT(decode(buffer_slice(&frame), 0), EVENTSTREAM_TOO_LARGE);
	// The prelude is enough.
	CHECK_INT(decode(slice_of(frame.ptr, 12), 23), EVENTSTREAM_TOO_LARGE);
	put_u32(frame.ptr, EVENTSTREAM_FRAME_BYTES + 1);
	update_checksums(&frame);
	CHECK_INT(decode(slice_of(frame.ptr, 12), SIZE_MAX), EVENTSTREAM_TOO_LARGE);
	buffer_free(&frame);
}

// A large frame takes memory only as its bytes arrive, and the decoder frees it after it has returned the frame.
TEST(allocates_only_for_received_bytes) {
	size_t size = 1024 * 1024;
	char *payload = calloc(1, size);
	struct buffer frame = encoded(NULL, 0, slice_of(payload, size));
	struct eventstream_decoder decoder;
	struct eventstream_frame found;
	eventstream_decoder_init(&decoder, EVENTSTREAM_FRAME_BYTES);
	struct slice head = slice_of(frame.ptr, 100), tail = slice_of(frame.ptr + 100, frame.len - 100);
	CHECK_INT(eventstream_decoder_next(&decoder, &head, &found), EVENTSTREAM_MORE);
	CHECK(decoder.held.capacity <= 4096);
	CHECK_INT(eventstream_decoder_next(&decoder, &tail, &found), EVENTSTREAM_FRAME);
	CHECK_INT(found.payload.len, size);
	CHECK_INT(eventstream_decoder_next(&decoder, &tail, &found), EVENTSTREAM_MORE);
	CHECK_INT(decoder.held.capacity, 0);
	eventstream_decoder_free(&decoder);
	buffer_free(&frame);
	free(payload);
}

// After an error the decoder returns no further frames, even valid ones.
TEST(stays_broken) {
	struct buffer out = encoded(NULL, 0, SLICE("x"));
	struct eventstream_decoder decoder;
	struct eventstream_frame frame;
	struct slice junk = SLICE("HTTP/1.1 502 Bad Gateway\r\n"), good = buffer_slice(&out);
	eventstream_decoder_init(&decoder, EVENTSTREAM_FRAME_BYTES);
	CHECK_INT(eventstream_decoder_next(&decoder, &junk, &frame), EVENTSTREAM_BROKEN);
	CHECK_INT(decoder.error, EVENTSTREAM_PRELUDE_CRC);
	CHECK_INT(eventstream_decoder_next(&decoder, &good, &frame), EVENTSTREAM_BROKEN);
	CHECK_INT(eventstream_decoder_finish(&decoder), EVENTSTREAM_PRELUDE_CRC);
	CHECK_STRING(eventstream_error_name(decoder.error), "prelude_crc_mismatch");
	CHECK_STRING(eventstream_error_name(EVENTSTREAM_OK), "ok");
	CHECK(strlen(eventstream_error_text(EVENTSTREAM_NO_MEMORY)) > 0);
	eventstream_decoder_free(&decoder);
	buffer_free(&out);
}

struct block_row {
	const char *block;
	size_t len;
	enum eventstream_error error;
};

#define BLOCK(bytes) bytes, sizeof bytes - 1

static const struct block_row BLOCKS[] = {
    {BLOCK("\1a\0\1b\1"), EVENTSTREAM_OK},
    {BLOCK("\0\7\0\0"), EVENTSTREAM_NAME_EMPTY},
    {BLOCK("\2a"), EVENTSTREAM_NAME_TRUNCATED},
    {BLOCK("\1"), EVENTSTREAM_NAME_TRUNCATED},
    {BLOCK("\1a"), EVENTSTREAM_TYPE_MISSING},
    {BLOCK("\1a\12"), EVENTSTREAM_TYPE_UNKNOWN},
    {BLOCK("\1a\377"), EVENTSTREAM_TYPE_UNKNOWN},
    {BLOCK("\1a\2"), EVENTSTREAM_VALUE_TRUNCATED},
    {BLOCK("\1a\3x"), EVENTSTREAM_VALUE_TRUNCATED},
    {BLOCK("\1a\4xxx"), EVENTSTREAM_VALUE_TRUNCATED},
    {BLOCK("\1a\10xxxxxxx"), EVENTSTREAM_VALUE_TRUNCATED},
    {BLOCK("\1a\11xxxxxxxxxxxxxxx"), EVENTSTREAM_VALUE_TRUNCATED},
    {BLOCK("\1a\7"), EVENTSTREAM_LENGTH_TRUNCATED},
    {BLOCK("\1a\6\0"), EVENTSTREAM_LENGTH_TRUNCATED},
    {BLOCK("\1a\7\0\1"), EVENTSTREAM_VALUE_TRUNCATED},
    {BLOCK("\1a\6\377\377x"), EVENTSTREAM_VALUE_TRUNCATED},
    {BLOCK("\1a\0\1a\1"), EVENTSTREAM_DUPLICATE},
    {BLOCK("\1a\0\2aa\1\1b\0\2aa\0"), EVENTSTREAM_DUPLICATE},
    // UTF-8 (RFC 3629).
    {BLOCK("\1a\7\0\2\303\251"), EVENTSTREAM_OK},
    {BLOCK("\1a\7\0\4\360\237\230\200"), EVENTSTREAM_OK},
    {BLOCK("\1a\7\0\14ascii ascii!"), EVENTSTREAM_OK},
    {BLOCK("\1a\7\0\12ascii asc\303"), EVENTSTREAM_NOT_UTF8},
    {BLOCK("\1a\7\0\1\200"), EVENTSTREAM_NOT_UTF8},
    {BLOCK("\1a\7\0\2\300\257"), EVENTSTREAM_NOT_UTF8},
    {BLOCK("\1a\7\0\3\340\200\257"), EVENTSTREAM_NOT_UTF8},
    {BLOCK("\1a\7\0\3\355\240\200"), EVENTSTREAM_NOT_UTF8},
    {BLOCK("\1a\7\0\4\364\220\200\200"), EVENTSTREAM_NOT_UTF8},
    {BLOCK("\1a\7\0\4\365\200\200\200"), EVENTSTREAM_NOT_UTF8},
    {BLOCK("\1a\7\0\2\303("), EVENTSTREAM_NOT_UTF8},
    {BLOCK("\1a\6\0\1\200"), EVENTSTREAM_OK}, // bytes may be anything
};

// Header blocks in frames with valid checksums, each in an allocation of its exact size.
TEST(reports_each_error_in_headers) {
	for (size_t i = 0; i < sizeof BLOCKS / sizeof BLOCKS[0]; i++) {
		struct buffer frame = encoded(NULL, 0, slice_of(BLOCKS[i].block, BLOCKS[i].len));
		put_u32(frame.ptr + 4, (uint32_t)BLOCKS[i].len); // turns the payload into the header block
		update_checksums(&frame);
		char *copy = malloc(frame.len);
		memcpy(copy, frame.ptr, frame.len);
		CHECK_STRING(eventstream_error_name(decode(slice_of(copy, frame.len), EVENTSTREAM_FRAME_BYTES)),
		             eventstream_error_name(BLOCKS[i].error));
		free(copy);
		buffer_free(&frame);
	}
}

TEST(bounds_the_number_of_headers) {
	enum { MOST = 32 };
	struct eventstream_header headers[MOST + 1];
	char names[MOST + 1][12];
	for (int i = 0; i <= MOST; i++) {
		snprintf(names[i], sizeof names[i], "%d", i);
		headers[i] = (struct eventstream_header){.name = slice_from(names[i]), .type = EVENTSTREAM_TRUE};
	}
	struct buffer most = encoded(headers, MOST, SLICE(""));
	struct buffer more = encoded(headers, MOST + 1, SLICE(""));
	CHECK_INT(decode(buffer_slice(&most), EVENTSTREAM_FRAME_BYTES), EVENTSTREAM_OK);
	CHECK_INT(decode(buffer_slice(&more), EVENTSTREAM_FRAME_BYTES), EVENTSTREAM_TOO_MANY);
	buffer_free(&most);
	buffer_free(&more);
}

// Each flipped bit of a frame is detected.
TEST(sees_every_flipped_bit) {
	struct buffer out;
	buffer_init(&out, 4096);
	eventstream_encode_event(SLICE("contentBlockDelta"), SLICE("{\"delta\":{\"text\":\"hello\"}}"), &out);
	for (size_t bit = 0; bit < 8 * out.len; bit++) {
		out.ptr[bit / 8] = (char)(out.ptr[bit / 8] ^ (1 << bit % 8));
		CHECK(decode(buffer_slice(&out), EVENTSTREAM_FRAME_BYTES) != EVENTSTREAM_OK);
		out.ptr[bit / 8] = (char)(out.ptr[bit / 8] ^ (1 << bit % 8));
	}
	CHECK_INT(decode(buffer_slice(&out), EVENTSTREAM_FRAME_BYTES), EVENTSTREAM_OK);
	buffer_free(&out);
}

// Random damage to lengths and headers with valid checksums: the decoder never reads out of bounds.
TEST(handles_damage_with_valid_checksums) {
	struct random_source random;
	const struct eventstream_header headers[] = {
	    eventstream_text_header(SLICE(":event-type"), SLICE("chunk")),
	    {.name = SLICE("n"), .type = EVENTSTREAM_INT32, .number = -5},
	    {.name = SLICE("u"), .type = EVENTSTREAM_UUID, .bytes = SLICE("0123456789abcdef")},
	};
	struct buffer good = encoded(headers, 3, SLICE("payload"));
	int refused = 0;
	random_init(&random, 7);
	for (int round = 0; round < 20000; round++) {
		struct buffer frame = encoded(headers, 3, SLICE("payload"));
		for (uint64_t i = random_below(&random, 4); i != UINT64_MAX; i--)
			frame.ptr[4 + random_below(&random, frame.len - 8)] = (char)random_next(&random);
		frame.ptr[4] = frame.ptr[5] = frame.ptr[6] = 0; // else most have headers beyond their end
		update_checksums(&frame);
		char *copy = malloc(frame.len);
		memcpy(copy, frame.ptr, frame.len);
		refused += decode(slice_of(copy, frame.len), EVENTSTREAM_FRAME_BYTES) != EVENTSTREAM_OK;
		free(copy);
		buffer_free(&frame);
	}
	CHECK(refused > 1000 && refused < 20000);
	buffer_free(&good);
}

TEST(refuses_to_encode_values_out_of_bounds) {
	static char large[70000];
	struct buffer out;
	buffer_init(&out, 4 * EVENTSTREAM_HEADERS_BYTES);
	const struct slice name = SLICE("n");
	const struct eventstream_header bad[] = {
	    {.name = SLICE(""), .type = EVENTSTREAM_TRUE},
	    {.name = slice_of(large, 256), .type = EVENTSTREAM_TRUE},
	    {.name = name, .type = EVENTSTREAM_INT8, .number = 128},
	    {.name = name, .type = EVENTSTREAM_INT8, .number = -129},
	    {.name = name, .type = EVENTSTREAM_INT16, .number = 32768},
	    {.name = name, .type = EVENTSTREAM_INT32, .number = INT64_C(2147483648)},
	    {.name = name, .type = EVENTSTREAM_STRING, .bytes = slice_of(large, 65536)},
	    {.name = name, .type = EVENTSTREAM_BYTES, .bytes = slice_of(large, 65536)},
	    {.name = name, .type = EVENTSTREAM_UUID, .bytes = slice_of(large, 15)},
	    {.name = name, .type = (enum eventstream_type)10},
	};
	buffer_append(&out, SLICE("before"));
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		CHECK_INT(eventstream_encode(&bad[i], 1, SLICE(""), &out), ERROR_INVALID);
	struct eventstream_header half = {.name = name, .type = EVENTSTREAM_BYTES, .bytes = slice_of(large, 65535)};
	const struct eventstream_header too_much[] = {half, half, half};
	CHECK_INT(eventstream_encode(too_much, 3, SLICE(""), &out), ERROR_LIMIT);
	CHECK_INT(eventstream_encode(NULL, 0, slice_of(large, SIZE_MAX / 2), &out), ERROR_LIMIT);
	CHECK_SLICE(buffer_slice(&out), SLICE("before"));
	buffer_free(&out);
	buffer_init(&out, 20);
	CHECK_INT(eventstream_encode(NULL, 0, SLICE("12345"), &out), ERROR_LIMIT);
	CHECK_INT(out.len, 0);
	buffer_free(&out);
}

int main(void) {
	RUN(decodes_in_place);
	RUN(continues_after_any_cut);
	RUN(refuses_frames_over_its_limit);
	RUN(allocates_only_for_received_bytes);
	RUN(stays_broken);
	RUN(reports_each_error_in_headers);
	RUN(bounds_the_number_of_headers);
	RUN(sees_every_flipped_bit);
	RUN(handles_damage_with_valid_checksums);
	RUN(refuses_to_encode_values_out_of_bounds);
	return check_summary();
}
