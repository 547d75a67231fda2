// SPDX-License-Identifier: Apache-2.0
// The budget for extra attempts: hedges, and retries on the same model. They help while few requests are slow or fail;
// when most do, they would only add to the load. Failovers need no budget. A process has one.
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

// Takes one extra attempt. The last minute has room for `share` of its requests, but at least for ten; a share of 0
// allows none. False, with nothing taken, if there is no room. *ticket is for retry_budget_return.
bool retry_budget_take(struct retry_budget *budget, double share, uint64_t now_ms, uint64_t *ticket);

// Returns an extra attempt that was not made.
void retry_budget_return(struct retry_budget *budget, uint64_t ticket, uint64_t now_ms);

#endif
