// SPDX-License-Identifier: Apache-2.0
#include "mux/relay.h"

#include "aws/exception.h"
#include "aws/response_event.h"
#include "mux/engine_failure.h"

void relay_init(struct relay *relay, enum operation operation, size_t frame_bytes, size_t hold_bytes,
                struct arena *arena, const struct relay_output *output, void *owner) {
	*relay = (struct relay){
	    .operation = operation,
	    .output = output,
	    .owner = owner,
	    .arena = arena,
	    .usage = TOKEN_USAGE_UNKNOWN,
	};
	eventstream_decoder_init(&relay->decoder, frame_bytes);
	buffer_init(&relay->held, hold_bytes);
}

void relay_free(struct relay *relay) {
	eventstream_decoder_free(&relay->decoder);
	buffer_free(&relay->held);
}

bool relay_is_committed(const struct relay *relay) {
	return relay->phase == RELAY_FLOWING || relay->phase == RELAY_STOPPED;
}

static void pass_run(struct relay *relay) {
	if (relay->run.len)
		relay->output->frames(relay->owner, relay->run);
	relay->run = (struct slice){0};
}

// Joins frames that are adjacent in the fed bytes, so that one call passes them on. A frame that the decoder had to
// assemble is valid until the decoder's next step only, so it is passed on by itself.
static void pass_frame(struct relay *relay, struct slice raw, struct slice fed) {
	if (relay->run.len && relay->run.ptr + relay->run.len == raw.ptr) {
		relay->run.len += raw.len;
		return;
	}
	pass_run(relay);
	bool is_fed = (uintptr_t)raw.ptr >= (uintptr_t)fed.ptr && (uintptr_t)raw.ptr < (uintptr_t)fed.ptr + fed.len;
	if (is_fed)
		relay->run = raw;
	else
		relay->output->frames(relay->owner, raw);
}

static void relay_commit(struct relay *relay) {
	relay->phase = RELAY_FLOWING;
	relay->output->commit(relay->owner);
	if (relay->held.len)
		relay->output->frames(relay->owner, buffer_slice(&relay->held));
	buffer_free(&relay->held);
}

// After the commit a last frame reports the failure, since SDKs take a stream without one for a success.
static void send_closing_frame(struct relay *relay, struct slice exception, struct slice message) {
	struct buffer frame;
	buffer_init(&frame, EVENTSTREAM_FRAME_BYTES);
	pass_run(relay);
	if (exception_format_frame(relay->operation, exception, message, &frame) == 0)
		relay->output->frames(relay->owner, buffer_slice(&frame));
	buffer_free(&frame);
}

static enum relay_verdict relay_fail(struct relay *relay, const struct failure *failure) {
	relay->failure = *failure;
	if (relay_is_committed(relay))
		send_closing_frame(relay, SLICE("ModelStreamErrorException"), failure->message);
	relay->phase = RELAY_OVER;
	return RELAY_FAILED;
}

static enum relay_verdict relay_succeed(struct relay *relay) {
	relay->phase = RELAY_OVER;
	return RELAY_SUCCEEDED;
}

// The rest of the stream can't be read or trusted. After its last event the message is whole without it.
static enum relay_verdict relay_break_off(struct relay *relay, const struct failure *failure) {
	return relay->phase == RELAY_STOPPED ? relay_succeed(relay) : relay_fail(relay, failure);
}

static enum relay_verdict handle_exception(struct relay *relay, const struct eventstream_frame *frame) {
	struct exception_report report;
	exception_read_frame(frame, relay->arena, &report);
	relay->failure = engine_failure_reported(FAILURE_STREAM, &report);
	if (!relay_is_committed(relay)) {
		relay->payload = arena_copy(relay->arena, frame->payload);
	} else {
		const struct exception *known = exception_find(report.name);
		pass_run(relay);
		if (known && known->in_stream && !exception_is_in_union(known, relay->operation))
			send_closing_frame(relay, report.name, report.message);
		else
			relay->output->frames(relay->owner, frame->raw);
	}
	relay->phase = RELAY_OVER;
	return RELAY_FAILED;
}

static void read_usage(struct relay *relay, struct slice event, struct slice payload) {
	struct token_usage usage;
	response_event_read_usage(relay->operation, event, payload, &usage);
	if (usage.input_tokens >= 0 || usage.output_tokens >= 0)
		relay->usage = usage;
}

static enum relay_verdict handle_frame(struct relay *relay, const struct eventstream_frame *frame, struct slice fed) {
	enum eventstream_kind kind = eventstream_frame_kind(frame);
	if (kind == EVENTSTREAM_KIND_EXCEPTION || kind == EVENTSTREAM_KIND_ERROR)
		return handle_exception(relay, frame);
	if (kind == EVENTSTREAM_KIND_OTHER) {
		struct failure failure = engine_failure(ENGINE_PROTOCOL_ERROR);
		return relay_break_off(relay, &failure);
	}
	struct slice event = eventstream_frame_event(frame);
	if (relay->phase == RELAY_HOLDING) {
		if (!response_event_begins_content(relay->operation, event) && buffer_append(&relay->held, frame->raw) == 0)
			return RELAY_MORE;
		relay_commit(relay);
	}
	pass_frame(relay, frame->raw, fed);
	read_usage(relay, event, frame->payload);
	if (response_event_ends_message(relay->operation, event))
		relay->phase = RELAY_STOPPED;
	return RELAY_MORE;
}

enum relay_verdict relay_feed(struct relay *relay, struct slice bytes) {
	struct slice fed = bytes;
	enum relay_verdict verdict = RELAY_MORE;
	while (verdict == RELAY_MORE) {
		struct eventstream_frame frame;
		enum eventstream_progress progress = eventstream_decoder_next(&relay->decoder, &bytes, &frame);
		if (progress == EVENTSTREAM_MORE)
			break;
		if (progress == EVENTSTREAM_FRAME) {
			verdict = handle_frame(relay, &frame, fed);
		} else {
			struct failure failure = engine_failure(ENGINE_CORRUPT_FRAME);
			failure.message = slice_from(eventstream_error_text(relay->decoder.error));
			verdict = relay_break_off(relay, &failure);
		}
	}
	pass_run(relay);
	return verdict;
}

enum relay_verdict relay_finish(struct relay *relay, const struct failure *broken) {
	struct failure failure;
	if (broken)
		return relay_break_off(relay, broken);
	if (relay->phase == RELAY_STOPPED)
		return relay_succeed(relay);
	if (eventstream_decoder_finish(&relay->decoder) != EVENTSTREAM_OK)
		failure = engine_failure(ENGINE_CORRUPT_FRAME);
	else if (response_event_can_end_message(relay->operation) || relay->phase == RELAY_HOLDING)
		failure = engine_failure(ENGINE_STREAM_ENDED_EARLY);
	else
		return relay_succeed(relay);
	return relay_fail(relay, &failure);
}
