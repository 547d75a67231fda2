// SPDX-License-Identifier: Apache-2.0
// Reads a failure from an upstream's response, and writes one for a client. The input is untrusted: sizes are bounded,
// and an invalid name counts as none, since the name goes into a header.
#include "aws/exception.h"

#include <strings.h>

#include "base/json_walk.h"
#include "base/json_writer.h"

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

// "FooError" of "aws.example#FooError:http://..."; empty if the rest is no valid name.
static struct slice bare_name(struct slice text) {
	text.len = slice_find(text, ':');
	size_t hash = slice_find(text, '#');
	if (hash < text.len)
		text = slice_from_offset(text, hash + 1);
	text = slice_trim(text);
	return is_name(text) ? text : (struct slice){0};
}

enum { CODE, TYPE, LOWER_MESSAGE, UPPER_MESSAGE, TEXTS };

// The texts of a failure's JSON body, with their escapes; empty if absent.
struct failure_body {
	struct json_token texts[TEXTS];
};

// A body that is no JSON object has no texts.
static void failure_body_read(struct slice body, struct failure_body *out) {
	static const struct json_path paths[] = {[CODE] = {{"code"}},
	                                         [TYPE] = {{"__type"}},
	                                         [LOWER_MESSAGE] = {{"message"}},
	                                         [UPPER_MESSAGE] = {{"Message"}},
	                                         {{0}}};
	struct json_walk walk;
	*out = (struct failure_body){0};
	if (body.len > BODY_BYTES)
		return;
	json_walk_init(&walk, paths, body);
	do {
		json_walk_next(&walk);
		if (walk.path != JSON_NO_PATH && walk.token.kind == JSON_STRING)
			out->texts[walk.path] = walk.token;
	} while (!json_walk_is_over(&walk));
	if (walk.token.kind == JSON_BROKEN)
		*out = (struct failure_body){0};
}

// Copies up to MESSAGE_BYTES without splitting a UTF-8 sequence.
static struct slice copy_message(struct slice text, struct arena *arena) {
	if (text.len > MESSAGE_BYTES) {
		text.len = MESSAGE_BYTES;
		while (text.len && (text.ptr[text.len] & 0xc0) == 0x80)
			text.len--;
	}
	return text.len ? arena_copy(arena, text) : (struct slice){0};
}

static struct slice failure_body_message(const struct failure_body *body, struct arena *arena) {
	const struct json_token *token = &body->texts[body->texts[LOWER_MESSAGE].text.len ? LOWER_MESSAGE : UPPER_MESSAGE];
	if (!token->is_escaped)
		return copy_message(token->text, arena);
	struct buffer plain;
	buffer_init(&plain, BODY_BYTES);
	json_unescape(token->text, &plain);
	struct slice message = copy_message(buffer_slice(&plain), arena);
	buffer_free(&plain);
	return message;
}

static struct slice failure_body_name(const struct failure_body *body) {
	struct slice name = bare_name(body->texts[CODE].text);
	return name.len ? name : bare_name(body->texts[TYPE].text);
}

// Whether the word occurs in the text, in any case, also as a part of another word.
static bool has_word(struct slice text, struct slice word) {
	for (size_t i = 0; i + word.len <= text.len; i++)
		if (strncasecmp(text.ptr + i, word.ptr, word.len) == 0)
			return true;
	return false;
}

// Only the service's message says which limit is reached, or that a model lacks the tier. "Reservation not found." is
// the message for the reserved tier without a reservation.
static enum shortage find_shortage(const struct exception_report *report) {
	if (slice_equal(report->name, SLICE("ThrottlingException"))) {
		if (has_word(report->message, SLICE("token")))
			return SHORTAGE_TOKENS;
		return has_word(report->message, SLICE("request")) ? SHORTAGE_REQUESTS : SHORTAGE_NONE;
	}
	bool is_refusal = report->status == 400 && slice_equal(report->name, SLICE("ValidationException"));
	bool is_about_tier =
	    has_word(report->message, SLICE("tier")) || has_word(report->message, SLICE("reservation not found"));
	return is_refusal && is_about_tier ? SHORTAGE_TIER : SHORTAGE_NONE;
}

void exception_read(int status, struct headers headers, struct slice body, int64_t wall_s, struct arena *arena,
                    struct exception_report *report) {
	const struct slice *type = headers_find(headers, SLICE("x-amzn-errortype"));
	struct failure_body parsed;
	failure_body_read(body, &parsed);
	struct slice name = type ? bare_name(*type) : (struct slice){0};
	if (name.len == 0)
		name = failure_body_name(&parsed);
	const struct exception *exception = exception_find(name);
	if (!exception)
		exception = exception_by_status(status);
	*report = (struct exception_report){
	    .name = name.len ? arena_copy(arena, name) : name,
	    .message = failure_body_message(&parsed, arena),
	    .status = status,
	    .type = exception->type,
	    .fault = exception->fault,
	    .retry_after_ms = exception_retry_after_ms(headers, wall_s),
	};
	report->shortage = find_shortage(report);
}

// The exception's name: "ThrottlingException" for "throttlingException".
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
	struct failure_body parsed;
	failure_body_read(frame->payload, &parsed);
	struct slice message = eventstream_frame_text(frame, SLICE(":error-message"));
	*report = (struct exception_report){
	    .name = shape_name(type, exception, arena),
	    .message = message.len ? copy_message(message, arena) : failure_body_message(&parsed, arena),
	    .status = exception ? exception->status : 500,
	    .type = meaning->type,
	    .fault = meaning->fault,
	    .retry_after_ms = -1,
	};
	report->shortage = find_shortage(report);
}

int exception_format_body(struct slice message, struct buffer *out) {
	struct json_writer json;
	json_writer_init(&json, out);
	json_begin_object(&json, NULL);
	json_write_string(&json, "message", message);
	json_end_object(&json);
	return out->failed ? ERROR_LIMIT : 0;
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
