// SPDX-License-Identifier: Apache-2.0
// The access log: one line a request, of facts that hold no content and no credentials.
#ifndef GATEWAY_ACCESS_H
#define GATEWAY_ACCESS_H

#include <stdint.h>

#include "base/log.h"
#include "base/slice.h"
#include "route/decide.h"

struct access_entry {
	struct slice request_id;  // ours
	struct slice upstream_id; // what the client was told instead: the upstream's x-amzn-requestid; empty for none
	struct slice client;      // its address; empty where a request was refused before it was whole
	struct slice operation;   // "Converse"; "Health"; "Unknown"
	struct slice model;       // that answered, or was last tried; empty where none was
	uint32_t attempts;
	const char *outcome; // access_outcome's words, or "refused" where nothing was routed
	int status;          // as the client got it; 499 when it had gone before the head
	uint64_t bytes_in;   // of the request's body
	uint64_t bytes_out;  // of the answer's body
	uint64_t milliseconds;
};

enum { ACCESS_FIELDS = 12 };

// "success", "rate_limit", "fail_fast", "refusal", "cancelled".
const char *access_outcome(enum outcome outcome);

// The entry as log fields, ended by LOG_END.
void access_fields(const struct access_entry *entry, struct log_field fields[ACCESS_FIELDS]);

// Writes the line, at LOG_INFO.
void access_write(const struct access_entry *entry);

#endif
