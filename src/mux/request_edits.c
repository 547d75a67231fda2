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

// An edit of a body that can't be made. `hook` is its origin: "prepare", or "tier", since selections, models and
// ladders have tiers, too.
struct impossible_edit {
	const char *hook, *name;
	const char *reason;
	bool is_tier; // and nothing else
};

static void notify_impossible(const struct request_edits_order *order, const struct impossible_edit *edit) {
	const struct mux_worker *worker = order->worker;
	observers_notify(worker->mux->settings.observers,
	                 &(struct event){.kind = EVENT_POLICY_ERROR,
	                                 .attempt = order->step->attempt,
	                                 .at_ms = loop_now_ms(worker->loop),
	                                 .request = route_request_attributes(order->routing),
	                                 .model = order->step->model,
	                                 .error = {.hook = edit->hook, .edit = edit->name, .reason = edit->reason}});
}

// Reports an edit that is omitted: each by an event, and at most one a second in the log.
static void report_omission(const struct request_edits_order *order, const struct impossible_edit *edit) {
	struct mux_worker *worker = order->worker;
	char text[TEXT_BYTES];
	notify_impossible(order, edit);
	if (loop_now_ms(worker->loop) < worker->next_omission_log_ms)
		return;
	worker->next_omission_log_ms = loop_now_ms(worker->loop) + LOG_INTERVAL_MS;
	snprintf(text, sizeof text, "%s: %s left out: %s", edit->hook, edit->name, edit->reason);
	log_entry(LOG_ERROR, "policy error", LOG_C("hook", edit->hook), LOG_C("error", text),
	          LOG_C("model", order->step->model->name), LOG_S("request_id", order->call->request_id));
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

int request_edits_write(struct request_edits *edits, struct slice before, size_t bytes) {
	int status = json_patches_write(&edits->patches, before, &edits->cursor, bytes, &edits->body, &edits->is_whole);
	if (edits->is_whole)
		json_patches_free(&edits->patches);
	return status;
}

// Makes room for the edited body, and writes it unless it is large. 0, or ERROR_LIMIT if memory is short.
static int begin_body(const struct request_edits_order *order, struct request_edits *made) {
	struct slice before = order->call->body;
	made->has_body = true;
	made->body = new_body(order);
	int status = buffer_reserve(&made->body, before.len + made->patches.inserted.len);
	if (status == 0 && before.len <= SLICED_BYTES_MIN)
		status = request_edits_write(made, before, SIZE_MAX);
	if (status)
		request_edits_free(made);
	return status;
}

// Whether a guardrail has to evaluate the whole prompt, which the body may keep it from.
static bool guards_all(const struct request_edits_order *order) {
	const struct edits *edits = &order->step->edits;
	enum operation operation = order->call->operation;
	return edits->guardrail_identifier.len && !edits->is_partial &&
	       (operation_is_converse(operation) || operation_is_invoke(operation));
}

// The first part of the edit that can't do without the body; a tier only if it is all that is edited there.
static struct impossible_edit blame(const struct request_edits_order *order, const struct body_edit *edit,
                                    const char *reason) {
	bool is_in_body = operation_is_converse(order->call->operation) && edit->guardrail_identifier.len;
	bool has_guardrail = is_in_body || guards_all(order);
	if (has_guardrail || edit->max_tokens > 0)
		return (struct impossible_edit){"prepare", has_guardrail ? "guardrail" : "max_tokens", reason, false};
	return (struct impossible_edit){order->step->edits.tier != TIER_NONE ? "prepare" : "tier", "service_tier", reason,
	                                true};
}

// The edit can't be made: the request is refused, unless all that is lacking is a tier that the policy can do without.
static int give_up_body(const struct request_edits_order *order, const struct body_edit *edit, bool is_ambiguous,
                        const char *reason) {
	struct impossible_edit impossible = blame(order, edit, reason);
	if (impossible.is_tier && !is_ambiguous && !order->step->edits.is_required) {
		report_omission(order, &impossible);
		route_attempt_drop_tier(order->routing, order->step->attempt);
		return 0;
	}
	notify_impossible(order, &impossible);
	*order->refusal = arena_copy(order->arena, slice_from(reason));
	return order->refusal->ptr ? ERROR_INVALID : ERROR_MEMORY;
}

// Whether the body can't be edited, or keeps a guardrail from evaluating all of it, and why.
static bool body_is_unfit(const struct request_edits_order *order, const struct request_shape *shape,
                          bool *is_ambiguous, char reason[BODY_EDIT_REASON_BYTES]) {
	if (shape->flaw.kind != FLAW_NONE) {
		request_flaw_describe(&shape->flaw, reason);
		*is_ambiguous = request_flaw_is_ambiguous(&shape->flaw);
		return true;
	}
	if (!shape->partial_key || !guards_all(order))
		return false;
	snprintf(reason, BODY_EDIT_REASON_BYTES, "The body chooses what its guardrail evaluates: \"%s\", at offset %zu.",
	         shape->partial_key, shape->partial_offset);
	return true;
}

static int make_body_edit(const struct request_edits_order *order, const struct body_edit *edit,
                          struct request_edits *made) {
	enum operation operation = order->call->operation;
	bool is_in_body = body_edit_is_in_body(edit, operation), is_ambiguous = false;
	char reason[BODY_EDIT_REASON_BYTES];
	if (!is_in_body && !guards_all(order))
		return 0;
	const struct request_shape *shape = request_body_shape(order->body);
	if (!shape)
		return ERROR_MEMORY;
	if (body_is_unfit(order, shape, &is_ambiguous, reason))
		return give_up_body(order, edit, is_ambiguous, reason);
	if (!is_in_body)
		return 0;
	if (body_edit_plan(edit, operation, order->call->body, shape, &made->patches, reason) == 0)
		return begin_body(order, made);
	json_patches_free(&made->patches);
	return give_up_body(order, edit, false, reason);
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
	made->headers = (struct headers){headers.list, headers.count};
	return make_body_edit(order, edit, made);
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
	int status = made ? make_edits(order, &edit, made) : ERROR_MEMORY;
	if (status)
		return status;
	if (made->has_body || made->headers.count)
		*out = made;
	return 0;
}

void request_edits_free(struct request_edits *edits) {
	buffer_free(&edits->body);
	if (edits->has_body)
		json_patches_free(&edits->patches);
	edits->has_body = false;
}
