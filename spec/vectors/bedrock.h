// SPDX-License-Identifier: Apache-2.0
// Vectors of the service's API: paths, operations, endpoints, exceptions, and usage in recorded responses.
#ifndef SPEC_VECTORS_BEDROCK_H
#define SPEC_VECTORS_BEDROCK_H

#include "aws/endpoint.h"
#include "aws/exception.h"
#include "aws/operation.h"
#include "aws/response_shape.h"
#include "report.h"

// The model operation of that name.
static inline enum operation operation_of(struct slice name) {
	for (int operation = OPERATION_UNKNOWN; operation <= OPERATION_ASYNC_INVOKE; operation++)
		if (slice_equal(slice_from(operation_name((enum operation)operation)), name))
			return (enum operation)operation;
	return OPERATION_UNKNOWN;
}

static inline bool is_printable(struct slice text) {
	for (size_t i = 0; i < text.len; i++)
		if (text.ptr[i] < 0x20 || text.ptr[i] > 0x7e)
			return false;
	return true;
}

// Formats the path, then parses it. Ids that are not printable ASCII must be refused.
static inline void path_run(const struct document *one) {
	struct slice name = json_member(one, "operation"), path = json_member(one, "path");
	struct slice id = json_member(document_get(one, "params"), "modelId"), method = json_member(one, "method");
	const char *what = json_text(document_get(one, "path"));
	enum operation operation = operation_of(name), found;
	struct buffer text;
	buffer_init(&text, 64 * 1024);
	case_begin();
	if (id.len) {
		operation_format_path(operation, id, &text);
		case_expect(what, "formatting", buffer_slice(&text), path);
	}
	enum operation_match match = operation_parse(method, path, &found, &text);
	if (!is_printable(id)) {
		if (match != OPERATION_BAD_MODEL_ID)
			case_fail(what, "parsing", "an id that is not ASCII is taken");
	} else if (match != OPERATION_MATCHED || (id.len && found != operation)) {
		case_fail(what, "parsing", "match %d, operation %s", (int)match, operation_name(found));
	} else {
		case_expect(what, "parsing", buffer_slice(&text), id);
	}
	case_end();
	buffer_free(&text);
}

// Replaces each {member} of a URI template by a word.
static inline void template_fill(const char *uri, struct buffer *path) {
	for (const char *c = uri; *c; c++) {
		if (*c == '{') {
			buffer_append(path, SLICE("some-id"));
			while (c[1] && *c != '}')
				c++;
		} else {
			buffer_append_byte(path, *c);
		}
	}
}

static inline void operation_run(const struct document *one) {
	const char *name = json_text(document_get(one, "name"));
	const char *uri = json_text(document_get(one, "uri"));
	struct buffer path, id;
	enum operation found;
	buffer_init(&path, 4096);
	buffer_init(&id, 4096);
	case_begin();
	template_fill(uri, &path);
	if (operation_parse(json_member(one, "method"), buffer_slice(&path), &found, &id) != OPERATION_MATCHED)
		case_fail(name, "parsing", "%s is not known", uri);
	else if (strstr(uri, "{modelId}"))
		case_expect(name, "parsing", slice_from(operation_name(found)), slice_from(name));
	if (operation_parse(SLICE("PATCH"), buffer_slice(&path), &found, &id) != OPERATION_WRONG_METHOD)
		case_fail(name, "another method", "is not refused as such");
	case_end();
	buffer_free(&path);
	buffer_free(&id);
}

static inline void endpoint_run(const struct document *one) {
	const struct document *params = document_get(one, "params"), *expect = document_get(one, "expect");
	const struct document *url = document_get(document_get(expect, "endpoint"), "url");
	const char *name = json_text(document_get(one, "documentation"));
	struct endpoint_variant variant = {json_is_true(document_get(params, "UseFIPS")),
	                                   json_is_true(document_get(params, "UseDualStack"))};
	struct endpoint endpoint;
	const char *expected = "";
	char text[1024];
	name = name ? name : "endpoint";
	case_begin();
	int rc =
	    endpoint_resolve(json_member(params, "Region"), json_member(params, "Endpoint"), variant, &endpoint, &expected);
	if (json_is_string(url) && rc == 0) {
		snprintf(text, sizeof text, "%s://%s%s", endpoint.tls ? "https" : "http", endpoint.authority,
		         endpoint.base_path);
		case_expect(name, "resolving", slice_from(text), json_slice(url));
	} else if (json_is_string(url) || rc == 0) {
		case_fail(name, "resolving", "status %d %s", rc, expected);
	} else {
		case_expect(name, "resolving", slice_from(expected), json_member(expect, "error"));
	}
	case_end();
}

static inline void array_each(const char *root, const char *file, const char *member,
                              void (*run)(const struct document *)) {
	struct document *json = file_read_json(root, file);
	const struct document *list = document_get(json, member);
	for (size_t i = 0; i < json_array_size(list); i++)
		run(json_array_get(list, i));
	json_free(json);
}

// {"name": "value"} or {"name": ["value"]}, as the vectors write headers.
static inline struct headers headers_of(const struct document *object, struct header *list, size_t room) {
	size_t count = 0;
	for (; object && count < object->entry_count && count < room; count++) {
		const struct document *value = &object->entries[count].value;
		list[count] = (struct header){object->entries[count].key, json_slice(value->item_count ? value->items : value)};
	}
	return (struct headers){list, count};
}

static inline void error_run(const struct document *test) {
	const char *name = json_text(document_get(test, "id"));
	const struct document *params = document_get(test, "params");
	int status = (int)json_integer(document_get(test, "code"));
	struct header list[32];
	struct exception_report report;
	struct arena arena;
	arena_init(&arena, 64 * 1024);
	case_begin();
	exception_read(status, headers_of(document_get(test, "headers"), list, 32), json_member(test, "body"), 0, &arena,
	               &report);
	case_expect(name, "name", report.name, json_member(test, "shape"));
	struct slice message = json_member(params, "message");
	case_expect(name, "message", report.message, message.len ? message : json_member(params, "Message"));
	if (report.status != status)
		case_fail(name, "status", "%d", report.status);
	case_end();
	arena_free(&arena);
}

static inline bool lists(const struct document *array, const char *word) {
	for (size_t i = 0; i < json_array_size(array); i++)
		if (strcmp(json_text(json_array_get(array, i)), word) == 0)
			return true;
	return false;
}

static inline void exception_run(const struct document *one) {
	static const enum operation streams[] = {OPERATION_CONVERSE_STREAM, OPERATION_INVOKE_MODEL_STREAM,
	                                         OPERATION_INVOKE_MODEL_BIDIRECTIONAL};
	const char *name = json_text(document_get(one, "name"));
	const struct exception *found = exception_find(slice_from(name));
	const struct document *in_stream = document_get(one, "in_stream");
	case_begin();
	if (!found) {
		case_fail(name, "table", "is not there");
	} else {
		if (found->status != json_integer(document_get(one, "http_status")))
			case_fail(name, "status", "%d", found->status);
		if (in_stream && (!found->modelled || found->in_stream != json_is_true(in_stream)))
			case_fail(name, "in stream", "differs");
		for (size_t i = 0; in_stream && i < sizeof streams / sizeof streams[0]; i++)
			if (exception_is_in_union(found, streams[i]) !=
			    lists(document_get(one, "in_stream_operations"), operation_name(streams[i])))
				case_fail(name, "union", "of %s", operation_name(streams[i]));
		struct slice type = json_member(one, "in_stream_exception_type");
		if (type.len && exception_find(type) != found)
			case_fail(name, "in-stream type", "is not known");
	}
	case_end();
}

static inline void throttling_run(const struct document *code) {
	const struct exception *found = exception_find(json_slice(code));
	case_begin();
	if (!found || found->fault != FAULT_THROTTLE)
		case_fail(json_text(code), "table", "is no throttle");
	case_end();
}

// A recorded response: its exception's name, or its usage as json_read_document reads it.
static inline void response_run(const char *name, const struct document *response) {
	struct slice body = json_member(response, "body");
	struct document *root = json_parse(body);
	const struct document *usage = document_get(root, "usage"), *input = document_get(usage, "inputTokens");
	struct response_shape found;
	struct header list[64];
	struct headers headers = headers_of(document_get(response, "headers"), list, 64);
	response_shape_read(body, &found);
	if (found.usage.input_tokens != (input ? json_integer(input) : -1))
		case_fail(name, "usage", "%lld input tokens", (long long)found.usage.input_tokens);
	struct slice stop_reason = json_member(root, "stopReason");
	if (stop_reason.len)
		case_expect(name, "stop reason", found.stop_reason, stop_reason);
	if (json_integer(document_get(response, "status")) >= 400 && headers_find(headers, SLICE("x-amzn-errortype"))) {
		struct exception_report report;
		struct arena arena;
		arena_init(&arena, 64 * 1024);
		exception_read((int)json_integer(document_get(response, "status")), headers, body, 0, &arena, &report);
		if (!exception_find(report.name))
			case_fail(name, "exception", "%.*s is not known", SLICE_ARGS(report.name));
		case_expect(name, "message", report.message, json_member(root, "message"));
		arena_free(&arena);
	}
	json_free(root);
}

static inline void response_visit(const char *folder, const char *name) {
	struct document *json = file_read_json(folder, name);
	const struct document *response = document_get(json, "response");
	case_begin();
	if (response)
		response_run(name, response);
	case_end();
	json_free(json);
}

static inline void vectors_bedrock(const char *root) {
	char folder[PATH_MAX];
	array_each(root, "bedrock/uri-encoding.json", "cases", path_run);
	array_each(root, "bedrock/operations.json", "operations", operation_run);
	array_each(root, "bedrock/endpoint-tests.json", "testCases", endpoint_run);
	array_each(root, "bedrock/endpoint-tests-derived.json", "testCases", endpoint_run);
	array_each(root, "errors/restjson1-error-tests.json", "tests", error_run);
	array_each(root, "errors/bedrock-runtime-errors.json", "exceptions", exception_run);
	array_each(root, "errors/bedrock-runtime-errors.json", "unmodeled_errors", exception_run);
	array_each(root, "errors/bedrock-runtime-errors.json", "throttling_error_codes", throttling_run);
	folder_each(path_join(folder, root, "bedrock/recorded-http"), response_visit);
}

#endif
