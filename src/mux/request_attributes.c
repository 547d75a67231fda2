// SPDX-License-Identifier: Apache-2.0
#include "mux/request_attributes.h"

#include "aws/body_edit.h"
#include "mux/headers.h"
#include "policy/body.h"

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
	// Nobody can look into a body that is compressed.
	struct slice body = headers_tell_coding(call->headers) ? (struct slice){0} : call->body;
	if (pool->has_tiers) {
		struct slice tier;
		attributes->is_tier_fixed = !body_edit_find_tier(call->operation, call->headers, body, &tier);
		attributes->tier = read_tier(tier);
	}
	// Counting tokens uses no quota of them.
	if (!pool->has_quota || call->operation == OPERATION_COUNT_TOKENS)
		return;
	struct body_facts read;
	body_read(body, &read);
	attributes->input_tokens = (int64_t)read.input_tokens;
	attributes->max_tokens = read.max_tokens > 0 ? read.max_tokens : 0;
}
