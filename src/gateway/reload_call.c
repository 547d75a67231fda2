// SPDX-License-Identifier: Apache-2.0
#include "gateway/reload_call.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/document.h"
#include "base/json.h"
#include "base/json_writer.h"
#include "base/memory.h"
#include "config/report.h"
#include "mux/history.h"

enum { RESPONSE_BYTES = 1 << 20 };

struct reload_call {
	struct server_call *call; // NULL once the client has disconnected
	struct mux_reload_order order;
};

static bool read_body(struct slice body, uint64_t *version) {
	struct document document;
	if (json_read_document(body, &document))
		return false;
	const struct document *to = document_get(&document, "to");
	bool empty = document.kind == DOCUMENT_TABLE && document.entry_count == 0 && document.item_count == 0;
	bool named = to && document.entry_count == 1 && to->kind == DOCUMENT_NUMBER && to->number >= 1 &&
	             to->number < (double)RELOAD_CALL_VERSION_MAX && floor(to->number) == to->number;
	if (named)
		*version = (uint64_t)to->number;
	document_free(&document);
	return empty || named;
}

bool reload_call_read(struct slice query, struct slice body, struct mux_reload_order *order) {
	*order = (struct mux_reload_order){0};
	if (slice_trim(body).len)
		return query.len == 0 && read_body(body, &order->to);
	if (query.len == 0)
		return true;
	struct slice name = SLICE("to=");
	return slice_starts(query, name) &&
	       slice_parse_u64(slice_from_offset(query, name.len), RELOAD_CALL_VERSION_MAX, &order->to) && order->to != 0;
}

static int write_message(struct json_writer *json, int status, uint64_t version, const char *message) {
	json_write_string(json, "message", slice_from(message));
	json_write_unsigned(json, "version", version);
	return status;
}

int reload_call_format(const struct mux_reload_order *order, const struct mux_reloaded *reloaded, struct buffer *body) {
	int status = 200;
	struct json_writer json;
	json_writer_init(&json, body);
	json_begin_object(&json, NULL);
	if (reloaded->status == 0) {
		json_write_unsigned(&json, "version", reloaded->version);
		json_write_string(&json, "hash", slice_from(reloaded->hash));
		json_write_unsigned(&json, "models", reloaded->models);
	} else if (reloaded->status == ERROR_NOT_FOUND && order->to && reloaded->problems.count == 0) {
		char message[96];
		snprintf(message, sizeof message, "Version %" PRIu64 " is none of the last %d that ran.", order->to,
		         HISTORY_BEFORE);
		status = write_message(&json, 404, reloaded->version, message);
	} else if (reloaded->problems.count == 0) {
		status = write_message(&json, 503, reloaded->version, "The gateway shuts down.");
	} else {
		status = write_message(&json, 422, reloaded->version, "The policy was rejected, the one before goes on.");
		report_problems(&reloaded->problems, "errors", &json);
	}
	json_end_object(&json);
	return status;
}

static void reload_call_on_done(void *owner, const struct mux_reloaded *reloaded) {
	static const struct header headers[] = {
	    {{"content-type", 12}, {"application/json", 16}},
	    {{"cache-control", 13}, {"no-store", 8}},
	};
	struct reload_call *pending = owner;
	if (pending->call) {
		struct buffer body;
		buffer_init(&body, RESPONSE_BYTES);
		int status = reload_call_format(&pending->order, reloaded, &body);
		server_respond(pending->call, status, (struct headers){headers, 2}, buffer_slice(&body));
		buffer_free(&body);
	}
	free(pending);
}

int reload_call_start(struct reload *reload, struct mux_reload_order order, struct server_call *call,
                      struct reload_call **out) {
	struct reload_call *pending = memory_new(1, sizeof *pending);
	*pending = (struct reload_call){call, order};
	int rc = mux_reload(reload->mux, reload->loop, order, reload_call_on_done, pending);
	if (rc) {
		free(pending);
		pending = NULL;
	}
	*out = pending;
	return rc;
}

void reload_call_abandon(struct reload_call *pending) {
	pending->call = NULL;
}
