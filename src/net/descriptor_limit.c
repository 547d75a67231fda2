// SPDX-License-Identifier: Apache-2.0
#include "net/descriptor_limit.h"

#include <sys/resource.h>

void descriptor_limit_raise(void) {
	struct rlimit limit;
	if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
		limit.rlim_cur = limit.rlim_max;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
}
