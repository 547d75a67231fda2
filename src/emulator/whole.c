// SPDX-License-Identifier: Apache-2.0
// Answers in one piece, and how they go wrong halfway.
#include "emulator/body.h"
#include "emulator/respond.h"

enum { GARBAGE_BYTES = 256, LIE_BYTES = 512 };

// Sends the head, promising `length` bytes, and the first half of the body.
static void send_half(struct emulator_response *response, const struct respond_head *head, struct slice body,
                      size_t length) {
	server_response_start(response->call, 200, respond_head_headers(head), (int64_t)length);
	response->started = true;
	if (!response->gone)
		server_response_write(response->call, slice_of(body.ptr, body.len / 2));
}

static void overwrite_with_garbage(struct emulator_response *response, struct buffer *body) {
	buffer_clear(body);
	for (uint64_t i = 0; i < GARBAGE_BYTES; i++)
		buffer_append_byte(body, (char)(generation_number(&response->generation, i) | 0x80));
}

static void send_whole(struct emulator_response *response, const struct respond_head *head, struct slice body) {
	server_respond(response->call, 200, respond_head_headers(head), body);
	response->over = true;
}

static void break_off(struct emulator_response *response) {
	if (!response->gone)
		server_response_abort(response->call, false);
	response->over = true;
}

static void go_wrong(struct emulator_response *response, const struct respond_head *head, struct buffer *body) {
	struct slice whole = buffer_slice(body);
	response_strike(response);
	switch (response->visit.plan.fault.trouble) {
	case SCENARIO_RESET:
		send_half(response, head, whole, whole.len);
		if (!response->gone)
			response_reset_soon(response);
		break;
	case SCENARIO_TRUNCATE:
		send_half(response, head, whole, whole.len);
		break_off(response);
		break;
	case SCENARIO_LYING_LENGTH:
		server_response_start(response->call, 200, respond_head_headers(head), (int64_t)(whole.len + LIE_BYTES));
		if (!response->gone)
			server_response_write(response->call, whole);
		break_off(response);
		break;
	case SCENARIO_STALL:
		send_half(response, head, whole, whole.len);
		break;
	case SCENARIO_SILENT_END:
		send_whole(response, head, slice_of(whole.ptr, whole.len / 2));
		break;
	case SCENARIO_CORRUPT:
		body->ptr[body->len / 2] = '\x01';
		send_whole(response, head, whole);
		break;
	default:
		overwrite_with_garbage(response, body);
		send_whole(response, head, buffer_slice(body));
	}
}

void whole_act(struct emulator_response *response) {
	struct emulator *emulator = response->emulator;
	const struct plan *plan = &response->visit.plan;
	if (response->started)
		return;
	double done_ms = plan->first_ms + plan->token_ms * (double)(response->generation.output_tokens - 1);
	if (response_elapsed_ms(response) < done_ms) {
		response_wake_at(response, done_ms);
		return;
	}
	struct respond_head head;
	struct buffer *body = &emulator->body;
	buffer_clear(body);
	body_append(&response->generation, body);
	respond_head_init(&head, emulator, "application/json");
	respond_head_add_invocation(&head, &response->generation);
	if (body->failed) {
		respond_exception(emulator, response->call, "InternalServerException", 500,
		                  respond_message("InternalServerException"), 0);
		response->over = true;
	} else if (plan->outcome == PLAN_FAULT) {
		go_wrong(response, &head, body);
	} else {
		send_whole(response, &head, buffer_slice(body));
		response_counter(response)->answered++;
	}
}
