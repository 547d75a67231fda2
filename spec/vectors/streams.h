// SPDX-License-Identifier: Apache-2.0
// Event-stream vectors of several frames, and the Smithy protocol tests of single events. The codec and the exception
// table decide how a stream ends.
#ifndef SPEC_VECTORS_STREAMS_H
#define SPEC_VECTORS_STREAMS_H

#include <time.h>

#include "aws/exception.h"
#include "aws/response_shape.h"
#include "frames.h"

// The observed part of a stream.
struct stream_seen {
	const struct frame_case *one;
	size_t good;                      // the number of events before the first frame of another kind
	bool stopped;                     // messageStop was received
	bool ended;                       // by a frame of another kind
	struct token_usage usage, parsed; // as response_shape and json_read_document read it
	const char *result;
	struct arena arena;
	struct slice exception_type, error_code;
	struct exception_report report;
};

static inline void see_ending(struct stream_seen *seen, const struct eventstream_frame *frame,
                              enum eventstream_kind kind) {
	seen->ended = true;
	seen->result = kind == EVENTSTREAM_KIND_EXCEPTION ? "exception"
	               : kind == EVENTSTREAM_KIND_ERROR   ? "error"
	                                                  : "protocol_error";
	struct slice type = eventstream_frame_text(frame, SLICE(":exception-type"));
	struct slice code = eventstream_frame_text(frame, SLICE(":error-code"));
	seen->exception_type = arena_copy(&seen->arena, type);
	seen->error_code = arena_copy(&seen->arena, code);
	if (kind != EVENTSTREAM_KIND_OTHER)
		exception_read_frame(frame, &seen->arena, &seen->report);
}

static inline int64_t token_count(const struct document *object, const char *name, int64_t otherwise) {
	const struct document *count = document_get(object, name);
	return json_is_integer(count) ? json_integer(count) : otherwise;
}

// Reads usage from an event both ways. False when the payload is no JSON.
static inline bool see_usage(struct stream_seen *seen, struct slice payload) {
	struct document *root = json_parse(payload), *chunk = NULL;
	if (!root)
		return false;
	struct response_shape shape;
	response_shape_read(payload, &shape);
	if (shape.usage.input_tokens >= 0)
		seen->usage = shape.usage;
	response_shape_read_chunk(payload, &seen->usage);
	if (document_get(root, "bytes")) {
		struct slice bytes = base64_bytes(json_member(root, "bytes"));
		chunk = json_parse(bytes);
		bytes_free(bytes);
	}
	const struct document *usage = document_get(root, "usage");
	const struct document *metrics = document_get(chunk, "amazon-bedrock-invocationMetrics");
	struct token_usage *parsed = &seen->parsed;
	parsed->input_tokens = token_count(usage, "inputTokens", parsed->input_tokens);
	parsed->output_tokens = token_count(usage, "outputTokens", parsed->output_tokens);
	parsed->input_tokens = token_count(metrics, "inputTokenCount", parsed->input_tokens);
	parsed->output_tokens = token_count(metrics, "outputTokenCount", parsed->output_tokens);
	json_free(chunk);
	json_free(root);
	return true;
}

static inline void stream_frame(void *owner, size_t index, const struct eventstream_frame *frame) {
	struct stream_seen *seen = owner;
	const struct document *frames = document_get(seen->one->json, "frames"), *expected = json_array_get(frames, index);
	if (expected)
		expect_frame(seen->one->name, seen->one->stage, expected, frame);
	enum eventstream_kind kind = eventstream_frame_kind(frame);
	if (seen->ended)
		return;
	if (kind != EVENTSTREAM_KIND_EVENT) {
		see_ending(seen, frame, kind);
	} else if (!see_usage(seen, frame->payload)) {
		seen->ended = true;
		seen->result = "protocol_error";
	} else {
		seen->good++;
		seen->stopped |= slice_equal(eventstream_frame_text(frame, SLICE(":event-type")), SLICE("messageStop"));
	}
}

static inline void expect_report(const struct frame_case *one, const struct document *outcome,
                                 const struct stream_seen *seen) {
	const struct document *before = document_get(outcome, "frames_before");
	const struct document *status = document_get(outcome, "http_status_of_shape");
	if (before && (int64_t)seen->good != json_integer(before))
		case_fail(one->name, one->stage, "%zu good events before it", seen->good);
	if (document_get(outcome, "exception_type"))
		case_expect(one->name, one->stage, seen->exception_type, json_member(outcome, "exception_type"));
	if (document_get(outcome, "error_code"))
		case_expect(one->name, one->stage, seen->error_code, json_member(outcome, "error_code"));
	if (json_is_string(document_get(outcome, "error_name")))
		case_expect(one->name, one->stage, seen->report.name, json_member(outcome, "error_name"));
	if (json_is_string(document_get(outcome, "message")))
		case_expect(one->name, one->stage, seen->report.message, json_member(outcome, "message"));
	if (status && seen->report.status != json_integer(status))
		case_fail(one->name, one->stage, "status %d", seen->report.status);
}

// How the stream ends. Streams of the service have an operation and JSON payloads; those of codec tests have neither,
// only frames.
static inline const char *stream_result(const struct stream_seen *seen, enum eventstream_error error) {
	struct slice operation = json_member(seen->one->json, "operation");
	if (seen->ended && (operation.len || error))
		return seen->result;
	if (error)
		return error == EVENTSTREAM_TRUNCATED ? "incomplete" : "corrupt";
	return slice_equal(operation, SLICE("ConverseStream")) && !seen->stopped ? "incomplete" : "ok";
}

static inline void expect_ending(const struct stream_seen *seen, enum eventstream_error error) {
	const struct frame_case *one = seen->one;
	const struct document *outcome = document_get(one->json, "outcome");
	struct slice found = slice_from(stream_result(seen, error)), expected = json_member(outcome, "result");
	// The vectors list a stream that ends within a frame either way.
	bool cut = slice_equal(found, SLICE("incomplete")) && error && slice_equal(expected, SLICE("corrupt"));
	if ((cut || case_expect(one->name, one->stage, found, expected)) && seen->ended)
		expect_report(one, outcome, seen);
}

static inline void stream_run(struct frame_case *one, struct slice bytes, enum feeding feeding) {
	struct stream_seen seen = {.one = one, .usage = TOKEN_USAGE_UNKNOWN, .parsed = TOKEN_USAGE_UNKNOWN};
	size_t count;
	arena_init(&seen.arena, 64 * 1024);
	enum eventstream_error error = decoder_feed(bytes, feeding, stream_frame, &seen, &count);
	if (count < json_array_size(document_get(one->json, "frames")))
		case_fail(one->name, one->stage, "only %zu frames came", count);
	expect_ending(&seen, error);
	if (seen.usage.input_tokens != seen.parsed.input_tokens || seen.usage.output_tokens != seen.parsed.output_tokens)
		case_fail(one->name, one->stage, "usage %lld, %lld", (long long)seen.usage.input_tokens,
		          (long long)seen.usage.output_tokens);
	arena_free(&seen.arena);
}

static inline void stream_visit(const char *folder, const char *name) {
	pair_run(folder, name, stream_run);
}

static inline void stream_folder(const char *parent, const char *name) {
	char folder[PATH_MAX];
	folder_each(path_join(folder, parent, name), stream_visit);
}

// Whether a header matches its form in a Smithy test, {"TYPE": value}.
static inline bool smithy_header_is(const struct eventstream_header *header, const struct document *expected) {
	const char *type = expected && expected->entry_count ? expected->entries[0].key.ptr : NULL;
	const struct document *value = document_get(expected, type);
	if (!type)
		return false;
	if (strcmp(type, "boolean") == 0)
		return header->type == (json_is_true(value) ? EVENTSTREAM_TRUE : EVENTSTREAM_FALSE);
	if (strcmp(type, "string") == 0)
		return header->type == EVENTSTREAM_STRING && slice_equal(header->bytes, json_slice(value));
	if (strcmp(type, "blob") == 0) {
		struct slice bytes = base64_bytes(json_slice(value));
		bool same = header->type == EVENTSTREAM_BYTES && slice_equal(header->bytes, bytes);
		bytes_free(bytes);
		return same;
	}
	if (strcmp(type, "timestamp") == 0) {
		struct tm utc = {0};
		return json_is_string(value) && strptime(json_text(value), "%Y-%m-%dT%H:%M:%SZ", &utc) &&
		       header->type == EVENTSTREAM_TIMESTAMP && header->number == timegm(&utc) * 1000;
	}
	int64_t number = json_is_string(value) ? strtoll(json_text(value), NULL, 10) : json_integer(value);
	return header->type >= EVENTSTREAM_INT8 && header->type <= EVENTSTREAM_INT64 && header->number == number;
}

static inline void smithy_frame(void *owner, size_t index, const struct eventstream_frame *frame) {
	const struct frame_case *one = owner;
	const struct document *headers = document_get(one->json, "headers"), *body = document_get(one->json, "body");
	struct slice block = frame->headers;
	struct eventstream_header header;
	size_t count = 0;
	(void)index;
	for (; eventstream_header_next(&block, &header); count++) {
		char name[256];
		snprintf(name, sizeof name, "%.*s", SLICE_ARGS(header.name));
		if (!smithy_header_is(&header, document_get(headers, name)))
			case_fail(one->name, one->stage, "header %s differs", name);
	}
	if (count != (headers ? headers->entry_count : 0))
		case_fail(one->name, one->stage, "%zu headers", count);
	if (json_is_string(body))
		case_expect(one->name, one->stage, frame->payload, json_slice(body));
	expect_encoding(one->name, frame);
}

static inline void kind_of_frame(void *owner, size_t index, const struct eventstream_frame *frame) {
	(void)index;
	*(enum eventstream_kind *)owner = eventstream_frame_kind(frame);
}

// Decodes an event with each way of feeding and returns its kind.
static inline enum eventstream_kind smithy_event(const char *name, const struct document *event) {
	struct slice bytes = base64_bytes(json_member(event, "bytes"));
	enum eventstream_kind kind = EVENTSTREAM_KIND_OTHER;
	size_t count;
	for (int feeding = FEED_WHOLE; feeding < FEEDINGS; feeding++) {
		struct frame_case one = {name, FEEDING_NAMES[feeding], event};
		enum eventstream_error error = decoder_feed(bytes, (enum feeding)feeding, smithy_frame, &one, &count);
		if (error || count != 1)
			case_fail(name, one.stage, "%s, %zu frames", eventstream_error_name(error), count);
	}
	decoder_feed(bytes, FEED_WHOLE, kind_of_frame, &kind, &count);
	bytes_free(bytes);
	return kind;
}

// Only failures of events concern the codec. A missing initial message depends on the operation, and an error before
// the stream is an HTTP response.
static inline void smithy_run(const struct document *test) {
	const char *name = json_text(document_get(test, "id"));
	struct slice applies_to = json_member(test, "appliesTo");
	const struct document *events = document_get(test, "events");
	bool fails = document_get(document_get(test, "expectation"), "failure") != NULL, failed = false;
	if (json_array_size(events) == 0 || (fails && slice_equal(applies_to, SLICE("server"))))
		return;
	case_begin();
	for (size_t i = 0; i < json_array_size(events); i++)
		failed |= smithy_event(name, json_array_get(events, i)) != EVENTSTREAM_KIND_EVENT;
	if (failed != fails)
		case_fail(name, "kind of event", "%s", failed ? "refused or raised" : "taken for a good one");
	case_end();
}

static inline void vectors_streams(const char *root) {
	char folder[PATH_MAX];
	folder_each(path_join(folder, root, "eventstream/streams"), stream_folder);
	struct document *smithy =
	    file_read_json(path_join(folder, root, "eventstream"), "smithy-restjson1-event-stream-tests.json");
	const struct document *tests = document_get(smithy, "tests");
	for (size_t i = 0; i < json_array_size(tests); i++)
		smithy_run(json_array_get(tests, i));
	json_free(smithy);
}

#endif
