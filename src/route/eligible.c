// SPDX-License-Identifier: Apache-2.0
// Which models are eligible: those that serve the request, have not been tried, do not cool down, have room in their
// quota, and whose breaker would admit an attempt. A cooldown is advice, an open breaker is binding: if only cooldowns
// leave no model, the one whose cooldown ends first is listed as a last resort, for one attempt at a time. Listing
// admits nothing.
#include "route/elapsed.h"
#include "route/request_internal.h"

// BUSY_POLL_MS is how soon to list again while it is unknown when a model returns: a probe or a last resort is in
// flight, or attempts may give tokens back. RETRY_AFTER_AVAILABLE_MS is for a client whose model is available already.
enum { BUSY_POLL_MS = 50, RETRY_AFTER_AVAILABLE_MS = 1000 };

static const struct model *model_at(const struct route_request *request, size_t index) {
	return &request->route->pool->models[index];
}

// The model whose family the body fits: the one whose id is asked for, else the first that serves the name.
static const struct model *find_reference(const struct route_request *request) {
	const struct model *reference = NULL;
	for (size_t i = 0; i < request->route->pool->count; i++) {
		const struct model *model = model_at(request, i);
		if (!(request->marks[i] & MARK_SERVES))
			continue;
		if (slice_equal(slice_from(model->id), request->attributes->asked))
			return model;
		if (!reference)
			reference = model;
	}
	return reference;
}

static bool is_interchangeable(const struct model *model, const struct model *reference) {
	if (!reference->family)
		return strcmp(model->id, reference->id) == 0;
	return model->family && strcmp(model->family, reference->family) == 0;
}

void eligible_mark_serving(struct route_request *request) {
	size_t count = request->route->pool->count;
	bool has_quota = request->route->pool->has_quota;
	const struct model *model = request->route->pool->models;
	for (size_t i = 0; i < count; i++, model++) {
		if (model->serves && !model_serves(model, request->attributes->asked))
			continue;
		request->marks[i] = has_quota && quota_is_limited(&model->quota) ? MARK_SERVES | MARK_LIMITED : MARK_SERVES;
		request->is_served = true;
	}
	if (!request->attributes->family_bound || !request->is_served)
		return;
	const struct model *reference = find_reference(request);
	for (size_t i = 0; i < count; i++)
		if (!is_interchangeable(model_at(request, i), reference))
			request->marks[i] &= (uint8_t)~MARK_SERVES;
}

// Once for each model and request: each listing would repeat it otherwise.
static void notify_skipped(struct route_request *request, const struct model *model) {
	if (request->marks[model->index] & MARK_SKIPPED)
		return;
	request->marks[model->index] |= MARK_SKIPPED;
	request_notify_skipped(request, model);
}

static void list_model(struct route_request *request, const struct model *model, struct eligible *out) {
	request->candidates[out->candidates.count++] = model;
}

static uint64_t later_of(uint64_t a, uint64_t b) {
	return a > b ? a : b;
}

static void note_return(struct eligible *out, uint64_t return_ms) {
	if (return_ms < out->first_return_ms)
		out->first_return_ms = return_ms;
}

// The model whose cooldown ends first.
struct last_resort {
	const struct model *model;
	uint64_t cooldown_until_ms;
	bool is_taken;
};

// Until when the model cools down for this request; 0 without a cooldown, or if the request can start at a higher tier.
static uint64_t cooldown_until_ms(const struct route_request *request, const struct model *model,
                                  const struct availability *availability) {
	if (!availability->cooldown_until_ms || !availability->cooldown_tiers ||
	    request->route->pool->limits.tier_escalation.count == 0)
		return availability->cooldown_until_ms;
	struct tier_choice start = attempt_start_tier(request, model, TIER_NONE, 0, availability->cooldown_tiers);
	return availability->cooldown_tiers & tier_bit(tier_in_effect(start.tier)) ? availability->cooldown_until_ms : 0;
}

// Whether the model can be listed now; else notes when it can be.
static bool check_availability(struct route_request *request, const struct model *model, struct eligible *out,
                               struct last_resort *resort) {
	struct availability availability;
	struct admission_request admission_request = admission_request_of(model, request->demand);
	model_state_availability(model->state, &admission_request, request->now_ms, &availability);
	uint8_t *mark = &request->marks[model->index];
	uint64_t poll_ms = request->now_ms + BUSY_POLL_MS;
	uint64_t until_ms = cooldown_until_ms(request, model, &availability);
	uint64_t short_ms = availability.short_until_ms;
	if (availability.may_free_early && short_ms > poll_ms)
		short_ms = poll_ms;
	if (!availability.admits) {
		note_return(out, later_of(availability.opens_ms ? availability.opens_ms : poll_ms, short_ms));
		notify_skipped(request, model);
	} else if (short_ms) {
		note_return(out, later_of(short_ms, until_ms));
	} else if (until_ms) {
		if (!resort->model || until_ms < resort->cooldown_until_ms)
			*resort = (struct last_resort){model, until_ms, availability.last_resort_taken || (*mark & MARK_LOST)};
		note_return(out, until_ms < poll_ms ? until_ms : poll_ms);
	} else if (*mark & MARK_LOST) {
		note_return(out, poll_ms);
	} else if (availability.deprioritized) {
		*mark |= MARK_DEPRIORITIZED;
		request->has_deprioritized = true;
	} else {
		return true;
	}
	return false;
}

// Deprioritized models are listed if there are no others.
static void list_deprioritized(struct route_request *request, struct eligible *out) {
	bool are_listed = out->candidates.count == 0;
	for (size_t i = 0; i < request->route->pool->count; i++) {
		if (are_listed && request->marks[i] & MARK_DEPRIORITIZED)
			list_model(request, model_at(request, i), out);
		request->marks[i] &= (uint8_t)~MARK_DEPRIORITIZED;
	}
	request->has_deprioritized = false;
}

// Whether the model is certainly available; takes no lock.
static inline bool is_clear(const struct route_request *request, const struct model *model, uint8_t mark) {
	return model_state_is_clear(model->state) && !(mark & MARK_LOST) &&
	       (!(mark & MARK_LIMITED) || model_state_has_room(model->state, &model->quota, request->demand));
}

void eligible_list(struct route_request *request, struct eligible *out) {
	*out = (struct eligible){
	    .candidates.list = request->candidates, .admission = ADMIT_AVAILABLE, .first_return_ms = UINT64_MAX};
	struct last_resort resort = {0};
	const struct model *model = request->route->pool->models, *end = model + request->route->pool->count;
	const uint8_t *mark = request->marks;
	const struct model **next = request->candidates;
	for (; model < end; model++, mark++) {
		if ((*mark & (MARK_SERVES | MARK_TRIED | MARK_IN_FLIGHT)) != MARK_SERVES)
			continue;
		if (is_clear(request, model, *mark) || check_availability(request, model, out, &resort))
			*next++ = model;
	}
	out->candidates.count = (size_t)(next - request->candidates);
	if (request->has_deprioritized)
		list_deprioritized(request, out);
	// With an attempt in flight a last resort is not worth it.
	if (out->candidates.count == 0 && resort.model && !resort.is_taken && request->in_flight == 0) {
		out->admission = ADMIT_LAST_RESORT;
		list_model(request, resort.model, out);
	}
}

// When the model is available to any request: a time that may have passed; UINT64_MAX if its breaker is forced open.
static uint64_t returns_ms(const struct route_request *request, const struct model *model) {
	if (model_state_is_clear(model->state) && !(request->marks[model->index] & MARK_LIMITED))
		return 0;
	struct admission_request admission_request = admission_request_of(model, request->demand);
	struct availability availability;
	model_state_availability(model->state, &admission_request, request->now_ms, &availability);
	return later_of(later_of(cooldown_until_ms(request, model, &availability), availability.opens_ms),
	                availability.short_until_ms);
}

uint64_t eligible_retry_after_ms(const struct route_request *request) {
	uint64_t first_ms = UINT64_MAX;
	for (size_t i = 0; i < request->route->pool->count; i++) {
		if (!(request->marks[i] & MARK_SERVES))
			continue;
		uint64_t return_ms = returns_ms(request, model_at(request, i));
		first_ms = return_ms < first_ms ? return_ms : first_ms;
	}
	if (first_ms == UINT64_MAX)
		return RETRY_AFTER_UNKNOWN_MS;
	return first_ms > request->now_ms ? first_ms - request->now_ms : RETRY_AFTER_AVAILABLE_MS;
}
