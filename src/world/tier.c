// SPDX-License-Identifier: Apache-2.0
#include "world/tier.h"

#include "base/service.h"

void tier_bits_parse(const struct document *value, void *target, const struct schema_place *place) {
	bool is_list = value->kind == DOCUMENT_TABLE && value->entry_count == 0 && value->item_count <= TIER_RESERVED;
	size_t count = is_list ? value->item_count : 1;
	unsigned bits = 0;
	for (size_t i = 0; i < count; i++) {
		const struct document *item = is_list ? &value->items[i] : value;
		enum service_tier tier = item->kind == DOCUMENT_STRING ? service_tier_find(item->string) : TIER_NONE;
		if (tier == TIER_NONE) {
			schema_complain(place, "a tier (default, flex, priority, reserved) or a list of them", value);
			return;
		}
		bits |= tier_bit(tier);
	}
	*(unsigned *)target = bits;
}
