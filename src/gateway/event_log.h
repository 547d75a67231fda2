// SPDX-License-Identifier: Apache-2.0
// What happens in routing, as log lines: changes that an operator wants to see at "info" and above, the life of single
// attempts at "debug".
#ifndef GATEWAY_EVENT_LOG_H
#define GATEWAY_EVENT_LOG_H

#include "base/log.h"
#include "route/event.h"

// The level at which an event of that kind is written.
enum log_level notice_level(enum event_kind kind);

// A route_event_callback without an owner; from any thread. EVENT_REQUEST is left to the access log, whose lines bear
// the same name.
void notice_write(void *owner, const struct route_event *event);

#endif
