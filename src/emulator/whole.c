// SPDX-License-Identifier: Apache-2.0
// Answers in one piece, and how they go wrong halfway.
#include "emulator/body.h"
#include "emulator/respond.h"

enum { GARBAGE_BYTES = 256, LIE_BYTES = 512 };

// Sends the head, promising `length` bytes, and the first half of the body.
static void send_half(struct answer *answer, const struct respond_head *head, struct slice body, size_t length) {
	server_answer_start(answer->call, 200, respond_head_headers(head), (int64_t)length);
	answer->started = true;
	if (!answer->gone)
		server_answer_write(answer->call, slice_of(body.ptr, body.len / 2));
}

static void overwrite_with_garbage(struct answer *answer, struct buffer *body) {
	buffer_clear(body);
	for (uint64_t i = 0; i < GARBAGE_BYTES; i++)
		buffer_append_byte(body, (char)(reply_number(&answer->reply, i) | 0x80));
}

static void send_whole(struct answer *answer, const struct respond_head *head, struct slice body) {
	server_answer(answer->call, 200, respond_head_headers(head), body);
	answer->over = true;
}

static void break_off(struct answer *answer) {
	if (!answer->gone)
		server_answer_abort(answer->call, false);
	answer->over = true;
}

static void go_wrong(struct answer *answer, const struct respond_head *head, struct buffer *body) {
	struct slice whole = buffer_slice(body);
	answer_strike(answer);
	switch (answer->visit.plan.fault.trouble) {
	case SCENARIO_RESET:
		send_half(answer, head, whole, whole.len);
		if (!answer->gone)
			answer_reset_soon(answer);
		break;
	case SCENARIO_TRUNCATE:
		send_half(answer, head, whole, whole.len);
		break_off(answer);
		break;
	case SCENARIO_LYING_LENGTH:
		server_answer_start(answer->call, 200, respond_head_headers(head), (int64_t)(whole.len + LIE_BYTES));
		if (!answer->gone)
			server_answer_write(answer->call, whole);
		break_off(answer);
		break;
	case SCENARIO_STALL:
		send_half(answer, head, whole, whole.len);
		break;
	case SCENARIO_SILENT_END:
		send_whole(answer, head, slice_of(whole.ptr, whole.len / 2));
		break;
	case SCENARIO_CORRUPT:
		body->ptr[body->len / 2] = '\x01';
		send_whole(answer, head, whole);
		break;
	default:
		overwrite_with_garbage(answer, body);
		send_whole(answer, head, buffer_slice(body));
	}
}

void whole_act(struct answer *answer) {
	struct emulator *emulator = answer->emulator;
	const struct plan *plan = &answer->visit.plan;
	if (answer->started)
		return;
	double done_ms = plan->first_ms + plan->token_ms * (double)(answer->reply.output_tokens - 1);
	if (answer_elapsed_ms(answer) < done_ms) {
		answer_wake_at(answer, done_ms);
		return;
	}
	struct respond_head head;
	struct buffer *body = &emulator->body;
	buffer_clear(body);
	body_append(&answer->reply, body);
	respond_head_init(&head, emulator, "application/json");
	respond_head_add_invocation(&head, &answer->reply);
	if (body->failed) {
		respond_exception(emulator, answer->call, "InternalServerException", 500,
		                  respond_message("InternalServerException"), 0);
		answer->over = true;
	} else if (plan->outcome == PLAN_FAULT) {
		go_wrong(answer, &head, body);
	} else {
		send_whole(answer, &head, buffer_slice(body));
		answer_counter(answer)->answered++;
	}
}
