// SPDX-License-Identifier: Apache-2.0
// The order of the names is that of the bits.
#include "world/tier.h"

static const char *const names[] = {"default", "flex", "priority", "reserved"};

enum { TIERS = sizeof names / sizeof *names };

unsigned tier_bit_of(struct slice name) {
	for (unsigned i = 0; i < TIERS; i++)
		if (slice_equal(name, slice_from(names[i])))
			return 1U << i;
	return 0;
}

const char *tier_bit_name(unsigned bit) {
	unsigned i = 0;
	while (i + 1 < TIERS && bit >> i != 1)
		i++;
	return names[i];
}

void tier_bits_parse(const struct document *value, void *target, const struct schema_place *place) {
	bool is_list = value->kind == DOCUMENT_TABLE && value->entry_count == 0 && value->item_count <= TIERS;
	size_t count = is_list ? value->item_count : 1;
	unsigned bits = 0;
	for (size_t i = 0; i < count; i++) {
		const struct document *item = is_list ? &value->items[i] : value;
		unsigned bit = item->kind == DOCUMENT_STRING ? tier_bit_of(item->string) : 0;
		if (!bit) {
			schema_complain(place, "a tier (default, flex, priority, reserved) or a list of them", value);
			return;
		}
		bits |= bit;
	}
	*(unsigned *)target = bits;
}
