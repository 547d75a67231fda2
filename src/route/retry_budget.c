// SPDX-License-Identifier: Apache-2.0
// Counts requests and extra attempts of the last minute, behind one lock that is held for a few additions.
#include "route/retry_budget.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/memory.h"
#include "base/minute_window.h"

enum { LEAST_ALLOWED = 10 };

struct retry_budget {
	pthread_mutex_t lock; // guards everything below
	struct minute_window requests;
	struct minute_window taken;
};

struct retry_budget *retry_budget_new(void) {
	struct retry_budget *budget = memory_new(1, sizeof *budget);
	pthread_mutex_init(&budget->lock, NULL);
	return budget;
}

void retry_budget_free(struct retry_budget *budget) {
	if (!budget)
		return;
	pthread_mutex_destroy(&budget->lock);
	free(budget);
}

void retry_budget_count(struct retry_budget *budget, uint64_t now_ms) {
	if (!budget)
		return;
	pthread_mutex_lock(&budget->lock);
	minute_window_use(&budget->requests, 1, now_ms);
	pthread_mutex_unlock(&budget->lock);
}

bool retry_budget_take(struct retry_budget *budget, double share, uint64_t now_ms, uint64_t *ticket) {
	*ticket = 0;
	if (!budget)
		return true;
	if (!(share > 0))
		return false;
	pthread_mutex_lock(&budget->lock);
	double allowed = share * (double)minute_window_sum(&budget->requests, now_ms);
	bool is_free =
	    (double)minute_window_sum(&budget->taken, now_ms) + 1 <= (allowed > LEAST_ALLOWED ? allowed : LEAST_ALLOWED);
	if (is_free)
		*ticket = minute_window_use(&budget->taken, 1, now_ms);
	pthread_mutex_unlock(&budget->lock);
	return is_free;
}

void retry_budget_return(struct retry_budget *budget, uint64_t ticket, uint64_t now_ms) {
	if (!budget)
		return;
	pthread_mutex_lock(&budget->lock);
	minute_window_return(&budget->taken, 1, ticket, now_ms);
	pthread_mutex_unlock(&budget->lock);
}
