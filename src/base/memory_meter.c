// SPDX-License-Identifier: Apache-2.0
// Only the sum matters, not the order between threads: all accesses are relaxed.
#include "base/memory_meter.h"

#include <assert.h>

void memory_meter_init(struct memory_meter *meter, size_t limit_bytes) {
	atomic_init(&meter->held_bytes, 0);
	meter->limit_bytes = limit_bytes;
}

void memory_meter_charge(struct memory_meter *meter, size_t bytes) {
	if (meter && bytes)
		atomic_fetch_add_explicit(&meter->held_bytes, bytes, memory_order_relaxed);
}

void memory_meter_release(struct memory_meter *meter, size_t bytes) {
	if (!meter || !bytes)
		return;
	size_t before = atomic_fetch_sub_explicit(&meter->held_bytes, bytes, memory_order_relaxed);
	assert(before >= bytes);
	(void)before;
}

size_t memory_meter_held(const struct memory_meter *meter) {
	return atomic_load_explicit(&meter->held_bytes, memory_order_relaxed);
}

bool memory_meter_is_full(const struct memory_meter *meter) {
	return meter && memory_meter_held(meter) >= meter->limit_bytes;
}
