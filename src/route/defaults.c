// SPDX-License-Identifier: Apache-2.0
// The built-in decisions: weighted random selection, and classification of a failure by its fault.
#include "route/decide.h"

const char *const verdict_names[] = {
    [VERDICT_FAILOVER] = "failover",
    [VERDICT_ESCALATE] = "escalate",
    [VERDICT_RETRY] = "retry",
    [VERDICT_FAIL] = "fail",
    NULL,
};

const char *const outcome_names[] = {
    [OUTCOME_SUCCESS] = "success", [OUTCOME_RATE_LIMIT] = "rate_limit", [OUTCOME_FAIL_FAST] = "fail_fast",
    [OUTCOME_REFUSAL] = "refusal", [OUTCOME_CANCELLED] = "cancelled",   NULL,
};

enum { OPERATOR_COOLDOWN_MS = 30000, LONGEST_RETRY_AFTER_MS = 300000 };

static double weight_of(struct candidates candidates, const struct model *model) {
	double weight = candidates.weights ? candidates.weights[model->index] : model->weight;
	return weight > 0 ? weight : 0;
}

// The first primary or fallback whose running sum of weights reaches r in (0, W]; NULL if W is 0.
static const struct model *draw_model(struct candidates candidates, bool fallback, struct random_source *random) {
	double total = 0;
	for (size_t i = 0; i < candidates.count; i++)
		if (candidates.list[i]->fallback == fallback)
			total += weight_of(candidates, candidates.list[i]);
	if (!(total > 0))
		return NULL;
	double reach = random_unit(random) * total, sum = 0;
	for (size_t i = 0; i < candidates.count; i++) {
		const struct model *model = candidates.list[i];
		if (model->fallback != fallback)
			continue;
		sum += weight_of(candidates, model);
		if (sum >= reach)
			return model;
	}
	// Unreachable: the sums are added in one order, so the last one is the total, which is at least reach.
	return NULL;
}

const struct model *default_select(struct candidates candidates, struct random_source *random) {
	const struct model *model = draw_model(candidates, false, random);
	return model ? model : draw_model(candidates, true, random);
}

void default_classify(const struct failure *failure, struct classification *out) {
	*out = (struct classification){.verdict = VERDICT_FAILOVER, .outcome = OUTCOME_FAIL_FAST};
	switch (failure->fault) {
	case FAULT_THROTTLE:
		out->outcome = OUTCOME_RATE_LIMIT;
		out->throttle = true;
		if (failure->retry_after_ms > 0)
			out->cooldown_ms = failure->retry_after_ms < LONGEST_RETRY_AFTER_MS ? (uint64_t)failure->retry_after_ms
			                                                                    : LONGEST_RETRY_AFTER_MS;
		break;
	case FAULT_MODEL:
		out->counts = true;
		break;
	case FAULT_OPERATOR:
		out->deprioritizes = true;
		out->cooldown_ms = OPERATOR_COOLDOWN_MS;
		break;
	case FAULT_CALLER:
	// Another model would lack the same.
	case FAULT_GATEWAY:
		out->verdict = VERDICT_FAIL;
		break;
	}
}

static void select_by_default(void *self, const struct route_request *request, struct candidates candidates,
                              struct random_source *random, struct selection *out) {
	(void)self;
	(void)request;
	out->model = default_select(candidates, random);
}

// `out` already holds the default classification.
static void classify_by_default(void *self, const struct failure *failure, const struct route_request *request,
                                const struct model *model, struct classification *out) {
	(void)self;
	(void)failure;
	(void)request;
	(void)model;
	(void)out;
}

const struct decide default_decide = {.select = select_by_default, .classify = classify_by_default};
