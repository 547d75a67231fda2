// SPDX-License-Identifier: Apache-2.0
#include "mux/request_edits.h"

#include <stdio.h>

#include "aws/body_edit.h"
#include "base/log.h"
#include "mux/headers.h"

enum {
	GROWTH_BYTES = 64 << 10, // of a body, by its edits
	DETAIL_BYTES = BODY_EDIT_REASON_BYTES + 64,
	LOG_INTERVAL_MS = 1000,
};

bool request_edits_is_due(const struct request_edits_order *order) {
	const struct attempt_options *options = &order->step->options;
	return order->decide->prepare || options->tier != TIER_NONE || options->headers.count > 0;
}

// An edit that is left out. A log line a second tells of such; the events tell of all. `hook` is who wants it:
// "prepare", or "tier", since selections, models and ladders have tiers, too.
static void refuse(const struct request_edits_order *order, const char *hook, const char *edit, const char *reason) {
	struct mux_worker *worker = order->worker;
	const struct mux *mux = worker->mux;
	struct slice model = slice_from(order->step->model->name);
	char detail[DETAIL_BYTES];
	snprintf(detail, sizeof detail, "%s: %s left out: %s", hook, edit, reason);
	if (mux->settings.on_event)
		mux->settings.on_event(mux->settings.event_owner, &(struct route_event){.kind = EVENT_POLICY_ERROR,
		                                                                        .request_id = order->call->request_id,
		                                                                        .model = model,
		                                                                        .detail = slice_from(detail),
		                                                                        .attempt = order->step->attempt});
	uint64_t now_ms = loop_now_ms(worker->loop);
	if (now_ms < worker->next_refusal_log_ms)
		return;
	worker->next_refusal_log_ms = now_ms + LOG_INTERVAL_MS;
	log_entry(LOG_ERROR, "policy error", LOG_C("hook", hook), LOG_C("error", detail), LOG_S("model", model),
	          LOG_S("request_id", order->call->request_id));
}

// Headers by name, the last of a name alone.
struct replacements {
	struct header *list; // with room for all
	size_t count;
};

static int put(struct replacements *headers, struct arena *arena, struct slice name, struct slice value) {
	struct header *place = headers->list;
	struct header *end = place + headers->count;
	while (place < end && !slice_equal_nocase(place->name, name))
		place++;
	if (place == end) {
		*place = (struct header){.name = arena_copy(arena, name)};
		headers->count++;
	}
	place->value = value.ptr ? arena_copy(arena, value) : value;
	return place->name.ptr && (place->value.ptr || !value.ptr) ? 0 : ERROR_MEMORY;
}

// Names and values have been checked where the policy gave them.
static int put_all(const struct request_edits_order *order, struct headers headers, struct replacements *out) {
	int status = 0;
	for (size_t i = 0; status == 0 && i < headers.count; i++) {
		struct slice value = headers.list[i].value;
		status = put(out, order->arena, headers.list[i].name, value.ptr ? value : SLICE(""));
	}
	return status;
}

// Whom the policy asked last wins: prepare's tier over routing's, unless routing escalates.
static bool is_tier_prepares(const struct request_edits_order *order, const struct edits *edits) {
	return edits->tier != TIER_NONE && !order->step->options.is_escalated;
}

static enum service_tier tier_of(const struct request_edits_order *order, const struct edits *edits) {
	enum service_tier tier = is_tier_prepares(order, edits) ? edits->tier : order->step->options.tier;
	return tier == route_request_attributes(order->routing)->tier ? TIER_NONE : tier;
}

static struct buffer new_body(const struct request_edits_order *order) {
	struct buffer body;
	buffer_init(&body, order->call->body.len + GROWTH_BYTES);
	buffer_set_meter(&body, order->worker->mux->settings.memory);
	return body;
}

static int edit_body(const struct request_edits_order *order, const struct body_edit *edit,
                     struct request_edits *request_edits, char *reason) {
	struct slice before = request_edits->has_body ? buffer_slice(&request_edits->body) : order->call->body;
	struct buffer after = new_body(order);
	int status = body_edit_apply(edit, order->call->operation, before, &after, reason);
	if (status) {
		buffer_free(&after);
		return status;
	}
	request_edits_free(request_edits);
	request_edits->body = after;
	request_edits->has_body = true;
	return 0;
}

// All at once; where that can't be done, as many as can, so that what spoils one of them spares the others.
static void edit_what_can_be(const struct request_edits_order *order, const struct edits *edits,
                             const struct body_edit *edit, struct request_edits *request_edits) {
	const struct {
		const char *hook, *name;
		struct body_edit edit;
	} parts[] = {
	    {"prepare",
	     "guardrail",
	     {.guardrail_identifier = edit->guardrail_identifier,
	      .guardrail_version = edit->guardrail_version,
	      .guardrail_trace = edit->guardrail_trace}},
	    {is_tier_prepares(order, edits) ? "prepare" : "tier", "service_tier", {.tier = edit->tier}},
	    {"prepare", "max_tokens", {.max_tokens = edit->max_tokens}},
	};
	enum operation operation = order->call->operation;
	bool is_coded = headers_tell_coding(order->call->headers);
	char reason[BODY_EDIT_REASON_BYTES];
	if (!body_edit_is_in_body(edit, operation) || (!is_coded && edit_body(order, edit, request_edits, reason) == 0))
		return;
	for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
		if (!body_edit_is_in_body(&parts[i].edit, operation))
			continue;
		if (!is_coded && edit_body(order, &parts[i].edit, request_edits, reason) == 0)
			continue;
		refuse(order, parts[i].hook, parts[i].name, is_coded ? "the body is compressed" : reason);
		if (parts[i].edit.tier.len)
			route_attempt_untiered(order->routing, order->step->attempt);
	}
}

static int amend(const struct request_edits_order *order, const struct edits *edits, struct replacements *headers,
                 struct request_edits *request_edits) {
	struct body_edit edit = {
	    .tier = slice_from(service_tier_names[tier_of(order, edits)]),
	    .guardrail_identifier = edits->guardrail_identifier,
	    .guardrail_version = edits->guardrail_version,
	    .guardrail_trace = edits->guardrail_trace,
	    .max_tokens = edits->max_tokens,
	};
	struct header carried[BODY_EDIT_HEADERS_MAX];
	char trace[BODY_EDIT_TRACE_BYTES];
	size_t count = body_edit_headers(&edit, order->call->operation, trace, carried);
	int status = put_all(order, edits->headers, headers);
	for (size_t i = 0; status == 0 && i < count; i++)
		status = put(headers, order->arena, carried[i].name, carried[i].value);
	if (status == 0)
		edit_what_can_be(order, edits, &edit, request_edits);
	request_edits->headers = (struct headers){headers->list, headers->count};
	return status;
}

// Grows the list by room for more.
static int make_room(struct replacements *headers, size_t more, struct arena *arena) {
	struct header *list = arena_alloc(arena, (headers->count + more) * sizeof *list);
	if (!list)
		return ERROR_MEMORY;
	for (size_t i = 0; i < headers->count; i++)
		list[i] = headers->list[i];
	headers->list = list;
	return 0;
}

int request_edits_make(const struct request_edits_order *order, struct request_edits **out) {
	const struct attempt_options *options = &order->step->options;
	const struct decide *decide = order->decide;
	struct request_edits *request_edits = arena_alloc(order->arena, sizeof *request_edits);
	struct replacements headers = {.count = 0};
	struct edits edits = {.tier = TIER_NONE};
	*out = NULL;
	if (!request_edits || make_room(&headers, options->headers.count, order->arena) ||
	    put_all(order, options->headers, &headers))
		return ERROR_MEMORY;
	// What the selection said has been copied: asking again takes it back.
	if (decide->prepare)
		decide->prepare(decide->self, order->routing, order->step->model, &edits);
	// Where the model is known to lack prepare's tier, the attempt stays at its own.
	if (!route_attempt_prepared(order->routing, order->step->attempt, edits.tier))
		edits.tier = TIER_NONE;
	int status = make_room(&headers, edits.headers.count + BODY_EDIT_HEADERS_MAX, order->arena);
	if (status == 0)
		status = amend(order, &edits, &headers, request_edits);
	if (status)
		request_edits_free(request_edits);
	else if (request_edits->has_body || headers.count)
		*out = request_edits;
	return status;
}

void request_edits_free(struct request_edits *request_edits) {
	buffer_free(&request_edits->body);
	request_edits->has_body = false;
}
