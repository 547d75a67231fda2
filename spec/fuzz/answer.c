// SPDX-License-Identifier: Apache-2.0
// What upstreams and clients send, as text: error responses, token counts, bodies, paths.
#include "fuzz.h"

#include "aws/exception.h"
#include "aws/operation.h"
#include "aws/request_shape.h"
#include "aws/response_shape.h"
#include "base/arena.h"
#include "base/buffer.h"
#include "base/json.h"

enum { ARENA_BYTES = 1 << 16, TEXT_BYTES = 1 << 20, LONGEST_RETRY_MS = 300000, WALL_S = 1767225600 };

static void read_failure(struct fuzz_input *input) {
	static const char *const names[] = {"x-amzn-errortype", "Retry-After", "x-amz-retry-after"};
	enum { COUNT = sizeof names / sizeof *names };
	struct header list[COUNT];
	struct arena arena;
	struct exception_report report;
	int status = 100 + fuzz_byte(input) * 2;
	for (size_t i = 0; i < COUNT; i++)
		list[i] = (struct header){slice_from(names[i]), fuzz_copy(input, fuzz_byte(input))};
	struct slice body = fuzz_copy(input, SIZE_MAX);
	arena_init(&arena, ARENA_BYTES);
	exception_read(status, (struct headers){list, COUNT}, body, WALL_S, &arena, &report);
	PROMISE(report.retry_after_ms >= -1 && report.retry_after_ms <= LONGEST_RETRY_MS);
	PROMISE(report.status == status);
	arena_free(&arena);
	fuzz_free(body);
	for (size_t i = 0; i < COUNT; i++)
		fuzz_free(list[i].value);
}

static void add_text(void *owner, struct slice piece, bool begins) {
	(void)begins;
	buffer_append(owner, piece);
}

static bool is_within(struct slice part, struct slice whole) {
	return part.len == 0 || (part.ptr >= whole.ptr && part.ptr + part.len <= whole.ptr + whole.len);
}

static void read_shapes(struct fuzz_input *input) {
	struct slice body = fuzz_copy(input, SIZE_MAX);
	struct request_shape request;
	struct response_shape response;
	struct buffer texts;
	request_shape_read(body, &request);
	PROMISE(request.max_tokens >= -1 && request.input_tokens <= body.len);
	PROMISE(is_within(request.metadata, body) && is_within(request.tier, body) && is_within(request.system, body));
	PROMISE(is_within(request.tools, body) && is_within(request.tool_config, body) &&
	        is_within(request.first_message, body));
	struct response_shape sliced;
	struct response_scan scan;
	response_shape_read(body, &response);
	response_scan_begin(&scan, body, &sliced);
	while (!response_scan_step(&scan, 1 + body.len % 7))
		;
	PROMISE(memcmp(&response, &sliced, sizeof response) == 0);
	response_shape_read_chunk(body, &response.usage);
	PROMISE(is_within(response.stop_reason, body) && is_within(response.tier, body));
	// Unescaping makes no text longer.
	buffer_init(&texts, TEXT_BYTES);
	request_shape_each_text(body, add_text, &texts);
	response_shape_each_text(body, add_text, &texts);
	PROMISE(texts.len <= 2 * body.len);
	buffer_free(&texts);
	fuzz_free(body);
}

static void read_json(struct fuzz_input *input) {
	struct slice text = fuzz_copy(input, SIZE_MAX);
	struct document document;
	struct json_reader reader;
	struct json_token token;
	json_reader_init(&reader, text);
	do {
		token = json_next(&reader);
		PROMISE(is_within(token.text, text));
	} while (token.kind != JSON_END && token.kind != JSON_BROKEN);
	bool is_read = json_read_document(text, &document) == 0;
	PROMISE(!is_read || token.kind == JSON_END);
	PROMISE(is_read || document.kind == DOCUMENT_NIL);
	document_free(&document);
	fuzz_free(text);
}

static void read_path(struct fuzz_input *input) {
	struct slice path = fuzz_copy(input, SIZE_MAX);
	struct buffer id, again, same;
	enum operation operation, same_operation;
	buffer_init(&id, TEXT_BYTES);
	buffer_init(&again, TEXT_BYTES);
	buffer_init(&same, TEXT_BYTES);
	bool matched = operation_parse(SLICE("POST"), path, &operation, &id) == OPERATION_MATCHED;
	if (matched && operation_is_on_model(operation)) {
		PROMISE(operation_format_path(operation, buffer_slice(&id), &again) == 0);
		PROMISE(operation_parse(SLICE("POST"), buffer_slice(&again), &same_operation, &same) == OPERATION_MATCHED);
		PROMISE(same_operation == operation && slice_equal(buffer_slice(&same), buffer_slice(&id)));
	}
	buffer_free(&id);
	buffer_free(&again);
	buffer_free(&same);
	fuzz_free(path);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
	static void (*const readers[])(struct fuzz_input * input) = {read_failure, read_shapes, read_json, read_path};
	struct fuzz_input input = {data, size};
	readers[fuzz_byte(&input) % (sizeof readers / sizeof *readers)](&input);
	return 0;
}
