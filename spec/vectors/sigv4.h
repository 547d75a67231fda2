// SPDX-License-Identifier: Apache-2.0
// Signing vectors: every folder with a context.json is a case, which is signed stage by stage. Cases that Bedrock's
// options can express are then authorized and verified too.
#ifndef SPEC_VECTORS_SIGV4_H
#define SPEC_VECTORS_SIGV4_H

#include <time.h>

#include "aws/sigv4.h"
#include "report.h"

enum { SIGV4_CASE_HEADERS = 64 };

struct sigv4_case {
	const char *name;
	struct slice text; // of request.txt
	struct header list[SIGV4_CASE_HEADERS];
	size_t count;
	struct slice body;
	char hash[SIGV4_HEX_BYTES];
	struct sigv4_request request;
	struct sigv4_options options;
	struct credentials *credentials;
	struct sigv4_scope scope;
	int64_t wall_s;
};

static struct sigv4_signer *sigv4_vectors_signer;

// Removes the first line from the text, with its continuation lines, which begin with a space.
static inline struct slice request_line(struct slice *text) {
	size_t end = slice_find(*text, '\n');
	while (end > 0 && end + 1 < text->len && text->ptr[end + 1] == ' ')
		end += 1 + slice_find(slice_from_offset(*text, end + 1), '\n');
	struct slice line = {text->ptr, end};
	*text = slice_from_offset(*text, end + 1);
	return line;
}

static inline void request_parse(struct sigv4_case *one) {
	struct slice text = one->text, line = request_line(&text);
	struct slice version = SLICE(" HTTP/1.1");
	if (slice_ends(line, version))
		line.len -= version.len;
	size_t space = slice_find(line, ' ');
	struct slice target = slice_from_offset(line, space + 1);
	size_t question = slice_find(target, '?');
	one->request.method = slice_of(line.ptr, space);
	one->request.path = slice_of(target.ptr, question);
	one->request.query = slice_from_offset(target, question + 1);
	while (text.len && one->count < SIGV4_CASE_HEADERS) {
		line = request_line(&text);
		if (line.len == 0)
			break;
		size_t colon = slice_find(line, ':');
		one->list[one->count++] = (struct header){slice_of(line.ptr, colon), slice_from_offset(line, colon + 1)};
	}
	one->body = text;
	one->request.headers = (struct headers){one->list, one->count};
	const struct slice *host = headers_find(one->request.headers, SLICE("host"));
	one->request.host = host ? slice_trim(*host) : (struct slice){0};
}

static inline bool context_parse(const struct document *context, struct sigv4_case *one) {
	const struct document *credentials = document_get(context, "credentials");
	const char *token = json_text(document_get(credentials, "token"));
	one->credentials = credentials_new(json_text(document_get(credentials, "access_key_id")),
	                                   json_text(document_get(credentials, "secret_access_key")),
	                                   token && *token ? token : NULL, NULL);
	one->scope = (struct sigv4_scope){json_member(context, "region"), json_member(context, "service")};
	one->options.normalise_path = json_is_true(document_get(context, "normalize"));
	one->options.encode_path_once = json_is_false(document_get(context, "double_uri_encode"));
	one->options.send_payload_hash = json_is_true(document_get(context, "sign_body"));
	one->options.token_unsigned = json_is_true(document_get(context, "omit_session_token"));
	struct tm utc = {0};
	const char *timestamp = json_text(document_get(context, "timestamp"));
	if (!one->credentials || !timestamp || !strptime(timestamp, "%Y-%m-%dT%H:%M:%SZ", &utc))
		return false;
	one->wall_s = timegm(&utc);
	return true;
}

static inline void expect_file(const char *folder, const char *file, const char *name, const char *stage,
                               struct slice found) {
	struct slice text = file_read(folder, file), expected = text;
	if (expected.len && expected.ptr[expected.len - 1] == '\n')
		expected.len--;
	case_expect(name, stage, found, expected);
	bytes_free(text);
}

// The Authorization header of header-signed-request.txt.
static inline struct slice signed_authorization(struct slice text) {
	while (text.len) {
		struct slice line = request_line(&text), name = SLICE("authorization:");
		if (line.len >= name.len && slice_equal_nocase(slice_of(line.ptr, name.len), name))
			return slice_trim(slice_from_offset(line, name.len));
	}
	return (struct slice){0};
}

static inline struct credentials *lookup_case(void *owner, struct slice access_key_id) {
	struct sigv4_case *one = owner;
	return slice_equal(slice_from(one->credentials->access_key_id), access_key_id) ? one->credentials : NULL;
}

// Adds a header unless the request has it already.
static inline void add_header(struct sigv4_case *one, const char *name, struct slice value) {
	if (!headers_find((struct headers){one->list, one->count}, slice_from(name)) && one->count < SIGV4_CASE_HEADERS)
		one->list[one->count++] = (struct header){slice_from(name), value};
}

static inline void verify_case(struct sigv4_case *one, const char *date, struct slice authorization) {
	add_header(one, "x-amz-date", slice_from(date));
	add_header(one, "authorization", authorization);
	if (one->credentials->session_token)
		add_header(one, "x-amz-security-token", slice_from(one->credentials->session_token));
	struct sigv4_received received = {one->request.method,     one->request.path, one->request.query,
	                                  {one->list, one->count}, one->body,         one->wall_s};
	enum sigv4_verdict verdict = sigv4_verify(sigv4_vectors_signer, &received, one->scope, lookup_case, one);
	if (verdict != SIGV4_GOOD)
		case_fail(one->name, "verification", "%s", sigv4_verdict_refusal(verdict)->message);
}

static inline bool is_bedrock_like(const struct sigv4_case *one) {
	struct slice path = one->request.path;
	bool normal = !memmem(path.ptr, path.len, "//", 2) && !memmem(path.ptr, path.len, "/.", 2);
	return (normal || !one->options.normalise_path) && !one->options.encode_path_once && !one->options.token_unsigned;
}

static inline void authorize_case(const char *folder, struct sigv4_case *one) {
	struct slice text = file_read(folder, "header-signed-request.txt"), expected = signed_authorization(text);
	struct buffer value;
	buffer_init(&value, 64 * 1024);
	struct sigv4_authorization authorization = {.value = &value};
	if (one->options.send_payload_hash) {
		add_header(one, "x-amz-content-sha256", slice_from(one->hash));
		one->request.headers.count = one->count;
	}
	int rc =
	    sigv4_authorize(sigv4_vectors_signer, &one->request, one->credentials, one->scope, one->wall_s, &authorization);
	if (rc)
		case_fail(one->name, "authorization", "status %d", rc);
	else if (case_expect(one->name, "authorization", buffer_slice(&value), expected))
		verify_case(one, authorization.date, buffer_slice(&value));
	buffer_free(&value);
	bytes_free(text);
}

static inline void sigv4_case_run(const char *folder, struct sigv4_case *one, const struct document *context) {
	const struct sigv4_stages *stages;
	if (!context_parse(context, one)) {
		case_fail(one->name, "context", "credentials or timestamp are not readable");
		return;
	}
	request_parse(one);
	sigv4_hash_payload(sigv4_vectors_signer, one->body, one->hash);
	one->request.payload_sha256 = one->hash;
	int rc = sigv4_sign(sigv4_vectors_signer, &one->request, one->credentials, one->scope, &one->options, one->wall_s,
	                    &stages);
	if (rc) {
		case_fail(one->name, "signing", "status %d", rc);
		return;
	}
	expect_file(folder, "header-canonical-request.txt", one->name, "canonical request",
	            buffer_slice(&stages->canonical_request));
	expect_file(folder, "header-string-to-sign.txt", one->name, "string to sign",
	            buffer_slice(&stages->string_to_sign));
	expect_file(folder, "header-signature.txt", one->name, "signature", slice_from(stages->signature));
	if (!vectors_case_failed && is_bedrock_like(one))
		authorize_case(folder, one);
}

static inline void sigv4_visit(const char *parent, const char *name) {
	char folder[PATH_MAX];
	path_join(folder, parent, name);
	if (!file_exists(folder, "context.json")) {
		folder_each(folder, sigv4_visit);
		return;
	}
	struct document *context = file_read_json(folder, "context.json");
	if (!context)
		return;
	struct sigv4_case *one = calloc(1, sizeof *one);
	if (!one)
		abort();
	case_begin();
	one->name = folder;
	one->text = file_read(folder, "request.txt");
	sigv4_case_run(folder, one, context);
	case_end();
	credentials_release(one->credentials);
	bytes_free(one->text);
	free(one);
	json_free(context);
}

static inline void vectors_sigv4(const char *root) {
	sigv4_vectors_signer = sigv4_signer_new();
	sigv4_visit(root, "sigv4");
	sigv4_signer_free(sigv4_vectors_signer);
}

#endif
