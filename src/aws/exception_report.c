// SPDX-License-Identifier: Apache-2.0
// Reading a failure from an upstream's answer, and writing one for a client. What is read is a stranger's: sizes are
// bounded, and a name that could not be a name (it goes into a header) counts as none.
#include <jansson.h>

#include "aws/exception.h"

enum { NAME_BYTES = 128, MESSAGE_BYTES = 4096, BODY_BYTES = 256 * 1024 };

static bool is_name(struct slice text) {
	if (text.len == 0 || text.len > NAME_BYTES)
		return false;
	for (size_t i = 0; i < text.len; i++) {
		char c = text.ptr[i];
		if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '.' ||
		      c == '-'))
			return false;
	}
	return true;
}

// "aws.example#FooError:http://..." is "FooError"; empty where what is left is no name.
static struct slice bare_name(struct slice text) {
	text.len = slice_find(text, ':');
	size_t hash = slice_find(text, '#');
	if (hash < text.len)
		text = slice_from_offset(text, hash + 1);
	text = slice_trim(text);
	return is_name(text) ? text : (struct slice){0};
}

static struct slice json_text(const json_t *object, const char *key) {
	const json_t *value = json_object_get(object, key);
	return json_is_string(value) ? slice_of(json_string_value(value), json_string_length(value)) : (struct slice){0};
}

// NULL where the body is no JSON object.
static json_t *body_parse(struct slice body) {
	if (body.len == 0 || body.len > BODY_BYTES)
		return NULL;
	json_t *root = json_loadb(body.ptr, body.len, JSON_ALLOW_NUL, NULL);
	if (root && !json_is_object(root)) {
		json_decref(root);
		root = NULL;
	}
	return root;
}

// Copies up to MESSAGE_BYTES, not cutting a UTF-8 sequence.
static struct slice copy_message(struct slice text, struct arena *arena) {
	if (text.len > MESSAGE_BYTES) {
		text.len = MESSAGE_BYTES;
		while (text.len && (text.ptr[text.len] & 0xc0) == 0x80)
			text.len--;
	}
	return text.len ? arena_copy(arena, text) : (struct slice){0};
}

static struct slice body_message(const json_t *body) {
	struct slice message = json_text(body, "message");
	return message.len ? message : json_text(body, "Message");
}

static struct slice body_name(const json_t *body) {
	struct slice name = bare_name(json_text(body, "code"));
	return name.len ? name : bare_name(json_text(body, "__type"));
}

void exception_read(int status, struct headers headers, struct slice body, int64_t wall_s, struct arena *arena,
                    struct exception_report *report) {
	const struct slice *type = headers_find(headers, SLICE("x-amzn-errortype"));
	json_t *root = body_parse(body);
	struct slice name = type ? bare_name(*type) : (struct slice){0};
	if (name.len == 0)
		name = body_name(root);
	const struct exception *exception = exception_find(name);
	if (!exception)
		exception = exception_by_status(status);
	*report = (struct exception_report){
	    .name = name.len ? arena_copy(arena, name) : name,
	    .message = copy_message(body_message(root), arena),
	    .status = status,
	    .type = exception->type,
	    .fault = exception->fault,
	    .retry_after_ms = exception_retry_after_ms(headers, wall_s),
	};
	json_decref(root);
}

// The shape's name: "ThrottlingException" for "throttlingException".
static struct slice shape_name(struct slice type, const struct exception *exception, struct arena *arena) {
	if (exception)
		return slice_from(exception->name);
	return type.len ? arena_copy(arena, type) : type;
}

void exception_read_frame(const struct eventstream_frame *frame, struct arena *arena, struct exception_report *report) {
	bool unmodelled = eventstream_frame_kind(frame) == EVENTSTREAM_KIND_ERROR;
	struct slice type = eventstream_frame_text(frame, unmodelled ? SLICE(":error-code") : SLICE(":exception-type"));
	type = bare_name(type);
	const struct exception *exception = exception_find(type);
	const struct exception *meaning = exception ? exception : exception_by_status(500);
	json_t *root = body_parse(frame->payload);
	struct slice message = eventstream_frame_text(frame, SLICE(":error-message"));
	*report = (struct exception_report){
	    .name = shape_name(type, exception, arena),
	    .message = copy_message(message.len ? message : body_message(root), arena),
	    .status = exception ? exception->status : 500,
	    .type = meaning->type,
	    .fault = meaning->fault,
	    .retry_after_ms = -1,
	};
	json_decref(root);
}

int exception_format_body(struct slice message, struct buffer *out) {
	buffer_append(out, SLICE("{\"message\":"));
	buffer_append_json(out, message);
	return buffer_append_byte(out, '}');
}

int exception_format_frame(enum operation operation, struct slice name, struct slice message, struct buffer *out) {
	const struct exception *exception = exception_find(name);
	if (!exception || !exception_is_in_union(exception, operation))
		exception = exception_find(SLICE("ModelStreamErrorException"));
	char type[NAME_BYTES];
	struct slice canonical = slice_from(exception->name);
	memcpy(type, canonical.ptr, canonical.len);
	type[0] = (char)(type[0] | 0x20);
	const struct eventstream_header headers[] = {
	    eventstream_text_header(SLICE(":exception-type"), slice_of(type, canonical.len)),
	    eventstream_text_header(SLICE(":content-type"), SLICE("application/json")),
	    eventstream_text_header(SLICE(":message-type"), SLICE("exception")),
	};
	struct buffer body;
	buffer_init(&body, EVENTSTREAM_FRAME_BYTES);
	int rc = exception_format_body(message, &body);
	if (rc == 0)
		rc = eventstream_encode(headers, sizeof headers / sizeof headers[0], buffer_slice(&body), out);
	buffer_free(&body);
	return rc;
}
