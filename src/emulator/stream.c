// SPDX-License-Identifier: Apache-2.0
// Streamed responses: an event is sent when its tokens are due, several in one write if they are due together. Also the
// faults of streams, between two events or within one.
#include "aws/exception.h"
#include "emulator/respond.h"

enum { WRITE_BYTES = 16384, GARBAGE_BYTES = 256 };

// Events before a fault that sets no `after`.
enum { AFTER_DEFAULT = 3 };

// Far more than any stream sends.
#define LYING_LENGTH ((int64_t)1 << 40)

// The event before which the fault comes; UINT64_MAX for none. A fault that would come after the stream is complete
// comes just before that.
static uint64_t stream_fault_event(const struct emulator_response *response) {
	const struct scenario_fault *fault = &response->visit.plan.fault;
	uint64_t stop = events_stop(&response->generation);
	if (response->visit.plan.outcome != PLAN_FAULT || response->struck)
		return UINT64_MAX;
	if (fault->trouble == SCENARIO_GARBAGE)
		return 0;
	if (fault->trouble == SCENARIO_LYING_LENGTH)
		return events_count(&response->generation);
	if (fault->after == SCENARIO_AFTER_STOP)
		return events_count(&response->generation) - 1;
	uint64_t after = fault->after == SCENARIO_AFTER_UNSET ? AFTER_DEFAULT : fault->after;
	return after < stop ? after : stop;
}

static void stream_start(struct emulator_response *response) {
	struct respond_head head;
	const struct plan *plan = &response->visit.plan;
	bool lies = plan->outcome == PLAN_FAULT && plan->fault.trouble == SCENARIO_LYING_LENGTH;
	respond_head_init(&head, response->emulator, "application/vnd.amazon.eventstream");
	respond_head_add_invocation(&head, &response->generation);
	server_response_start(response->call, 200, respond_head_headers(&head), lies ? LYING_LENGTH : -1);
	response->started = true;
}

// Sends the gathered frames. False when the client is gone.
static bool stream_flush(struct emulator_response *response) {
	struct buffer *frames = &response->emulator->frames;
	if (frames->len > 0 && !response->gone && !server_response_write(response->call, buffer_slice(frames)))
		response->full = true;
	buffer_clear(frames);
	return !response->gone;
}

static void gather_event(struct emulator_response *response) {
	events_append(&response->generation, response->next_event++, &response->emulator->events,
	              &response->emulator->frames);
}

static void stream_end(struct emulator_response *response) {
	if (!stream_flush(response))
		return;
	server_response_end(response->call);
	response->over = true;
}

static void stream_break_off(struct emulator_response *response) {
	if (!stream_flush(response))
		return;
	server_response_abort(response->call, false);
	response->over = true;
}

static void gather_half_event(struct emulator_response *response) {
	struct buffer *frames = &response->emulator->frames;
	size_t before = frames->len;
	gather_event(response);
	frames->len = before + (frames->len - before) / 2;
}

static void gather_corrupt_event(struct emulator_response *response) {
	struct buffer *frames = &response->emulator->frames;
	size_t before = frames->len;
	gather_event(response);
	if (frames->len > before)
		frames->ptr[frames->len - 1] ^= 1;
}

static void gather_garbage(struct emulator_response *response) {
	for (uint64_t i = 0; i < GARBAGE_BYTES; i++)
		buffer_append_byte(&response->emulator->frames, (char)(generation_number(&response->generation, i) | 0x80));
}

static void stream_fail(struct emulator_response *response) {
	const struct scenario_fault *fault = &response->visit.plan.fault;
	struct buffer *frames = &response->emulator->frames;
	response_strike(response);
	switch (fault->trouble) {
	case SCENARIO_EXCEPTION:
		exception_format_frame(response->generation.operation, slice_from(fault->exception),
		                       slice_from(respond_message(fault->exception)), frames);
		stream_end(response);
		break;
	case SCENARIO_RESET:
		if (stream_flush(response))
			response_reset_soon(response);
		response->next_event = UINT64_MAX;
		break;
	case SCENARIO_TRUNCATE:
		gather_half_event(response);
		stream_break_off(response);
		break;
	case SCENARIO_CORRUPT:
		gather_corrupt_event(response);
		break;
	case SCENARIO_STALL:
		stream_flush(response);
		response->next_event = UINT64_MAX;
		break;
	case SCENARIO_GARBAGE:
		gather_garbage(response);
		stream_end(response);
		break;
	case SCENARIO_LYING_LENGTH:
		stream_break_off(response);
		break;
	default:
		stream_end(response);
	}
}

static double stream_due_ms(const struct emulator_response *response) {
	const struct plan *plan = &response->visit.plan;
	uint64_t count = events_count(&response->generation);
	uint64_t event = response->next_event < count ? response->next_event : count - 1;
	return plan->first_ms + plan->token_ms * (double)(events_tokens_due(&response->generation, event) - 1);
}

void stream_act(struct emulator_response *response) {
	uint64_t count = events_count(&response->generation);
	double elapsed_ms = response_elapsed_ms(response);
	bool silent = response->next_event == UINT64_MAX;
	if (!response->started)
		stream_start(response);
	while (!silent && !response->full && !response->gone && !response->over && stream_due_ms(response) <= elapsed_ms) {
		if (response->next_event == stream_fault_event(response)) {
			stream_fail(response);
			silent = response->next_event == UINT64_MAX;
		} else if (response->next_event == count) {
			stream_end(response);
			response_counter(response)->answered += response->over && !response->struck;
		} else {
			gather_event(response);
			if (response->emulator->frames.len >= WRITE_BYTES)
				stream_flush(response);
		}
	}
	if (response->over || response->gone || silent || !stream_flush(response) || response->full)
		return;
	response_wake_at(response, stream_due_ms(response));
}
