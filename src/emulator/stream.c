// SPDX-License-Identifier: Apache-2.0
// Answers as streams: events leave when their tokens are made, several in one write where they are due together; and
// how streams go wrong, between two events or within one.
#include "aws/exception.h"
#include "emulator/respond.h"

enum { WRITE_BYTES = 16384, GARBAGE_BYTES = 256 };

// Events before a fault that doesn't say.
enum { AFTER_DEFAULT = 3 };

// Far more than any stream sends.
#define LYING_LENGTH ((int64_t)1 << 40)

// The event before which the fault comes; past the end for none. A fault that is to come later than the stream is
// complete comes just before that.
static uint64_t strike_event(const struct answer *answer) {
	const struct scenario_fault *fault = &answer->visit.plan.fault;
	uint64_t stop = events_stop(&answer->reply);
	if (answer->visit.plan.outcome != PLAN_FAULT || answer->struck)
		return UINT64_MAX;
	if (fault->trouble == SCENARIO_GARBAGE)
		return 0;
	if (fault->trouble == SCENARIO_LYING_LENGTH)
		return events_count(&answer->reply);
	if (fault->after == SCENARIO_AFTER_STOP)
		return events_count(&answer->reply) - 1;
	uint64_t after = fault->after == SCENARIO_AFTER_UNSET ? AFTER_DEFAULT : fault->after;
	return after < stop ? after : stop;
}

static void start(struct answer *answer) {
	struct respond_head head;
	const struct plan *plan = &answer->visit.plan;
	bool lies = plan->outcome == PLAN_FAULT && plan->fault.trouble == SCENARIO_LYING_LENGTH;
	respond_head_init(&head, answer->emulator, "application/vnd.amazon.eventstream");
	respond_head_add_invocation(&head, &answer->reply);
	server_answer_start(answer->call, 200, respond_head_headers(&head), lies ? LYING_LENGTH : -1);
	answer->started = true;
}

// Sends what was gathered. False when the client is gone.
static bool flush(struct answer *answer) {
	struct buffer *frames = &answer->emulator->frames;
	if (frames->len > 0 && !answer->gone && !server_answer_write(answer->call, buffer_slice(frames)))
		answer->full = true;
	buffer_clear(frames);
	return !answer->gone;
}

static void gather(struct answer *answer) {
	events_append(&answer->reply, answer->next_event++, &answer->emulator->events, &answer->emulator->frames);
}

static void end(struct answer *answer) {
	if (!flush(answer))
		return;
	server_answer_end(answer->call);
	answer->over = true;
}

static void break_off(struct answer *answer) {
	if (!flush(answer))
		return;
	server_answer_abort(answer->call, false);
	answer->over = true;
}

static void gather_half_an_event(struct answer *answer) {
	struct buffer *frames = &answer->emulator->frames;
	size_t before = frames->len;
	gather(answer);
	frames->len = before + (frames->len - before) / 2;
}

static void gather_corrupt_event(struct answer *answer) {
	struct buffer *frames = &answer->emulator->frames;
	size_t before = frames->len;
	gather(answer);
	if (frames->len > before)
		frames->ptr[frames->len - 1] ^= 1;
}

static void gather_garbage(struct answer *answer) {
	for (uint64_t i = 0; i < GARBAGE_BYTES; i++)
		buffer_append_byte(&answer->emulator->frames, (char)(reply_number(&answer->reply, i) | 0x80));
}

static void go_wrong(struct answer *answer) {
	const struct scenario_fault *fault = &answer->visit.plan.fault;
	struct buffer *frames = &answer->emulator->frames;
	answer_strike(answer);
	switch (fault->trouble) {
	case SCENARIO_EXCEPTION:
		exception_format_frame(answer->reply.operation, slice_from(fault->exception),
		                       slice_from(respond_message(fault->exception)), frames);
		end(answer);
		break;
	case SCENARIO_RESET:
		if (flush(answer))
			answer_reset_soon(answer);
		answer->next_event = UINT64_MAX;
		break;
	case SCENARIO_TRUNCATE:
		gather_half_an_event(answer);
		break_off(answer);
		break;
	case SCENARIO_CORRUPT:
		gather_corrupt_event(answer);
		break;
	case SCENARIO_STALL:
		flush(answer);
		answer->next_event = UINT64_MAX;
		break;
	case SCENARIO_GARBAGE:
		gather_garbage(answer);
		end(answer);
		break;
	case SCENARIO_LYING_LENGTH:
		break_off(answer);
		break;
	default:
		end(answer);
	}
}

static double due_ms(const struct answer *answer) {
	const struct plan *plan = &answer->visit.plan;
	uint64_t count = events_count(&answer->reply);
	uint64_t event = answer->next_event < count ? answer->next_event : count - 1;
	return plan->first_ms + plan->token_ms * (double)(events_tokens_due(&answer->reply, event) - 1);
}

void stream_act(struct answer *answer) {
	uint64_t count = events_count(&answer->reply);
	double elapsed_ms = answer_elapsed_ms(answer);
	bool silent = answer->next_event == UINT64_MAX;
	if (!answer->started)
		start(answer);
	while (!silent && !answer->full && !answer->gone && !answer->over && due_ms(answer) <= elapsed_ms) {
		if (answer->next_event == strike_event(answer)) {
			go_wrong(answer);
			silent = answer->next_event == UINT64_MAX;
		} else if (answer->next_event == count) {
			end(answer);
			answer_counter(answer)->answered += answer->over && !answer->struck;
		} else {
			gather(answer);
			if (answer->emulator->frames.len >= WRITE_BYTES)
				flush(answer);
		}
	}
	if (answer->over || answer->gone || silent || !flush(answer) || answer->full)
		return;
	answer_wake_at(answer, due_ms(answer));
}
