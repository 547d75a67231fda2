// SPDX-License-Identifier: Apache-2.0
// Counts requests by model, operation and result.
#ifndef EMULATOR_COUNTERS_H
#define EMULATOR_COUNTERS_H

#include <stddef.h>
#include <stdint.h>

#include "aws/operation.h"
#include "base/buffer.h"
#include "world/world.h"

#define COUNTERS_LIST(X)                                                                                               \
	X(received, "reached the model")                                                                                   \
	X(answered, "got a whole response")                                                                                \
	X(throttled, "were beyond a quota")                                                                                \
	X(faults, "met a fault")                                                                                           \
	X(cancelled, "were given up by the client")

struct counter {
#define X(name, meaning) uint64_t name;
	COUNTERS_LIST(X)
#undef X
};

// Zero-initialise.
struct counters {
	struct counter (*models)[OPERATION_COUNT_TOKENS + 1]; // by behaviour.index, then by operation
	size_t count;
	uint64_t rejected; // bad requests, wrong credentials, unknown models
};

// The counter of one model and operation (at most OPERATION_COUNT_TOKENS); valid until the next call.
struct counter *counters_at(struct counters *counters, size_t model_index, enum operation operation);

// Appends {"rejected": N, "total": {...}, "models": {ID: {OPERATION: {...}}}}; without operations that had no
// requests.
void counters_format(const struct counters *counters, const struct world *world, struct buffer *out);

// Sets all to zero.
void counters_reset(struct counters *counters);
void counters_free(struct counters *counters);

#endif
