// SPDX-License-Identifier: Apache-2.0
// Events as log lines: changes of models, hooks and breakers at "info" and above; requests, attempts, and a policy's
// loads and errors at "debug".
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
	char tried[EVENT_LOG_TRIED_BYTES]; // the text of the field "tried"
};

// The event's fields; texts are borrowed from it and from the line.
void event_log_fields(const struct event *event, struct event_log_line *line);

// An observer that writes a line for each of an event's names. It subscribes to the kinds that the log shows at its
// present level, but not to EVENT_REQUEST_STARTED: the access log has a line of the same name.
struct observer event_log_observer(void);

#endif
