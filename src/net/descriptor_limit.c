// SPDX-License-Identifier: Apache-2.0
#include "net/descriptor_limit.h"

#include <limits.h>
#include <stdatomic.h>
#include <sys/resource.h>

// A loop has four descriptors and its listeners; the resolver's threads and the files of a reload have some for a
// while.
enum { OWN = 32, OWN_LAST = 16, OWN_OF_WORKER = 8, UPSTREAM_MAX = 1024 };

static atomic_int limit_of_upstreams = INT_MAX;

int descriptor_limit_of_upstreams(void) {
	return atomic_load_explicit(&limit_of_upstreams, memory_order_relaxed);
}

size_t descriptor_limit_raise(void) {
	struct rlimit limit;
	if (getrlimit(RLIMIT_NOFILE, &limit))
		return INT_MAX;
	if (limit.rlim_cur < limit.rlim_max) {
		struct rlimit raised = {limit.rlim_max, limit.rlim_max};
		if (setrlimit(RLIMIT_NOFILE, &raised) == 0)
			limit = raised;
	}
	if (limit.rlim_cur >= INT_MAX)
		return INT_MAX;
	if (limit.rlim_cur > OWN)
		atomic_store(&limit_of_upstreams, (int)limit.rlim_cur - OWN_LAST);
	return (size_t)limit.rlim_cur;
}

struct descriptor_shares descriptor_limit_divide(size_t limit, size_t workers) {
	size_t own = OWN + workers * OWN_OF_WORKER;
	size_t upstream = limit / 4 < UPSTREAM_MAX ? limit / 4 : UPSTREAM_MAX;
	if (limit <= own + upstream + workers)
		return (struct descriptor_shares){0};
	return (struct descriptor_shares){own, upstream, limit - own - upstream};
}
