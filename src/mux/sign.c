// SPDX-License-Identifier: Apache-2.0
#include "mux/sign.h"

#include "base/clock.h"
#include "mux/headers.h"

enum {
	HEADERS_UP = 64,   // of the client's
	HEADERS_OURS = 5,  // host, user-agent, x-amz-date, x-amz-security-token, authorization
	PATH_BYTES = 8192, // an escaped id of 2048 bytes
};

struct outgoing {
	struct header list[HEADERS_UP + HEADERS_OURS];
	size_t count;
};

static void add(struct outgoing *headers, struct slice name, struct slice value) {
	headers->list[headers->count++] = (struct header){name, value};
}

static void add_clients(struct outgoing *headers, struct headers clients) {
	for (size_t i = 0; i < clients.count && headers->count < HEADERS_UP; i++)
		if (header_goes_up(clients.list[i].name))
			add(headers, clients.list[i].name, clients.list[i].value);
}

static int format_path(const struct mux_call *call, const struct target *target, const struct model *model,
                       struct arena *arena, struct slice *path) {
	struct buffer text;
	buffer_init(&text, PATH_BYTES);
	buffer_append(&text, slice_from(target->base_path));
	int rc = operation_format_path(call->operation, slice_from(model->id), &text);
	if (rc == 0 && text.failed)
		rc = ERROR_LIMIT;
	if (rc == 0)
		*path = arena_copy(arena, buffer_slice(&text));
	buffer_free(&text);
	return rc ? rc : path->ptr ? 0 : ERROR_MEMORY;
}

// Appends what proves who we are; its texts go to the arena.
static int authorize(struct mux_worker *worker, const struct target *target, const struct sigv4_request *request,
                     struct arena *arena, struct outgoing *headers, const char **reason) {
	struct credentials *credentials = credentials_source_get(target->credentials, reason);
	if (!credentials)
		return ERROR_MISSING;
	struct sigv4_authorization proof = {.value = &worker->authorization};
	struct sigv4_scope scope = {slice_from(target->region), SLICE("bedrock")};
	int rc = sigv4_authorize(worker->signer, request, credentials, scope, clock_wall_ms() / 1000, &proof);
	if (rc == 0) {
		add(headers, SLICE("authorization"), arena_copy(arena, buffer_slice(proof.value)));
		if (proof.date[0])
			add(headers, SLICE("x-amz-date"), arena_copy(arena, slice_from(proof.date)));
		if (proof.session_token)
			add(headers, SLICE("x-amz-security-token"), arena_copy(arena, slice_from(proof.session_token)));
	} else {
		*reason = error_text(rc);
	}
	credentials_release(credentials);
	return rc;
}

int sign_request(struct mux_worker *worker, const struct mux_call *call, const struct target *target,
                 const struct model *model, const char *payload_hash, struct arena *arena,
                 struct exchange_request *request, const char **reason) {
	struct outgoing *headers = arena_alloc(arena, sizeof *headers);
	struct slice path = {0};
	int rc = headers ? format_path(call, target, model, arena, &path) : ERROR_MEMORY;
	if (rc) {
		*reason = error_text(rc);
		return rc;
	}
	add_clients(headers, call->headers);
	struct sigv4_request to_sign = {
	    .method = SLICE("POST"),
	    .path = path,
	    .host = slice_from(target->authority),
	    .headers = {headers->list, headers->count},
	    .payload_sha256 = payload_hash,
	};
	rc = authorize(worker, target, &to_sign, arena, headers, reason);
	add(headers, SLICE("host"), slice_from(target->authority));
	add(headers, SLICE("user-agent"), SLICE("signalbox"));
	*request = (struct exchange_request){
	    .method = SLICE("POST"),
	    .target = path,
	    .headers = {headers->list, headers->count},
	    .body = call->body,
	};
	return rc;
}
