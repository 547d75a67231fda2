// SPDX-License-Identifier: Apache-2.0
#include "base/service.h"

const char *const service_tier_names[] = {
    [TIER_NONE] = "",
    [TIER_DEFAULT] = "default",
    [TIER_FLEX] = "flex",
    [TIER_PRIORITY] = "priority",
    [TIER_RESERVED] = "reserved",
    NULL,
};

enum service_tier service_tier_find(struct slice name) {
	for (int i = TIER_NONE + 1; service_tier_names[i]; i++)
		if (slice_equal(name, slice_from(service_tier_names[i])))
			return (enum service_tier)i;
	return TIER_NONE;
}
