// SPDX-License-Identifier: Apache-2.0
// Events as log lines: changes that an operator wants to see at "info" and above, requests and single attempts at
// "debug".
#ifndef GATEWAY_EVENT_LOG_H
#define GATEWAY_EVENT_LOG_H

#include "base/log.h"
#include "route/observer.h"

// The level at which an event of that kind is written.
enum log_level event_log_level(enum event_kind kind);

enum { EVENT_LOG_FIELDS = 16, EVENT_LOG_TRIED_BYTES = 1024 };

struct event_log_line {
	struct log_field fields[EVENT_LOG_FIELDS]; // ended by LOG_END
	size_t count;
	char tried[EVENT_LOG_TRIED_BYTES]; // what one of them may point to
};

// The event's fields; texts are borrowed from it and from the line.
void event_log_fields(const struct event *event, struct event_log_line *line);

// An observer that writes a line for each of an event's names. It listens to what the log, as configured now, would
// show. EVENT_REQUEST_STARTED is left to the access log, whose lines have the same name.
struct observer event_log_observer(void);

#endif
