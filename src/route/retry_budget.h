// SPDX-License-Identifier: Apache-2.0
// How many attempts may be made beside those that failing over needs: hedges, and retries on the same model. They help
// while few requests are slow or fail; when most do, they would only add to the load. One budget serves a process.
#ifndef ROUTE_RETRY_BUDGET_H
#define ROUTE_RETRY_BUDGET_H

#include <stdbool.h>
#include <stdint.h>

struct retry_budget;

// Thread-safe. A NULL budget has no bound.
struct retry_budget *retry_budget_new(void);
void retry_budget_free(struct retry_budget *budget);

// A request has begun.
void retry_budget_count(struct retry_budget *budget, uint64_t now_ms);

// Takes one extra attempt: over the last minute at most `share` of the requests, or ten where that is less; none where
// the share is nothing. False, with nothing taken, beyond that. *ticket is for retry_budget_return.
bool retry_budget_take(struct retry_budget *budget, double share, uint64_t now_ms, uint64_t *ticket);

// What was taken was not made use of.
void retry_budget_return(struct retry_budget *budget, uint64_t ticket, uint64_t now_ms);

#endif
