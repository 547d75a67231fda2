// SPDX-License-Identifier: Apache-2.0
// An operator's commands. Observers are notified of each.
#ifndef ROUTE_OPERATOR_H
#define ROUTE_OPERATOR_H

#include <stdint.h>

#include "route/model.h"
#include "route/observer.h"

// Open holds until close or reset; reset ends a cooldown too. Notifies `observers` (NULL: none) of the command, and of
// the breaker's change if there is one. Thread-safe.
void operator_command_breaker(const struct model *model, enum breaker_command command, uint64_t now_ms,
                              const struct observers *observers);

// Sets the statistics of every model of the pool to zero and notifies `observers` (NULL: none) once. Thread-safe.
void operator_reset_statistics(const struct pool *pool, uint64_t now_ms, const struct observers *observers);

#endif
