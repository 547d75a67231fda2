// SPDX-License-Identifier: Apache-2.0
#include "mux/request_edits.h"

#include <stdio.h>

#include "aws/body_edit.h"
#include "base/log.h"
#include "mux/headers.h"

enum {
	GROWTH_BYTES = 64 << 10, // limit of what edits add to a body
	TEXT_BYTES = BODY_EDIT_REASON_BYTES + 64,
	LOG_INTERVAL_MS = 1000,
};

// Reports an edit that is omitted: each by an event, and at most one a second in the log. `hook` is the edit's origin:
// "prepare", or "tier", since selections, models and ladders have tiers, too.
static void report_omission(const struct request_edits_order *order, const char *hook, const char *edit,
                            const char *reason) {
	struct mux_worker *worker = order->worker;
	const struct mux *mux = worker->mux;
	const struct model *model = order->step->model;
	uint64_t now_ms = loop_now_ms(worker->loop);
	char text[TEXT_BYTES];
	observers_tell(mux->settings.observers, &(struct event){.kind = EVENT_POLICY_ERROR,
	                                                        .attempt = order->step->attempt,
	                                                        .at_ms = now_ms,
	                                                        .request = route_request_attributes(order->routing),
	                                                        .model = model,
	                                                        .error = {.hook = hook, .edit = edit, .reason = reason}});
	if (now_ms < worker->next_omission_log_ms)
		return;
	worker->next_omission_log_ms = now_ms + LOG_INTERVAL_MS;
	snprintf(text, sizeof text, "%s: %s left out: %s", hook, edit, reason);
	log_entry(LOG_ERROR, "policy error", LOG_C("hook", hook), LOG_C("error", text), LOG_C("model", model->name),
	          LOG_S("request_id", order->call->request_id));
}

// Headers with distinct names: a later one replaces an earlier one of the same name.
struct replacements {
	struct header *list; // has room for all
	size_t count;
};

static int replacements_put(struct replacements *headers, struct arena *arena, struct slice name, struct slice value) {
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

// The policy room has validated names and values.
static int replacements_put_all(const struct request_edits_order *order, struct headers headers,
                                struct replacements *out) {
	int status = 0;
	for (size_t i = 0; status == 0 && i < headers.count; i++) {
		struct slice value = headers.list[i].value;
		status = replacements_put(out, order->arena, headers.list[i].name, value.ptr ? value : SLICE(""));
	}
	return status;
}

static struct buffer new_body(const struct request_edits_order *order) {
	struct buffer body;
	buffer_init(&body, order->call->body.len + GROWTH_BYTES);
	buffer_set_meter(&body, order->worker->mux->settings.memory);
	return body;
}

static int edit_body(const struct request_edits_order *order, const struct body_edit *edit, struct request_edits *made,
                     char *reason) {
	struct slice before = made->has_body ? buffer_slice(&made->body) : order->call->body;
	struct buffer after = new_body(order);
	int status = body_edit_apply(edit, order->call->operation, before, &after, reason);
	if (status) {
		buffer_free(&after);
		return status;
	}
	request_edits_free(made);
	made->body = after;
	made->has_body = true;
	return 0;
}

// Makes all edits of the body at once; if that fails, one by one, so that only those that can't be made are omitted.
static void make_body_edits(const struct request_edits_order *order, const struct body_edit *edit,
                            struct request_edits *made) {
	const struct {
		const char *hook, *name;
		struct body_edit edit;
	} parts[] = {
	    {"prepare",
	     "guardrail",
	     {.guardrail_identifier = edit->guardrail_identifier,
	      .guardrail_version = edit->guardrail_version,
	      .guardrail_trace = edit->guardrail_trace}},
	    {order->step->edits.tier != TIER_NONE ? "prepare" : "tier", "service_tier", {.tier = edit->tier}},
	    {"prepare", "max_tokens", {.max_tokens = edit->max_tokens}},
	};
	enum operation operation = order->call->operation;
	bool is_coded = headers_have_coding(order->call->headers);
	char reason[BODY_EDIT_REASON_BYTES];
	if (!body_edit_is_in_body(edit, operation) || (!is_coded && edit_body(order, edit, made, reason) == 0))
		return;
	for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
		if (!body_edit_is_in_body(&parts[i].edit, operation))
			continue;
		if (!is_coded && edit_body(order, &parts[i].edit, made, reason) == 0)
			continue;
		report_omission(order, parts[i].hook, parts[i].name, is_coded ? "the body is compressed" : reason);
		if (parts[i].edit.tier.len)
			route_attempt_untiered(order->routing, order->step->attempt);
	}
}

static bool is_needed(const struct step *step, const struct body_edit *edit) {
	return edit->tier.len || edit->guardrail_identifier.len || edit->max_tokens || step->options.headers.count ||
	       step->edits.headers.count;
}

// The headers of `prepare` come after the selection's, so they replace those.
static int make_edits(const struct request_edits_order *order, const struct body_edit *edit,
                      struct request_edits *made) {
	const struct step *step = order->step;
	struct header carried[BODY_EDIT_HEADERS_MAX];
	char trace[BODY_EDIT_TRACE_BYTES];
	size_t count = body_edit_headers(edit, order->call->operation, trace, carried);
	size_t room = step->options.headers.count + step->edits.headers.count + count;
	struct replacements headers = {.list = arena_alloc(order->arena, room * sizeof *headers.list)};
	if (!headers.list || replacements_put_all(order, step->options.headers, &headers) ||
	    replacements_put_all(order, step->edits.headers, &headers))
		return ERROR_MEMORY;
	for (size_t i = 0; i < count; i++)
		if (replacements_put(&headers, order->arena, carried[i].name, carried[i].value))
			return ERROR_MEMORY;
	make_body_edits(order, edit, made);
	made->headers = (struct headers){headers.list, headers.count};
	return 0;
}

// The client's own tier is in its request already, so it is not written again.
static enum service_tier tier_to_write(const struct request_edits_order *order) {
	enum service_tier tier = order->step->options.tier;
	return order->routing && tier == route_request_attributes(order->routing)->tier ? TIER_NONE : tier;
}

int request_edits_make(const struct request_edits_order *order, struct request_edits **out) {
	const struct edits *edits = &order->step->edits;
	struct body_edit edit = {
	    .tier = slice_from(service_tier_names[tier_to_write(order)]),
	    .guardrail_identifier = edits->guardrail_identifier,
	    .guardrail_version = edits->guardrail_version,
	    .guardrail_trace = edits->guardrail_trace,
	    .max_tokens = edits->max_tokens,
	};
	*out = NULL;
	if (!is_needed(order->step, &edit))
		return 0;
	struct request_edits *made = arena_alloc(order->arena, sizeof *made);
	if (!made || make_edits(order, &edit, made))
		return ERROR_MEMORY;
	if (made->has_body || made->headers.count)
		*out = made;
	return 0;
}

void request_edits_free(struct request_edits *edits) {
	buffer_free(&edits->body);
	edits->has_body = false;
}
