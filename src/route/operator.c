// SPDX-License-Identifier: Apache-2.0
// Carries out an operator's commands and emits their events.
#include "route/operator.h"

#include "route/state.h"

// Carries the command out; returns the breaker's states before and after.
static struct breaker_changed apply_command(struct model_state *state, enum breaker_command command, uint64_t now_ms) {
	struct breaker_changed change = {.to = BREAKER_CLOSED, .cause = BREAKER_BY_OPERATOR};
	switch (command) {
	case BREAKER_COMMAND_OPEN:
		change.from = model_state_force_open(state, now_ms);
		change.to = BREAKER_OPEN;
		break;
	case BREAKER_COMMAND_CLOSE:
		change.from = model_state_force_close(state, now_ms);
		break;
	case BREAKER_COMMAND_RESET:
		change.from = model_state_reset_breaker(state, now_ms);
		break;
	}
	return change;
}

void operator_command_breaker(const struct model *model, enum breaker_command command, uint64_t now_ms,
                              const struct observers *observers) {
	struct breaker_changed change = apply_command(model->state, command, now_ms);
	observers_notify(
	    observers,
	    &(struct event){.kind = EVENT_BREAKER_COMMAND, .at_ms = now_ms, .model = model, .commanded.command = command});
	if (change.from != change.to)
		observers_notify(
		    observers,
		    &(struct event){.kind = EVENT_BREAKER_CHANGED, .at_ms = now_ms, .model = model, .breaker = change});
}

void operator_reset_statistics(const struct pool *pool, uint64_t now_ms, const struct observers *observers) {
	for (size_t i = 0; i < pool->count; i++)
		model_state_reset_statistics(pool->models[i].state);
	observers_notify(observers, &(struct event){.kind = EVENT_STATISTICS_RESET, .at_ms = now_ms});
}
