// SPDX-License-Identifier: Apache-2.0
// Event-stream vectors: frames that must decode and encode back, and frames that must be refused. Bytes are fed at
// once, one by one and in random pieces. Each piece is in an allocation of its exact size, so that a sanitizer sees
// every read past its end.
#ifndef SPEC_VECTORS_FRAMES_H
#define SPEC_VECTORS_FRAMES_H

#include "aws/eventstream.h"
#include "report.h"

enum feeding { FEED_WHOLE, FEED_BYTES, FEED_RANDOM, FEEDINGS };
static const char *const FEEDING_NAMES[] = {"fed whole", "fed byte by byte", "fed in random pieces"};

// Called with every frame, numbered from 0.
typedef void (*frame_visit)(void *owner, size_t index, const struct eventstream_frame *frame);

static inline size_t piece_size(enum feeding feeding, struct random_source *random, size_t left) {
	size_t size = feeding == FEED_WHOLE ? left : feeding == FEED_BYTES ? 1 : 1 + (size_t)random_below(random, 97);
	return size < left ? size : left;
}

// Feeds the bytes and then the end of the stream. Returns the error, and the number of frames in *count.
static inline enum eventstream_error decoder_feed(struct slice bytes, enum feeding feeding, frame_visit visit,
                                                  void *owner, size_t *count) {
	struct eventstream_decoder decoder;
	struct random_source random;
	enum eventstream_progress progress = EVENTSTREAM_MORE;
	random_init(&random, bytes.len);
	eventstream_decoder_init(&decoder, EVENTSTREAM_FRAME_BYTES);
	*count = 0;
	while (bytes.len && progress != EVENTSTREAM_BROKEN) {
		size_t size = piece_size(feeding, &random, bytes.len);
		char *piece = malloc(size);
		if (!piece)
			abort();
		memcpy(piece, bytes.ptr, size);
		bytes = slice_from_offset(bytes, size);
		struct slice input = {piece, size};
		struct eventstream_frame frame;
		while ((progress = eventstream_decoder_next(&decoder, &input, &frame)) == EVENTSTREAM_FRAME)
			visit(owner, (*count)++, &frame);
		free(piece);
	}
	enum eventstream_error error = eventstream_decoder_finish(&decoder);
	eventstream_decoder_free(&decoder);
	return error;
}

static inline void uuid_format(struct slice bytes, char text[37]) {
	char *to = text;
	for (size_t i = 0; i < bytes.len; i++) {
		if (i == 4 || i == 6 || i == 8 || i == 10)
			*to++ = '-';
		to += snprintf(to, 3, "%02x", (unsigned char)bytes.ptr[i]);
	}
}

// Whether a decoded header matches its description.
static inline bool header_is(const struct eventstream_header *header, const struct document *expected) {
	const struct document *value = document_get(expected, "value");
	if (!slice_equal(header->name, json_member(expected, "name")) ||
	    (int64_t)header->type != json_integer(document_get(expected, "type_id")))
		return false;
	char text[37];
	bool same;
	switch (header->type) {
	case EVENTSTREAM_TRUE:
		return json_is_true(value);
	case EVENTSTREAM_FALSE:
		return json_is_false(value);
	case EVENTSTREAM_STRING:
		return slice_equal(header->bytes, json_slice(value));
	case EVENTSTREAM_UUID:
		uuid_format(header->bytes, text);
		return slice_equal(slice_from(text), json_slice(value));
	case EVENTSTREAM_BYTES: {
		struct slice bytes = base64_bytes(json_slice(value));
		same = slice_equal(header->bytes, bytes);
		bytes_free(bytes);
		return same;
	}
	case EVENTSTREAM_INT64:
	case EVENTSTREAM_TIMESTAMP:
		return json_is_string(value) && header->number == strtoll(json_text(value), NULL, 10);
	default:
		return json_is_integer(value) && header->number == json_integer(value);
	}
}

enum { LISTED_HEADERS = EVENTSTREAM_HEADER_COUNT };

// Encodes the frame's headers and payload again and compares all bytes.
static inline void expect_encoding(const char *name, const struct eventstream_frame *frame) {
	static struct eventstream_header headers[LISTED_HEADERS];
	size_t count = 0;
	struct slice block = frame->headers;
	while (eventstream_header_next(&block, &headers[count]))
		count++;
	struct buffer out;
	buffer_init(&out, EVENTSTREAM_FRAME_BYTES);
	int rc = eventstream_encode(headers, count, frame->payload, &out);
	if (rc || !slice_equal(buffer_slice(&out), frame->raw))
		case_fail(name, "encoding", "status %d, %zu bytes where %zu were read", rc, out.len, frame->raw.len);
	buffer_free(&out);
}

// Compares a frame with its description, and encodes it back.
static inline void expect_frame(const char *name, const char *stage, const struct document *expected,
                                const struct eventstream_frame *frame) {
	const struct document *headers = document_get(expected, "headers"), *text = document_get(expected, "payload_utf8");
	struct eventstream_header header;
	struct slice block = frame->headers;
	size_t count = 0;
	while (eventstream_header_next(&block, &header)) {
		if (!header_is(&header, json_array_get(headers, count)))
			case_fail(name, stage, "header %zu (%.*s) differs", count, SLICE_ARGS(header.name));
		count++;
	}
	if (count != json_array_size(headers))
		case_fail(name, stage, "%zu headers, expected %zu", count, json_array_size(headers));
	if (json_is_string(text))
		case_expect(name, stage, frame->payload, json_slice(text));
	if (document_get(expected, "payload_base64")) {
		struct slice bytes = base64_bytes(json_member(expected, "payload_base64"));
		if (!slice_equal(bytes, frame->payload))
			case_fail(name, stage, "the payload differs");
		bytes_free(bytes);
	}
	expect_encoding(name, frame);
}

struct frame_case {
	const char *name;
	const char *stage;
	const struct document *json;
};

static inline void positive_frame(void *owner, size_t index, const struct eventstream_frame *frame) {
	struct frame_case *one = owner;
	if (index == 0)
		expect_frame(one->name, one->stage, one->json, frame);
}

static inline void positive_run(struct frame_case *one, struct slice bytes, enum feeding feeding) {
	size_t count;
	enum eventstream_error error = decoder_feed(bytes, feeding, positive_frame, one, &count);
	if (error)
		case_fail(one->name, one->stage, "%s", eventstream_error_name(error));
	if (count != 1)
		case_fail(one->name, one->stage, "%zu frames", count);
}

static inline void ignore_frame(void *owner, size_t index, const struct eventstream_frame *frame) {
	(void)owner, (void)index, (void)frame;
}

static inline void negative_run(struct frame_case *one, struct slice bytes, enum feeding feeding) {
	size_t count;
	enum eventstream_error error = decoder_feed(bytes, feeding, ignore_frame, NULL, &count);
	struct slice found = slice_from(eventstream_error_name(error)), expected = json_member(one->json, "error");
	if (!error || count) {
		case_fail(one->name, one->stage, "it is taken for good, expected %.*s", SLICE_ARGS(expected));
	} else if (!slice_equal(found, expected)) {
		if (vectors_strict)
			case_expect(one->name, one->stage, found, expected);
		else if (feeding == FEED_WHOLE)
			printf("note   %s: refused as %.*s, listed as %.*s\n", one->name, SLICE_ARGS(found), SLICE_ARGS(expected));
	}
}

// Calls `run` for the pair NAME.json, NAME.bin in each way of feeding.
static inline void pair_run(const char *folder, const char *name,
                            void (*run)(struct frame_case *, struct slice, enum feeding)) {
	char path[PATH_MAX], bin[PATH_MAX];
	struct slice ending = SLICE(".json"), file = slice_from(name);
	if (!slice_ends(file, ending))
		return;
	snprintf(bin, sizeof bin, "%.*s.bin", (int)(file.len - ending.len), name);
	struct document *json = file_read_json(folder, name);
	if (!json)
		return;
	struct slice bytes = file_read(folder, bin);
	struct frame_case one = {.name = path_join(path, folder, bin), .json = json};
	case_begin();
	if (!bytes.ptr)
		case_fail(path, "reading", "there is no such file");
	for (int feeding = FEED_WHOLE; feeding < FEEDINGS && bytes.ptr; feeding++) {
		one.stage = FEEDING_NAMES[feeding];
		run(&one, bytes, (enum feeding)feeding);
	}
	case_end();
	bytes_free(bytes);
	json_free(json);
}

static inline void positive_visit(const char *folder, const char *name) {
	pair_run(folder, name, positive_run);
}

static inline void negative_visit(const char *folder, const char *name) {
	pair_run(folder, name, negative_run);
}

static inline void vectors_frames(const char *root) {
	char folder[PATH_MAX];
	folder_each(path_join(folder, root, "eventstream/frames/positive"), positive_visit);
	folder_each(path_join(folder, root, "eventstream/frames/negative"), negative_visit);
}

#endif
