// SPDX-License-Identifier: Apache-2.0
// The vendor of the model that an id names, which decides the shape of InvokeModel bodies.
#ifndef EMULATOR_FAMILY_H
#define EMULATOR_FAMILY_H

#include "base/slice.h"

enum family {
	FAMILY_NOVA, // also for ids of unknown families: the shape is Converse's own
	FAMILY_ANTHROPIC,
	FAMILY_TITAN,
	FAMILY_LLAMA,
	FAMILY_MISTRAL,
};

// Found by the vendor's name in a model id, an inference profile ("us.amazon.nova-lite-v1:0") or an ARN.
enum family family_of(struct slice model_id);

#endif
