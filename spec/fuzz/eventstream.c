// SPDX-License-Identifier: Apache-2.0
// Event streams: however the input is split, the frames are the same, and each frame keeps its invariants. The fuzzer
// can't guess checksums, so half of the inputs get right ones.
#include "fuzz.h"

#include "aws/eventstream.h"
#include "aws/exception.h"
#include "aws/response_shape.h"
#include "base/arena.h"
#include "base/buffer.h"

#include <libdeflate.h>

enum { FRAME_BYTES = 4096, STREAM_BYTES = 1 << 20, CHECKSUM_BYTES = 4, HEADERS_MAX = 64, ARENA_BYTES = 1 << 16 };

static void put_u32(uint8_t *to, uint32_t value) {
	for (int i = 0; i < CHECKSUM_BYTES; i++)
		to[i] = (uint8_t)(value >> (24 - 8 * i));
}

// Makes frames with right lengths and checksums of the input's bytes.
static void make_stream(struct fuzz_input *input, struct buffer *stream) {
	while (input->size) {
		uint8_t frame[EVENTSTREAM_OVERHEAD_BYTES + 1024];
		size_t headers = fuzz_byte(input) * 2u, payload = fuzz_byte(input);
		headers = headers < input->size ? headers : input->size;
		payload = payload < input->size - headers ? payload : input->size - headers;
		size_t total = EVENTSTREAM_OVERHEAD_BYTES + headers + payload;
		put_u32(frame, (uint32_t)total);
		put_u32(frame + 4, (uint32_t)headers);
		put_u32(frame + 8, libdeflate_crc32(0, frame, 8));
		memcpy(frame + EVENTSTREAM_PRELUDE_BYTES, input->data, headers + payload);
		put_u32(frame + total - CHECKSUM_BYTES, libdeflate_crc32(0, frame, total - CHECKSUM_BYTES));
		buffer_append(stream, slice_of((const char *)frame, total));
		input->data += headers + payload;
		input->size -= headers + payload;
	}
}

// Reads a frame, and checks that writing it again gives the same bytes.
static void check_frame(const struct eventstream_frame *frame) {
	struct eventstream_header headers[HEADERS_MAX];
	size_t count = 0;
	struct slice block = frame->headers;
	while (count < HEADERS_MAX && eventstream_header_next(&block, &headers[count]))
		count++;
	struct buffer again;
	buffer_init(&again, FRAME_BYTES + EVENTSTREAM_OVERHEAD_BYTES);
	if (block.len == 0 && eventstream_encode(headers, count, frame->payload, &again) == 0)
		PROMISE(slice_equal(buffer_slice(&again), frame->raw));
	buffer_free(&again);
	struct arena arena;
	struct exception_report report;
	arena_init(&arena, ARENA_BYTES);
	enum eventstream_kind kind = eventstream_frame_kind(frame);
	if (kind == EVENTSTREAM_KIND_EXCEPTION || kind == EVENTSTREAM_KIND_ERROR)
		exception_read_frame(frame, &arena, &report);
	arena_free(&arena);
	struct response_shape shape;
	response_shape_read(frame->payload, &shape);
	response_shape_read_chunk(frame->payload, &shape.usage);
}

struct reading {
	struct buffer frames; // the frames decoded so far, joined
	enum eventstream_error error;
};

static void read_stream(struct reading *reading, struct slice input, size_t piece_bytes, bool check) {
	struct eventstream_decoder decoder;
	eventstream_decoder_init(&decoder, FRAME_BYTES);
	buffer_init(&reading->frames, STREAM_BYTES);
	enum eventstream_progress progress = EVENTSTREAM_MORE;
	while (input.len && progress != EVENTSTREAM_BROKEN) {
		struct slice given = slice_of(input.ptr, input.len < piece_bytes ? input.len : piece_bytes);
		input = slice_from_offset(input, given.len);
		struct eventstream_frame frame;
		while ((progress = eventstream_decoder_next(&decoder, &given, &frame)) == EVENTSTREAM_FRAME) {
			buffer_append(&reading->frames, frame.raw);
			if (check)
				check_frame(&frame);
		}
		PROMISE(progress == EVENTSTREAM_BROKEN || given.len == 0);
	}
	reading->error = progress == EVENTSTREAM_BROKEN ? decoder.error : eventstream_decoder_finish(&decoder);
	eventstream_decoder_free(&decoder);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
	struct fuzz_input input = {data, size};
	bool makes_frames = fuzz_byte(&input) & 1;
	size_t piece_bytes = (size_t)fuzz_byte(&input) + 1;
	struct buffer made;
	buffer_init(&made, STREAM_BYTES);
	if (makes_frames)
		make_stream(&input, &made);
	else
		buffer_append(&made, slice_of((const char *)input.data, input.size));
	struct fuzz_input bytes = {(const uint8_t *)made.ptr, made.len};
	struct slice stream = fuzz_copy(&bytes, SIZE_MAX);
	struct reading whole, pieces;
	read_stream(&whole, stream, stream.len ? stream.len : 1, true);
	read_stream(&pieces, stream, piece_bytes, false);
	PROMISE(whole.error == pieces.error);
	PROMISE(slice_equal(buffer_slice(&whole.frames), buffer_slice(&pieces.frames)));
	if (whole.error == EVENTSTREAM_OK)
		PROMISE(slice_equal(buffer_slice(&whole.frames), stream));
	buffer_free(&whole.frames);
	buffer_free(&pieces.frames);
	buffer_free(&made);
	fuzz_free(stream);
	return 0;
}
