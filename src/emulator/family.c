// SPDX-License-Identifier: Apache-2.0
// A vendor's name may be anywhere in the id: inference profiles put a region before it, ARNs a path.
#include "emulator/family.h"

#include <string.h>

enum family family_of(struct slice model_id) {
	static const struct {
		const char *part;
		enum family family;
	} families[] = {
	    {"anthropic.claude", FAMILY_ANTHROPIC},
	    {"amazon.titan", FAMILY_TITAN},
	    {"meta.llama", FAMILY_LLAMA},
	    {"mistral.", FAMILY_MISTRAL},
	};
	for (size_t i = 0; i < sizeof families / sizeof *families; i++)
		if (model_id.len > 0 && memmem(model_id.ptr, model_id.len, families[i].part, strlen(families[i].part)))
			return families[i].family;
	return FAMILY_NOVA;
}
