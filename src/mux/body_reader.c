// SPDX-License-Identifier: Apache-2.0
#include "mux/body_reader.h"

#include "aws/request_shape.h"
#include "aws/response_shape.h"
#include "mux/request_body.h"

static void copy_request(const struct request_shape *shape, struct request_content *content) {
	*content = (struct request_content){
	    .metadata = shape->metadata,
	    .max_tokens = shape->max_tokens,
	    .input_tokens = shape->input_tokens,
	    .tokens = shape->tokens,
	    .system = shape->system,
	    .tools = shape->tools,
	    .tool_config = shape->tool_config,
	    .first_message = shape->first_message,
	};
}

// A request of the engine has been read already, or is read for all that follows.
static void read_request(const struct request_attributes *request, struct request_content *content) {
	struct request_body *body = request->content;
	const struct request_shape *known = body ? request_body_read(body) : NULL;
	struct request_shape shape;
	if (!known)
		request_shape_read(request->body, &shape);
	copy_request(known ? known : &shape, content);
}

static void note_duplicate(const struct request_attributes *request, const char *key) {
	struct request_body *body = request->content;
	if (body && body->shape)
		request_shape_note_duplicate(body->shape, (size_t)(key - body->bytes.ptr));
}

// The service sends InvokeModel's tier in a header, Converse's in the body. A large body has been read already.
static void read_response(const struct response *response, struct response_content *content) {
	struct response_shape own;
	const struct response_shape *shape = response->content;
	if (!shape) {
		response_shape_read(response->body, &own);
		shape = &own;
	}
	struct slice tier = response_shape_tier(response->headers);
	*content = (struct response_content){
	    .stop_reason = shape->stop_reason,
	    .tier = tier.len ? tier : shape->tier,
	    .tokens = shape->tokens,
	};
}

const struct body_reader mux_body_reader = {
    .read_request = read_request,
    .note_duplicate = note_duplicate,
    .each_request_text = request_shape_each_text,
    .read_response = read_response,
    .each_response_text = response_shape_each_text,
};
