// SPDX-License-Identifier: Apache-2.0
// The access log: one line a request, without content and without credentials. A worker collects its lines and writes
// them at the end of each turn of its loop: a write for each line would be a tenth of a request's cost.
#ifndef GATEWAY_ACCESS_LOG_H
#define GATEWAY_ACCESS_LOG_H

#include <stdint.h>

#include "base/buffer.h"
#include "base/log.h"
#include "base/slice.h"
#include "net/loop.h"

struct access_entry {
	struct slice request_id;  // ours
	struct slice upstream_id; // the upstream's x-amzn-requestid, if the client got that one; else empty
	struct slice client;      // its address; empty if the request was refused before it was complete
	struct slice operation;   // "Converse"; "Health"; "Unknown"
	struct slice model;       // of the response, or of the last attempt; empty without an attempt
	uint32_t attempts;
	const char *outcome; // one of outcome_names, or "refused" if nothing was routed
	int status;          // as sent to the client; 499 if it disconnected before the head
	uint64_t bytes_in;   // of the request's body
	uint64_t bytes_out;  // of the response's body
	uint64_t milliseconds;
};

struct access_log {
	struct buffer lines;
	struct timer end_of_turn;
};

enum { ACCESS_LOG_FIELDS = 12 };

// The entry as log fields, ended by LOG_END.
void access_log_fields(const struct access_entry *entry, struct log_field fields[ACCESS_LOG_FIELDS]);

void access_log_init(struct access_log *log, struct loop *loop);
// Writes the collected lines and frees.
void access_log_free(struct access_log *log);

// Adds the line, at LOG_INFO.
void access_log_add(struct access_log *log, const struct access_entry *entry);

#endif
