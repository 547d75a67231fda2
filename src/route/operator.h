// SPDX-License-Identifier: Apache-2.0
// An operator's commands: carried out, and told to observers.
#ifndef ROUTE_OPERATOR_H
#define ROUTE_OPERATOR_H

#include <stdint.h>

#include "route/model.h"
#include "route/observer.h"

// Open holds until close or reset; reset ends a cooldown too. Tells of the command, and of the breaker where that
// changes. From any thread.
void operator_command_breaker(const struct model *model, enum breaker_command command, uint64_t now_ms,
                              const struct observers *observers);

// Sets the statistics of every model of the pool to zero. From any thread.
void operator_reset_statistics(const struct pool *pool, uint64_t now_ms, const struct observers *observers);

#endif
