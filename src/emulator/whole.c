// SPDX-License-Identifier: Apache-2.0
// Whole responses, and their faults.
#include "emulator/body.h"
#include "emulator/respond.h"

enum { GARBAGE_BYTES = 256, LIE_BYTES = 512 };

// Sends a head that announces `length` bytes, and the first half of the body.
static void whole_send_half(struct emulator_response *response, const struct respond_head *head, struct slice body,
                            size_t length) {
	server_response_start(response->call, 200, respond_head_headers(head), (int64_t)length);
	response->started = true;
	if (!response->gone)
		server_response_write(response->call, slice_of(body.ptr, body.len / 2));
}

static void whole_overwrite_with_garbage(struct emulator_response *response, struct buffer *body) {
	buffer_clear(body);
	for (uint64_t i = 0; i < GARBAGE_BYTES; i++)
		buffer_append_byte(body, (char)(generation_number(&response->generation, i) | 0x80));
}

static void whole_send(struct emulator_response *response, const struct respond_head *head, struct slice body) {
	server_respond(response->call, 200, respond_head_headers(head), body);
	response->over = true;
}

static void whole_break_off(struct emulator_response *response) {
	if (!response->gone)
		server_response_abort(response->call, false);
	response->over = true;
}

static void whole_fail(struct emulator_response *response, const struct respond_head *head, struct buffer *body) {
	struct slice whole = buffer_slice(body);
	response_strike(response);
	switch (response->visit.plan.fault.trouble) {
	case SCENARIO_RESET:
		whole_send_half(response, head, whole, whole.len);
		if (!response->gone)
			response_reset_soon(response);
		break;
	case SCENARIO_TRUNCATE:
		whole_send_half(response, head, whole, whole.len);
		whole_break_off(response);
		break;
	case SCENARIO_LYING_LENGTH:
		server_response_start(response->call, 200, respond_head_headers(head), (int64_t)(whole.len + LIE_BYTES));
		if (!response->gone)
			server_response_write(response->call, whole);
		whole_break_off(response);
		break;
	case SCENARIO_STALL:
		whole_send_half(response, head, whole, whole.len);
		break;
	case SCENARIO_SILENT_END:
		whole_send(response, head, slice_of(whole.ptr, whole.len / 2));
		break;
	case SCENARIO_CORRUPT:
		body->ptr[body->len / 2] = '\x01';
		whole_send(response, head, whole);
		break;
	default:
		whole_overwrite_with_garbage(response, body);
		whole_send(response, head, buffer_slice(body));
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
		whole_fail(response, &head, body);
	} else {
		whole_send(response, &head, buffer_slice(body));
		response_counter(response)->answered++;
	}
}
