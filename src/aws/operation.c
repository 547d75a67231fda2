// SPDX-License-Identifier: Apache-2.0
// Matches raw paths against the API's URI templates. Only raw slashes separate segments; an escaped slash belongs to
// its segment. Some clients don't escape the slashes of an ARN: the text between the fixed first and last segments is
// then the ARN, and only an ARN may contain a slash.
#include "aws/operation.h"

#include "aws/percent.h"
#include "base/error.h"

// A template is MODEL_PREFIX, a model id, a suffix.
struct operation_row {
	enum operation operation;
	const char *name;
	struct slice suffix;
	bool streaming;
	bool family_bound;
};

static const struct operation_row MODEL_OPERATIONS[] = {
    {OPERATION_CONVERSE, "Converse", {"/converse", 9}, false, false},
    {OPERATION_CONVERSE_STREAM, "ConverseStream", {"/converse-stream", 16}, true, false},
    {OPERATION_INVOKE_MODEL, "InvokeModel", {"/invoke", 7}, false, true},
    {OPERATION_INVOKE_MODEL_STREAM, "InvokeModelWithResponseStream", {"/invoke-with-response-stream", 28}, true, true},
    {OPERATION_INVOKE_MODEL_BIDIRECTIONAL,
     "InvokeModelWithBidirectionalStream",
     {"/invoke-with-bidirectional-stream", 33},
     true,
     true},
    {OPERATION_COUNT_TOKENS, "CountTokens", {"/count-tokens", 13}, false, true},
};
enum { MODEL_OPERATION_COUNT = sizeof MODEL_OPERATIONS / sizeof MODEL_OPERATIONS[0], MODEL_ID_BYTES = 2048 };

#define MODEL_PREFIX SLICE("/model/")

static const struct operation_row *operation_row(enum operation operation) {
	for (size_t i = 0; i < MODEL_OPERATION_COUNT; i++)
		if (MODEL_OPERATIONS[i].operation == operation)
			return &MODEL_OPERATIONS[i];
	return NULL;
}

const char *operation_name(enum operation operation) {
	const struct operation_row *row = operation_row(operation);
	if (row)
		return row->name;
	switch (operation) {
	case OPERATION_APPLY_GUARDRAIL:
		return "ApplyGuardrail";
	case OPERATION_GUARDRAIL_CHECKS:
		return "InvokeGuardrailChecks";
	case OPERATION_ASYNC_INVOKE:
		return "AsyncInvoke";
	default:
		return "Unknown";
	}
}

bool operation_is_streaming(enum operation operation) {
	const struct operation_row *row = operation_row(operation);
	return row && row->streaming;
}

bool operation_is_converse(enum operation operation) {
	return operation == OPERATION_CONVERSE || operation == OPERATION_CONVERSE_STREAM;
}

bool operation_is_invoke(enum operation operation) {
	return operation == OPERATION_INVOKE_MODEL || operation == OPERATION_INVOKE_MODEL_STREAM;
}

bool operation_is_family_bound(enum operation operation) {
	const struct operation_row *row = operation_row(operation);
	return row && row->family_bound;
}

bool operation_is_on_model(enum operation operation) {
	return operation_row(operation) != NULL;
}

static bool is_printable(struct slice text) {
	for (size_t i = 0; i < text.len; i++)
		if (text.ptr[i] < 0x20 || text.ptr[i] > 0x7e)
			return false;
	return true;
}

// Decodes the id. Only an ARN may contain a raw slash.
static enum operation_match model_id_decode(struct slice raw, struct buffer *model_id) {
	if (raw.len == 0 || raw.len > 3 * MODEL_ID_BYTES || !percent_decode(raw, model_id) || model_id->len == 0 ||
	    model_id->len > MODEL_ID_BYTES || !is_printable(buffer_slice(model_id)))
		return OPERATION_BAD_MODEL_ID;
	bool has_slash = slice_find(raw, '/') < raw.len;
	return has_slash && !slice_starts(buffer_slice(model_id), SLICE("arn:")) ? OPERATION_NO_SUCH_PATH
	                                                                         : OPERATION_MATCHED;
}

static enum operation_match model_parse(struct slice method, struct slice raw_path, enum operation *operation,
                                        struct buffer *model_id) {
	struct slice rest = slice_from_offset(raw_path, MODEL_PREFIX.len);
	for (size_t i = 0; i < MODEL_OPERATION_COUNT; i++) {
		const struct operation_row *row = &MODEL_OPERATIONS[i];
		if (!slice_ends(rest, row->suffix))
			continue;
		enum operation_match match = model_id_decode((struct slice){rest.ptr, rest.len - row->suffix.len}, model_id);
		if (match != OPERATION_NO_SUCH_PATH && !slice_equal(method, SLICE("POST")))
			match = OPERATION_WRONG_METHOD;
		if (match == OPERATION_MATCHED)
			*operation = row->operation;
		return match;
	}
	return OPERATION_NO_SUCH_PATH;
}

// "/guardrail/{id}/version/{version}/apply": the id may be an unescaped ARN; the version is one segment.
static bool is_apply_guardrail(struct slice path) {
	const struct slice prefix = SLICE("/guardrail/"), suffix = SLICE("/apply"), version = SLICE("/version/");
	if (!slice_starts(path, prefix) || !slice_ends(path, suffix) || path.len < prefix.len + suffix.len)
		return false;
	struct slice middle = {path.ptr + prefix.len, path.len - prefix.len - suffix.len};
	size_t end = middle.len;
	while (end > 0 && middle.ptr[end - 1] != '/')
		end--;
	struct slice id = {middle.ptr, end};
	return end < middle.len && slice_ends(id, version) && id.len > version.len;
}

// The character at *place, or the one that is escaped there; moves *place to the next one.
static char next_character(struct slice path, size_t *place) {
	static const char escaped[][3] = {{'2', 'e', '.'}, {'2', 'E', '.'}, {'2', 'f', '/'}, {'2', 'F', '/'}};
	const char *at = path.ptr + (*place)++;
	for (size_t i = 0; *at == '%' && path.len - *place >= 2 && i < sizeof escaped / sizeof *escaped; i++)
		if (at[1] == escaped[i][0] && at[2] == escaped[i][1]) {
			*place += 2;
			return escaped[i][2];
		}
	return *at;
}

// Whether no server takes the path for another one: no segment is empty, "." or "..", also once escapes are decoded.
// What goes up unrouted is signed with the gateway's credentials, so it must be the operation that was matched.
static bool has_literal_segments(struct slice path) {
	size_t dots = 0, others = 0;
	for (size_t place = 1; place < path.len;) {
		char c = next_character(path, &place);
		if (c == '/' && others == 0 && dots <= 2)
			return false;
		if (c == '/')
			dots = others = 0;
		else if (c == '.')
			dots++;
		else
			others++;
	}
	return others > 0 || dots > 2;
}

static enum operation_match other_parse(struct slice method, struct slice path, enum operation *operation) {
	const struct slice async = SLICE("/async-invoke");
	bool get = slice_equal(method, SLICE("GET")), post = slice_equal(method, SLICE("POST"));
	bool right_method = post;
	if (slice_equal(path, async)) {
		*operation = OPERATION_ASYNC_INVOKE;
		right_method = get || post;
	} else if (slice_starts(path, SLICE("/async-invoke/")) && path.len > async.len + 1) {
		*operation = OPERATION_ASYNC_INVOKE;
		right_method = get;
	} else if (slice_equal(path, SLICE("/guardrail-checks/invoke"))) {
		*operation = OPERATION_GUARDRAIL_CHECKS;
	} else if (is_apply_guardrail(path)) {
		*operation = OPERATION_APPLY_GUARDRAIL;
	} else {
		return OPERATION_NO_SUCH_PATH;
	}
	enum operation_match match = !right_method                ? OPERATION_WRONG_METHOD
	                             : has_literal_segments(path) ? OPERATION_MATCHED
	                                                          : OPERATION_BAD_PATH;
	if (match != OPERATION_MATCHED)
		*operation = OPERATION_UNKNOWN;
	return match;
}

enum operation_match operation_parse(struct slice method, struct slice raw_path, enum operation *operation,
                                     struct buffer *model_id) {
	*operation = OPERATION_UNKNOWN;
	buffer_clear(model_id);
	enum operation_match match = slice_starts(raw_path, MODEL_PREFIX)
	                                 ? model_parse(method, raw_path, operation, model_id)
	                                 : other_parse(method, raw_path, operation);
	if (match != OPERATION_MATCHED)
		buffer_clear(model_id);
	return match;
}

int operation_format_path(enum operation operation, struct slice model_id, struct buffer *path) {
	const struct operation_row *row = operation_row(operation);
	if (!row)
		return ERROR_INVALID;
	int rc = buffer_append(path, MODEL_PREFIX);
	if (rc == 0)
		rc = percent_encode(model_id, PERCENT_SEGMENT, path);
	return rc ? rc : buffer_append(path, row->suffix);
}
