// SPDX-License-Identifier: Apache-2.0
// Requests and extra attempts of the last minute, behind one lock that is held for a few additions.
#include "route/extra_budget.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/memory.h"
#include "route/minute.h"

enum { FLOOR = 10 };

struct extra_budget {
	pthread_mutex_t lock; // guards everything below
	struct minute requests;
	struct minute extras;
};

struct extra_budget *extra_budget_new(void) {
	struct extra_budget *budget = memory_new(1, sizeof *budget);
	pthread_mutex_init(&budget->lock, NULL);
	return budget;
}

void extra_budget_free(struct extra_budget *budget) {
	if (!budget)
		return;
	pthread_mutex_destroy(&budget->lock);
	free(budget);
}

void extra_budget_count(struct extra_budget *budget, uint64_t now_ms) {
	if (!budget)
		return;
	pthread_mutex_lock(&budget->lock);
	minute_use(&budget->requests, 1, now_ms);
	pthread_mutex_unlock(&budget->lock);
}

bool extra_budget_take(struct extra_budget *budget, double share, uint64_t now_ms, uint64_t *ticket) {
	*ticket = 0;
	if (!budget)
		return true;
	if (!(share > 0))
		return false;
	pthread_mutex_lock(&budget->lock);
	double allowed = share * (double)minute_sum(&budget->requests, now_ms);
	bool is_free = (double)minute_sum(&budget->extras, now_ms) + 1 <= (allowed > FLOOR ? allowed : FLOOR);
	if (is_free)
		*ticket = minute_use(&budget->extras, 1, now_ms);
	pthread_mutex_unlock(&budget->lock);
	return is_free;
}

void extra_budget_return(struct extra_budget *budget, uint64_t ticket, uint64_t now_ms) {
	if (!budget)
		return;
	pthread_mutex_lock(&budget->lock);
	minute_return(&budget->extras, 1, ticket, now_ms);
	pthread_mutex_unlock(&budget->lock);
}
