// SPDX-License-Identifier: Apache-2.0
// The events of a streamed response: what each means for the response as a whole. An event's name is its :event-type.
#ifndef AWS_RESPONSE_EVENT_H
#define AWS_RESPONSE_EVENT_H

#include <stdbool.h>

#include "aws/operation.h"
#include "base/service.h"
#include "base/slice.h"

// ConverseStream's events, and the only one of InvokeModelWithResponseStream.
#define RESPONSE_EVENT_START "messageStart"
#define RESPONSE_EVENT_BLOCK_START "contentBlockStart"
#define RESPONSE_EVENT_BLOCK_DELTA "contentBlockDelta"
#define RESPONSE_EVENT_BLOCK_STOP "contentBlockStop"
#define RESPONSE_EVENT_STOP "messageStop"
#define RESPONSE_EVENT_METADATA "metadata"
#define RESPONSE_EVENT_CHUNK "chunk"

// Whether content begins with this event, unless an earlier one has begun it. A message without content ends with it.
bool response_event_begins_content(enum operation operation, struct slice name);

// Whether the operation's streams have an event after which the message is whole. A stream that ends before that event
// has been cut off; in a stream of the other operations any event may be the last.
bool response_event_can_end_message(enum operation operation);

// Whether it is that event.
bool response_event_ends_message(enum operation operation, struct slice name);

// Sets *usage to the token counts that the event's payload states; all are unknown in most events, and in those that
// are too large to be read at once (256 KiB of `metadata`, 64 KiB of a chunk).
void response_event_read_usage(enum operation operation, struct slice name, struct slice payload,
                               struct token_usage *usage);

#endif
