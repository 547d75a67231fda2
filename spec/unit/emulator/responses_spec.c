// SPDX-License-Identifier: Apache-2.0
// Responses of models, whole and streamed: the form of every family is parsed and must agree with the plan.
#include "../check.h"

#include "aws/eventstream.h"
#include "base/base64.h"
#include "base/json.h"
#include "emulator/body.h"
#include "emulator/events.h"

static const char *const models[] = {"us.amazon.nova-lite-v1:0",
                                     "anthropic.claude-v2",
                                     "amazon.titan-text-v1",
                                     "meta.llama3",
                                     "mistral.small",
                                     "odd\"id\\"};
enum { MODELS = sizeof models / sizeof *models };

static const struct plan plain = {
    .first_ms = 100, .token_ms = 12.5, .input_tokens = 7, .output_tokens = 33, .seed = 99};

static struct generation make(enum operation operation, size_t model, const struct plan *plan) {
	struct generation generation;
	generation_init(&generation, operation, slice_from(models[model]), plan);
	return generation;
}

static void text_of(const struct generation *generation, struct buffer *text) {
	buffer_init(text, 65536);
	generation_append_text(generation, 0, generation->output_tokens, text);
}

// Appends the text of every member of that name, anywhere in the document.
static void collect(const struct document *document, const char *name, struct buffer *out) {
	for (size_t i = 0; i < document->item_count; i++)
		collect(&document->items[i], name, out);
	for (size_t i = 0; i < document->entry_count; i++) {
		const struct document_entry *entry = &document->entries[i];
		if (entry->value.kind == DOCUMENT_STRING && slice_equal(entry->key, slice_from(name)))
			buffer_append(out, entry->value.string);
		collect(&entry->value, name, out);
	}
}

// The largest number of that name, or -1.
static double number_of(const struct document *document, const char *name) {
	double number = -1;
	for (size_t i = 0; i < document->item_count; i++) {
		double inner = number_of(&document->items[i], name);
		number = inner > number ? inner : number;
	}
	for (size_t i = 0; i < document->entry_count; i++) {
		const struct document_entry *entry = &document->entries[i];
		double inner = number_of(&entry->value, name);
		if (entry->value.kind == DOCUMENT_NUMBER && slice_equal(entry->key, slice_from(name)))
			inner = entry->value.number;
		number = inner > number ? inner : number;
	}
	return number;
}

struct form {
	const char *text, *input, *output, *reason;
	const char *ended, *cut;
};
static const struct form forms[MODELS] = {
    {"text", "inputTokens", "outputTokens", "stopReason", "end_turn", "max_tokens"},
    {"text", "input_tokens", "output_tokens", "stop_reason", "end_turn", "max_tokens"},
    {"outputText", "inputTextTokenCount", "tokenCount", "completionReason", "FINISH", "LENGTH"},
    {"generation", "prompt_token_count", "generation_token_count", "stop_reason", "stop", "length"},
    {"text", NULL, NULL, "stop_reason", "stop", "length"},
    {"text", "inputTokens", "outputTokens", "stopReason", "end_turn", "max_tokens"},
};

static void check_body(enum operation operation, size_t model, const struct form *form, bool cut_short) {
	struct plan plan = plain;
	struct buffer body, text, found, reason;
	struct document document;
	plan.cut_short = cut_short;
	struct generation generation = make(operation, model, &plan);
	text_of(&generation, &text);
	buffer_init(&body, 65536);
	buffer_init(&found, 65536);
	buffer_init(&reason, 64);
	body_append(&generation, &body);
	CHECK_INT(json_read_document(buffer_slice(&body), &document), 0);
	collect(&document, form->text, &found);
	// Anthropic's content also names its type "text"; only the value of the member counts.
	CHECK_SLICE(buffer_slice(&found), buffer_slice(&text));
	collect(&document, form->reason, &reason);
	CHECK_SLICE(buffer_slice(&reason), slice_from(cut_short ? form->cut : form->ended));
	if (form->input) {
		CHECK_NEAR(number_of(&document, form->input), 7, 0);
		CHECK_NEAR(number_of(&document, form->output), 33, 0);
	}
	document_free(&document);
	buffer_free(&body);
	buffer_free(&text);
	buffer_free(&found);
	buffer_free(&reason);
}

TEST(whole_bodies_agree_with_the_plan) {
	for (size_t model = 0; model < MODELS; model++)
		for (int cut = 0; cut < 2; cut++) {
			check_body(OPERATION_INVOKE_MODEL, model, &forms[model], cut);
			check_body(OPERATION_CONVERSE, model, &forms[0], cut);
		}
}

TEST(texts_name_their_model_and_repeat) {
	for (size_t model = 0; model < MODELS; model++) {
		struct generation generation = make(OPERATION_CONVERSE, model, &plain);
		struct buffer text, again;
		text_of(&generation, &text);
		if (model + 1 < MODELS)
			CHECK(slice_starts(buffer_slice(&text), slice_from(models[model])));
		buffer_init(&again, 65536);
		for (uint64_t i = 0; i < generation.output_tokens; i += 5)
			generation_append_text(&generation, i, 5, &again);
		CHECK_SLICE(buffer_slice(&again), buffer_slice(&text));
		buffer_free(&text);
		buffer_free(&again);
	}
}

TEST(refusals_decline) {
	static const struct {
		uint64_t planned;
		bool cut_short;
		uint64_t tokens;
		bool still_cut;
	} cases[] = {{300, false, 10, false}, {300, true, 10, false}, {3, false, 10, false}, {3, true, 3, true}};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct plan plan = plain;
		struct buffer text;
		plan.refusal = true;
		plan.output_tokens = cases[i].planned;
		plan.cut_short = cases[i].cut_short;
		struct generation generation = make(OPERATION_CONVERSE, 0, &plan);
		text_of(&generation, &text);
		CHECK_INT(generation.output_tokens, cases[i].tokens);
		CHECK_INT(generation.cut_short, cases[i].still_cut);
		CHECK(slice_starts(buffer_slice(&text), SLICE("I'm sorry, but")));
		CHECK_INT(slice_ends(buffer_slice(&text), SLICE("(us.amazon.nova-lite-v1:0)")), !cases[i].still_cut);
		buffer_free(&text);
	}
}

struct stream {
	struct buffer texts;   // of all deltas
	struct buffer types;   // of all events, with a comma after each
	struct buffer reasons; // why it ended
	double input, output;
	uint64_t events;
};

static void read_event(const struct eventstream_frame *frame, const struct form *form, struct stream *stream) {
	struct document document;
	struct buffer json;
	struct slice type = eventstream_frame_text(frame, SLICE(":event-type"));
	CHECK_INT(eventstream_frame_kind(frame), EVENTSTREAM_KIND_EVENT);
	CHECK_SLICE(eventstream_frame_text(frame, SLICE(":content-type")), SLICE("application/json"));
	buffer_append(&stream->types, type);
	buffer_append_byte(&stream->types, ',');
	CHECK_INT(json_read_document(frame->payload, &document), 0);
	buffer_init(&json, 65536);
	if (slice_equal(type, SLICE("chunk"))) {
		CHECK_INT(base64_decode(document_get(&document, "bytes")->string, &json), 0);
		CHECK(document_get(&document, "p"));
		document_free(&document);
		CHECK_INT(json_read_document(buffer_slice(&json), &document), 0);
	}
	collect(&document, form->text, &stream->texts);
	collect(&document, form->reason, &stream->reasons);
	double input = number_of(&document, "inputTokenCount"), output = number_of(&document, "outputTokenCount");
	if (slice_equal(type, SLICE("metadata"))) {
		input = number_of(&document, "inputTokens");
		output = number_of(&document, "outputTokens");
	}
	stream->input = input > stream->input ? input : stream->input;
	stream->output = output > stream->output ? output : stream->output;
	stream->events++;
	document_free(&document);
	buffer_free(&json);
}

static void check_stream(enum operation operation, size_t model, const struct form *form, uint64_t tokens) {
	struct plan plan = plain;
	plan.output_tokens = tokens;
	struct generation generation = make(operation, model, &plan);
	struct events_scratch scratch;
	struct eventstream_decoder decoder;
	struct eventstream_frame frame;
	struct stream stream = {.input = -1, .output = -1};
	struct buffer frames, text;
	buffer_init(&frames, 1 << 20);
	buffer_init(&stream.texts, 65536);
	buffer_init(&stream.types, 65536);
	buffer_init(&stream.reasons, 64);
	events_scratch_init(&scratch);
	eventstream_decoder_init(&decoder, EVENTSTREAM_FRAME_BYTES);
	uint64_t due = 0;
	for (uint64_t i = 0; i < events_count(&generation); i++) {
		CHECK_INT(events_append(&generation, i, &scratch, &frames), 0);
		CHECK(events_tokens_due(&generation, i) >= due);
		due = events_tokens_due(&generation, i);
	}
	CHECK_INT(due, tokens);
	struct slice rest = buffer_slice(&frames);
	while (eventstream_decoder_next(&decoder, &rest, &frame) == EVENTSTREAM_FRAME)
		read_event(&frame, form, &stream);
	CHECK_INT(eventstream_decoder_finish(&decoder), EVENTSTREAM_OK);
	text_of(&generation, &text);
	CHECK_INT(stream.events, events_count(&generation));
	CHECK_SLICE(buffer_slice(&stream.texts), buffer_slice(&text));
	CHECK_SLICE(buffer_slice(&stream.reasons), slice_from(form->ended));
	CHECK_NEAR(stream.input, 7, 0);
	CHECK_NEAR(stream.output, (double)tokens, 0);
	if (operation == OPERATION_CONVERSE_STREAM) {
		CHECK(slice_starts(buffer_slice(&stream.types), SLICE("messageStart,contentBlockDelta,")));
		CHECK(
		    slice_ends(buffer_slice(&stream.types), SLICE("contentBlockDelta,contentBlockStop,messageStop,metadata,")));
		CHECK_INT(events_stop(&generation), events_count(&generation) - 2);
	}
	eventstream_decoder_free(&decoder);
	events_scratch_free(&scratch);
	buffer_free(&frames);
	buffer_free(&text);
	buffer_free(&stream.texts);
	buffer_free(&stream.types);
	buffer_free(&stream.reasons);
}

TEST(streams_agree_with_the_plan) {
	static const uint64_t counts[] = {1, 2, 4, 33, 500};
	for (size_t model = 0; model < MODELS; model++)
		for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
			check_stream(OPERATION_INVOKE_MODEL_STREAM, model, &forms[model], counts[i]);
			check_stream(OPERATION_CONVERSE_STREAM, model, &forms[0], counts[i]);
		}
}

// Tokens of the cache are reported beside the input's, and only if the request used the cache.
TEST(bodies_report_the_cache) {
	static const struct {
		enum operation operation;
		size_t model;
		const char *input, *read, *write;
	} cases[] = {
	    {OPERATION_CONVERSE, 0, "inputTokens", "cacheReadInputTokens", "cacheWriteInputTokens"},
	    {OPERATION_INVOKE_MODEL, 0, "inputTokens", "cacheReadInputTokenCount", "cacheWriteInputTokenCount"},
	    {OPERATION_INVOKE_MODEL, 1, "input_tokens", "cache_read_input_tokens", "cache_creation_input_tokens"},
	};
	for (size_t i = 0; i < 2 * sizeof cases / sizeof *cases; i++) {
		bool caches = i % 2;
		struct plan plan = plain;
		struct buffer body;
		struct document document;
		plan.input_tokens = 100;
		plan.cache_read_tokens = caches ? 60 : 0;
		plan.cache_write_tokens = caches ? 30 : 0;
		struct generation generation = make(cases[i / 2].operation, cases[i / 2].model, &plan);
		buffer_init(&body, 65536);
		body_append(&generation, &body);
		CHECK_INT(json_read_document(buffer_slice(&body), &document), 0);
		CHECK_NEAR(number_of(&document, cases[i / 2].input), caches ? 10 : 100, 0);
		CHECK_NEAR(number_of(&document, cases[i / 2].read), caches ? 60 : -1, 0);
		CHECK_NEAR(number_of(&document, cases[i / 2].write), caches ? 30 : -1, 0);
		if (cases[i / 2].operation == OPERATION_CONVERSE)
			CHECK_NEAR(number_of(&document, "totalTokens"), 133, 0);
		document_free(&document);
		buffer_free(&body);
	}
}

// The event's JSON: the payload of its frame, or the decoded base64 within a chunk.
static void read_nth(const struct generation *generation, uint64_t index, struct document *document) {
	struct events_scratch scratch;
	struct eventstream_decoder decoder;
	struct eventstream_frame frame;
	struct buffer frames, json;
	buffer_init(&frames, 65536);
	buffer_init(&json, 65536);
	events_scratch_init(&scratch);
	eventstream_decoder_init(&decoder, EVENTSTREAM_FRAME_BYTES);
	CHECK_INT(events_append(generation, index, &scratch, &frames), 0);
	struct slice rest = buffer_slice(&frames);
	CHECK_INT(eventstream_decoder_next(&decoder, &rest, &frame), EVENTSTREAM_FRAME);
	CHECK_INT(json_read_document(frame.payload, document), 0);
	if (document_get(document, "bytes")) {
		CHECK_INT(base64_decode(document_get(document, "bytes")->string, &json), 0);
		document_free(document);
		CHECK_INT(json_read_document(buffer_slice(&json), document), 0);
	}
	eventstream_decoder_free(&decoder);
	events_scratch_free(&scratch);
	buffer_free(&frames);
	buffer_free(&json);
}

TEST(streams_report_the_cache) {
	struct plan plan = plain;
	struct document document;
	plan.cache_read_tokens = 5;
	struct generation converse = make(OPERATION_CONVERSE_STREAM, 0, &plan);
	read_nth(&converse, events_count(&converse) - 1, &document);
	CHECK_NEAR(number_of(&document, "cacheReadInputTokens"), 5, 0);
	CHECK_NEAR(number_of(&document, "inputTokens"), 2, 0);
	CHECK_NEAR(number_of(&document, "totalTokens"), 40, 0);
	document_free(&document);
	struct generation nova = make(OPERATION_INVOKE_MODEL_STREAM, 0, &plan);
	read_nth(&nova, events_count(&nova) - 1, &document);
	CHECK_NEAR(number_of(&document, "cacheReadInputTokenCount"), 5, 0);
	document_free(&document);
	struct generation claude = make(OPERATION_INVOKE_MODEL_STREAM, 1, &plan);
	read_nth(&claude, 0, &document);
	CHECK_NEAR(number_of(&document, "cache_read_input_tokens"), 5, 0);
	CHECK_NEAR(number_of(&document, "cache_creation_input_tokens"), 0, 0);
	document_free(&document);
}

TEST(tokens_are_counted) {
	struct plan plan = plain;
	struct buffer body;
	struct generation generation = make(OPERATION_COUNT_TOKENS, 0, &plan);
	buffer_init(&body, 100);
	body_append(&generation, &body);
	CHECK_SLICE(buffer_slice(&body), SLICE("{\"inputTokens\":7}"));
	buffer_free(&body);
}

int main(void) {
	RUN(whole_bodies_agree_with_the_plan);
	RUN(texts_name_their_model_and_repeat);
	RUN(refusals_decline);
	RUN(streams_agree_with_the_plan);
	RUN(bodies_report_the_cache);
	RUN(streams_report_the_cache);
	RUN(tokens_are_counted);
	return check_summary();
}
