// SPDX-License-Identifier: Apache-2.0
#include "mux/request_attributes.h"

#include "aws/request_shape.h"
#include "mux/headers.h"

// CountTokens uses no quota of tokens and has no tier.
bool request_attributes_want_body(const struct mux_call *call, const struct pool *pool) {
	if (call->operation == OPERATION_COUNT_TOKENS || !operation_is_on_model(call->operation))
		return false;
	return pool->has_quota || (pool->has_tiers && !operation_is_invoke(call->operation));
}

static void fill_from_body(const struct mux_call *call, const struct pool *pool, const struct request_shape *shape,
                           struct request_attributes *attributes) {
	if (pool->has_tiers) {
		attributes->is_tier_fixed = !request_shape_takes_tier(call->operation, shape);
		attributes->tier = service_tier_find(request_shape_tier(call->operation, call->headers, shape));
	}
	if (!pool->has_quota || call->operation == OPERATION_COUNT_TOKENS)
		return;
	attributes->input_tokens = (int64_t)shape->input_tokens;
	attributes->max_tokens = shape->max_tokens > 0 ? shape->max_tokens : 0;
}

void request_attributes_init(const struct mux_call *call, struct request_body *body,
                             struct request_attributes *attributes) {
	*attributes = (struct request_attributes){
	    .id = call->request_id,
	    .operation = slice_from(operation_name(call->operation)),
	    .streaming = operation_is_streaming(call->operation),
	    .family_bound = operation_is_family_bound(call->operation),
	    .is_tierless = call->operation == OPERATION_COUNT_TOKENS,
	    .asked = call->model,
	    .caller = call->caller,
	    .body = call->body,
	    .content = body,
	    .headers = call->headers,
	};
}

void request_attributes_fill(const struct mux_call *call, const struct pool *pool, struct request_body *body,
                             struct request_attributes *attributes) {
	static const struct request_shape unread = {.max_tokens = -1};
	const struct request_shape *shape = request_attributes_want_body(call, pool) ? request_body_read(body) : NULL;
	if (pool->has_quota || pool->has_tiers)
		fill_from_body(call, pool, shape ? shape : &unread, attributes);
}
