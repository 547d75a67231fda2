// SPDX-License-Identifier: Apache-2.0
#include "mux/sign.h"

#include "base/clock.h"
#include "base/memory.h"
#include "mux/headers.h"

enum {
	HEADERS_UP = 64,    // of the client's
	HEADERS_OURS = 5,   // host, user-agent, x-amz-date, x-amz-security-token, authorization
	PATH_BYTES = 65536, // an escaped id of 2048 bytes, or whatever path and query a head may hold
};

struct outgoing {
	struct header *list; // with room for all
	size_t count;
};

static void add(struct outgoing *headers, struct slice name, struct slice value) {
	headers->list[headers->count++] = (struct header){name, value};
}

// The client's, but for those that others take the place of.
static void add_clients(struct outgoing *headers, struct headers clients, struct headers instead) {
	for (size_t i = 0; i < clients.count && headers->count < HEADERS_UP; i++) {
		struct slice name = clients.list[i].name;
		if (header_goes_up(name) && !headers_find(instead, name))
			add(headers, name, clients.list[i].value);
	}
	for (size_t i = 0; i < instead.count; i++)
		if (instead.list[i].value.ptr)
			add(headers, instead.list[i].name, instead.list[i].value);
}

static int make_room(struct outgoing *headers, size_t clients, size_t instead, struct arena *arena) {
	size_t count = (clients < HEADERS_UP ? clients : HEADERS_UP) + instead + HEADERS_OURS;
	headers->list = arena_alloc(arena, count * sizeof *headers->list);
	return headers->list ? 0 : ERROR_MEMORY;
}

struct outgoing_path {
	struct slice path;
	struct slice query;
	struct slice target; // both, as they go on the wire
};

// The model's own path, or for an operation that is on no model the client's, behind the endpoint's base path.
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

// Adds a header whose value is copied to the arena, which is wiped with the request.
static int add_copy(struct outgoing *headers, struct arena *arena, struct slice name, struct slice value) {
	struct slice copy = arena_copy(arena, value);
	if (!copy.ptr)
		return ERROR_MEMORY;
	add(headers, name, copy);
	return 0;
}

static int add_proof(struct outgoing *headers, struct arena *arena, const struct sigv4_authorization *proof) {
	int rc = add_copy(headers, arena, SLICE("authorization"), buffer_slice(proof->value));
	if (rc == 0 && proof->date[0])
		rc = add_copy(headers, arena, SLICE("x-amz-date"), slice_from(proof->date));
	if (rc == 0 && proof->session_token)
		rc = add_copy(headers, arena, SLICE("x-amz-security-token"), slice_from(proof->session_token));
	return rc;
}

// A bearer token needs no hash.
static int hash_once(struct mux_worker *worker, const struct credentials *credentials, const struct upload *upload) {
	if (credentials->bearer_token || upload->payload_hash[0])
		return 0;
	return sigv4_hash_payload(worker->signer, upload->body, upload->payload_hash);
}

// Appends what proves who we are.
static int authorize(struct mux_worker *worker, const struct target *target, const struct sigv4_request *request,
                     const struct upload *upload, struct arena *arena, struct outgoing *headers, const char **reason) {
	struct credentials *credentials = credentials_source_get(target->credentials, reason);
	if (!credentials)
		return ERROR_MISSING;
	struct sigv4_authorization proof = {.value = &worker->authorization};
	struct sigv4_scope scope = {slice_from(target->region), SLICE("bedrock")};
	int rc = hash_once(worker, credentials, upload);
	if (rc == 0)
		rc = sigv4_authorize(worker->signer, request, credentials, scope, clock_wall_ms() / 1000, &proof);
	if (rc == 0)
		rc = add_proof(headers, arena, &proof);
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
	struct outgoing headers = {.count = 0};
	struct outgoing_path path = {0};
	struct slice method = model ? SLICE("POST") : call->method;
	int rc = make_room(&headers, call->headers.count, upload->headers.count, arena);
	if (rc == 0)
		rc = format_path(call, target, model, arena, &path);
	if (rc) {
		*reason = error_text(rc);
		return rc;
	}
	add_clients(&headers, call->headers, upload->headers);
	struct sigv4_request to_sign = {
	    .method = method,
	    .path = path.path,
	    .query = path.query,
	    .host = slice_from(target->authority),
	    .headers = {headers.list, headers.count},
	    .payload_sha256 = upload->payload_hash,
	};
	rc = authorize(worker, target, &to_sign, upload, arena, &headers, reason);
	add(&headers, SLICE("host"), slice_from(target->authority));
	add(&headers, SLICE("user-agent"), SLICE("signalbox"));
	*request = (struct exchange_request){
	    .method = method,
	    .target = path.target,
	    .headers = {headers.list, headers.count},
	    .body = upload->body,
	};
	return rc;
}
