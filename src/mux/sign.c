// SPDX-License-Identifier: Apache-2.0
#include "mux/sign.h"

#include "base/clock.h"
#include "base/memory.h"
#include "mux/headers.h"

enum {
	CLIENT_HEADERS = 64, // limit of those that are passed on
	OWN_HEADERS = 5,     // host, user-agent, x-amz-date, x-amz-security-token, authorization
	PATH_BYTES = 65536,  // fits an escaped id of 2048 bytes, and any path and query of a head
};

struct outgoing_headers {
	struct header *list; // has room for all
	size_t count;
};

static void outgoing_add(struct outgoing_headers *headers, struct slice name, struct slice value) {
	headers->list[headers->count++] = (struct header){name, value};
}

// Adds the client's headers, with their replacements.
static void outgoing_add_client(struct outgoing_headers *headers, struct headers client, struct headers replacements) {
	for (size_t i = 0; i < client.count && headers->count < CLIENT_HEADERS; i++) {
		struct slice name = client.list[i].name;
		if (header_goes_up(name) && !headers_find(replacements, name))
			outgoing_add(headers, name, client.list[i].value);
	}
	for (size_t i = 0; i < replacements.count; i++)
		if (replacements.list[i].value.ptr)
			outgoing_add(headers, replacements.list[i].name, replacements.list[i].value);
}

static int outgoing_init(struct outgoing_headers *headers, size_t client, size_t replacements, struct arena *arena) {
	size_t count = (client < CLIENT_HEADERS ? client : CLIENT_HEADERS) + replacements + OWN_HEADERS;
	headers->list = arena_alloc(arena, count * sizeof *headers->list);
	return headers->list ? 0 : ERROR_MEMORY;
}

struct outgoing_path {
	struct slice path;
	struct slice query;
	struct slice target; // both, as sent
};

// The endpoint's base path, then the operation's path for the model, or, without a model, the client's path and query.
static int format_path(const struct mux_call *call, const struct target *target, const struct model *model,
                       struct arena *arena, struct outgoing_path *out) {
	struct buffer text;
	buffer_init(&text, PATH_BYTES);
	int rc = buffer_append(&text, slice_from(target->base_path));
	if (rc == 0)
		rc = model ? operation_format_path(call->operation, slice_from(model->id), &text)
		           : buffer_append(&text, call->path);
	size_t path_bytes = text.len;
	if (rc == 0 && !model && call->query.len) {
		buffer_append_byte(&text, '?');
		rc = buffer_append(&text, call->query);
	}
	if (rc == 0 && text.failed)
		rc = ERROR_LIMIT;
	if (rc == 0)
		out->target = arena_copy(arena, buffer_slice(&text));
	buffer_free(&text);
	out->path = slice_of(out->target.ptr, path_bytes);
	out->query = model ? (struct slice){0} : call->query;
	return rc ? rc : out->target.ptr ? 0 : ERROR_MEMORY;
}

// Copies the value to the arena, which is wiped with the request.
static int outgoing_add_copy(struct outgoing_headers *headers, struct arena *arena, struct slice name,
                             struct slice value) {
	struct slice copy = arena_copy(arena, value);
	if (!copy.ptr)
		return ERROR_MEMORY;
	outgoing_add(headers, name, copy);
	return 0;
}

static int outgoing_add_proof(struct outgoing_headers *headers, struct arena *arena,
                              const struct sigv4_authorization *proof) {
	int rc = outgoing_add_copy(headers, arena, SLICE("authorization"), buffer_slice(proof->value));
	if (rc == 0 && proof->date[0])
		rc = outgoing_add_copy(headers, arena, SLICE("x-amz-date"), slice_from(proof->date));
	if (rc == 0 && proof->session_token)
		rc = outgoing_add_copy(headers, arena, SLICE("x-amz-security-token"), slice_from(proof->session_token));
	return rc;
}

// Hashes the body unless it has been hashed; a bearer token needs no hash.
static int hash_payload(struct mux_worker *worker, const struct credentials *credentials, const struct upload *upload) {
	if (credentials->bearer_token || upload->payload_hash[0])
		return 0;
	return sigv4_hash_payload(worker->signer, upload->body, upload->payload_hash);
}

// Adds the headers of the signature or the bearer token.
static int add_authorization(struct mux_worker *worker, const struct target *target,
                             const struct sigv4_request *request, const struct upload *upload, struct arena *arena,
                             struct outgoing_headers *headers, const char **reason) {
	struct credentials *credentials = credentials_source_get(target->credentials, reason);
	if (!credentials)
		return ERROR_MISSING;
	struct sigv4_authorization proof = {.value = &worker->authorization};
	struct sigv4_scope scope = {slice_from(target->region), SLICE("bedrock")};
	int rc = hash_payload(worker, credentials, upload);
	if (rc == 0)
		rc = sigv4_authorize(worker->signer, request, credentials, scope, clock_wall_ms() / 1000, &proof);
	if (rc == 0)
		rc = outgoing_add_proof(headers, arena, &proof);
	if (rc)
		*reason = error_text(rc);
	if (worker->authorization.len)
		memory_wipe(worker->authorization.ptr, worker->authorization.len);
	buffer_clear(&worker->authorization);
	credentials_release(credentials);
	return rc;
}

int sign_request(struct mux_worker *worker, const struct mux_call *call, const struct upload *upload,
                 const struct target *target, const struct model *model, struct arena *arena,
                 struct exchange_request *request, const char **reason) {
	struct outgoing_headers headers = {.count = 0};
	struct outgoing_path path = {0};
	struct slice method = model ? SLICE("POST") : call->method;
	int rc = outgoing_init(&headers, call->headers.count, upload->headers.count, arena);
	if (rc == 0)
		rc = format_path(call, target, model, arena, &path);
	if (rc) {
		*reason = error_text(rc);
		return rc;
	}
	outgoing_add_client(&headers, call->headers, upload->headers);
	struct sigv4_request to_sign = {
	    .method = method,
	    .path = path.path,
	    .query = path.query,
	    .host = slice_from(target->authority),
	    .headers = {headers.list, headers.count},
	    .payload_sha256 = upload->payload_hash,
	};
	rc = add_authorization(worker, target, &to_sign, upload, arena, &headers, reason);
	outgoing_add(&headers, SLICE("host"), slice_from(target->authority));
	outgoing_add(&headers, SLICE("user-agent"), SLICE("signalbox"));
	*request = (struct exchange_request){
	    .method = method,
	    .target = path.target,
	    .headers = {headers.list, headers.count},
	    .body = upload->body,
	};
	return rc;
}
