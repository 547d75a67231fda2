// SPDX-License-Identifier: Apache-2.0
#include "mux/request_attributes.h"

#include "aws/request_shape.h"
#include "mux/headers.h"

static enum service_tier read_tier(struct slice name) {
	for (int i = TIER_NONE + 1; service_tier_names[i]; i++)
		if (slice_equal(name, slice_from(service_tier_names[i])))
			return (enum service_tier)i;
	return TIER_NONE;
}

void request_attributes_fill(const struct mux_call *call, const struct pool *pool,
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
	    .headers = call->headers,
	};
	if (!pool->has_quota && !pool->has_tiers)
		return;
	struct request_shape shape = {.max_tokens = -1};
	// A compressed body can't be read.
	bool is_readable = call->operation != OPERATION_COUNT_TOKENS && !headers_have_coding(call->headers);
	if (is_readable && (pool->has_quota || !attributes->family_bound))
		request_shape_read(call->body, &shape);
	if (pool->has_tiers) {
		attributes->is_tier_fixed = !request_shape_takes_tier(call->operation, &shape);
		attributes->tier = read_tier(request_shape_tier(call->operation, call->headers, &shape));
	}
	// CountTokens uses no quota of tokens.
	if (!pool->has_quota || call->operation == OPERATION_COUNT_TOKENS)
		return;
	attributes->input_tokens = (int64_t)shape.input_tokens;
	attributes->max_tokens = shape.max_tokens > 0 ? shape.max_tokens : 0;
}
