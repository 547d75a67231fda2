// SPDX-License-Identifier: Apache-2.0
// Streams through the relay: what is held, when it commits, what the client gets, whether the stream succeeded. Each
// case is fed whole, byte by byte, and in random pieces.
#include "mux/relay.h"

#include <stdlib.h>

#include "../check.h"
#include "aws/exception.h"
#include "base/random.h"

enum { STREAM_BYTES = 1 << 20, FRAME_LIMIT = 1 << 20 };

struct capture {
	struct buffer bytes; // what the client got
	int commits;
	bool out_of_order; // frames before the commit
};

static void on_commit(void *owner) {
	struct capture *capture = owner;
	capture->commits++;
}

static void on_frames(void *owner, struct slice bytes) {
	struct capture *capture = owner;
	if (!capture->commits)
		capture->out_of_order = true;
	buffer_append(&capture->bytes, bytes);
}

static const struct relay_output output = {on_commit, on_frames};

// A stream as words: its event types in order. "!name" is an exception frame, "?" an `error` frame, "~" a corrupt
// frame,
// "/" half a frame, "%" a frame without a type, "#" an unknown event of 2000 bytes.
struct stream {
	const char *events[12];
};

static void append_exception(struct buffer *out, const char *name) {
	struct eventstream_header headers[] = {
	    eventstream_text_header(SLICE(":exception-type"), slice_from(name)),
	    eventstream_text_header(SLICE(":content-type"), SLICE("application/json")),
	    eventstream_text_header(SLICE(":message-type"), SLICE("exception")),
	};
	CHECK(eventstream_encode(headers, 3, SLICE("{\"message\":\"told by the model\"}"), out) == 0);
}

static void append_error(struct buffer *out) {
	struct eventstream_header headers[] = {
	    eventstream_text_header(SLICE(":error-code"), SLICE("InternalError")),
	    eventstream_text_header(SLICE(":error-message"), SLICE("unmodelled")),
	    eventstream_text_header(SLICE(":message-type"), SLICE("error")),
	};
	CHECK(eventstream_encode(headers, 3, (struct slice){0}, out) == 0);
}

static void append_event(struct buffer *out, const char *event) {
	static char filler[2003];
	struct slice payload = SLICE("{}");
	if (strcmp(event, "#") == 0) {
		memset(filler, ' ', sizeof filler);
		filler[0] = '{';
		filler[sizeof filler - 1] = '}';
		payload = slice_of(filler, sizeof filler);
	}
	if (strcmp(event, "metadata") == 0)
		payload = SLICE("{\"usage\":{\"inputTokens\":11,\"outputTokens\":22,\"totalTokens\":33}}");
	CHECK(eventstream_encode_event(slice_from(event), payload, out) == 0);
}

static void append_stream(struct buffer *out, const struct stream *stream) {
	for (int i = 0; i < 12 && stream->events[i]; i++) {
		const char *event = stream->events[i];
		size_t start = out->len;
		if (event[0] == '!')
			append_exception(out, event + 1);
		else if (event[0] == '?')
			append_error(out);
		else if (event[0] == '%')
			CHECK(eventstream_encode(NULL, 0, SLICE("{}"), out) == 0);
		else
			append_event(out, event[0] == '~' || event[0] == '/' ? "contentBlockDelta" : event);
		if (event[0] == '~')
			out->ptr[out->len - 6] ^= 1;
		if (event[0] == '/')
			out->len = start + (out->len - start) / 2;
	}
}

enum stream_end { END_CLEAN, END_BROKEN, END_STALLED };

static const struct failure broken = {.kind = FAILURE_NETWORK, .name = SLICE("Broken"), .message = SLICE("it broke")};
static const struct failure stalled = {.kind = FAILURE_TIMEOUT, .name = SLICE("Broken"), .message = SLICE("it broke")};
static const struct failure *const stream_ends[] = {[END_BROKEN] = &broken, [END_STALLED] = &stalled};

struct relay_case {
	const char *title;
	enum operation operation;
	struct stream in;
	enum stream_end end;
	enum relay_verdict verdict;
	int commits;
	struct stream out;      // what the client gets
	bool closing;           // followed by a modelStreamErrorException from the relay
	const char *failure;    // its name
	enum failure_kind kind; // with a failure
	int status;             // with a failure
	int64_t output_tokens;  // -1 unknown
};

#define CONVERSE OPERATION_CONVERSE_STREAM
#define INVOKE OPERATION_INVOKE_MODEL_STREAM
#define WHOLE "messageStart", "contentBlockDelta", "contentBlockStop", "messageStop", "metadata"
#define STREAM(...) ((struct stream){{__VA_ARGS__}})
#define NOTHING ((struct stream){{0}})

static const struct relay_case cases[] = {
    {"a whole message", CONVERSE, STREAM(WHOLE), END_CLEAN, RELAY_SUCCEEDED, 1, STREAM(WHOLE), false, NULL, 0, 0, 22},
    {"messageStart alone is held", CONVERSE, STREAM("messageStart"), END_CLEAN, RELAY_FAILED, 0, NOTHING, false,
     "StreamEndedEarly", FAILURE_STREAM, 0, -1},
    {"nothing at all", CONVERSE, NOTHING, END_CLEAN, RELAY_FAILED, 0, NOTHING, false, "StreamEndedEarly",
     FAILURE_STREAM, 0, -1},
    {"contentBlockStart commits", CONVERSE, STREAM("messageStart", "contentBlockStart"), END_BROKEN, RELAY_FAILED, 1,
     STREAM("messageStart", "contentBlockStart"), true, "Broken", FAILURE_NETWORK, 0, -1},
    {"messageStop commits", CONVERSE, STREAM("messageStart", "messageStop"), END_CLEAN, RELAY_SUCCEEDED, 1,
     STREAM("messageStart", "messageStop"), false, NULL, 0, 0, -1},
    {"an exception as the first frame", CONVERSE, STREAM("!throttlingException"), END_CLEAN, RELAY_FAILED, 0, NOTHING,
     false, "ThrottlingException", FAILURE_STREAM, 429, -1},
    {"an exception as the second frame", CONVERSE, STREAM("messageStart", "!serviceUnavailableException"), END_CLEAN,
     RELAY_FAILED, 0, NOTHING, false, "ServiceUnavailableException", FAILURE_STREAM, 503, -1},
    {"an exception after content is passed on", CONVERSE,
     STREAM("messageStart", "contentBlockDelta", "!internalServerException", "contentBlockDelta"), END_CLEAN,
     RELAY_FAILED, 1, STREAM("messageStart", "contentBlockDelta", "!internalServerException"), false,
     "InternalServerException", FAILURE_STREAM, 500, -1},
    {"an exception after messageStop is passed on", CONVERSE,
     STREAM("contentBlockDelta", "messageStop", "!internalServerException"), END_CLEAN, RELAY_FAILED, 1,
     STREAM("contentBlockDelta", "messageStop", "!internalServerException"), false, "InternalServerException",
     FAILURE_STREAM, 500, -1},
    {"an unmodelled error is passed on as it is", CONVERSE, STREAM("contentBlockDelta", "?"), END_CLEAN, RELAY_FAILED,
     1, STREAM("contentBlockDelta", "?"), false, "InternalError", FAILURE_STREAM, 500, -1},
    {"a silent end", CONVERSE, STREAM("messageStart", "contentBlockDelta"), END_CLEAN, RELAY_FAILED, 1,
     STREAM("messageStart", "contentBlockDelta"), true, "StreamEndedEarly", FAILURE_STREAM, 0, -1},
    {"a stall after content", CONVERSE, STREAM("contentBlockDelta"), END_STALLED, RELAY_FAILED, 1,
     STREAM("contentBlockDelta"), true, "Broken", FAILURE_TIMEOUT, 0, -1},
    {"a break after messageStop is a success", CONVERSE, STREAM("contentBlockDelta", "messageStop"), END_BROKEN,
     RELAY_SUCCEEDED, 1, STREAM("contentBlockDelta", "messageStop"), false, NULL, 0, 0, -1},
    {"a stall after messageStop is a success", CONVERSE, STREAM("contentBlockDelta", "messageStop"), END_STALLED,
     RELAY_SUCCEEDED, 1, STREAM("contentBlockDelta", "messageStop"), false, NULL, 0, 0, -1},
    {"half a frame after messageStop is left out", CONVERSE, STREAM("contentBlockDelta", "messageStop", "/"), END_CLEAN,
     RELAY_SUCCEEDED, 1, STREAM("contentBlockDelta", "messageStop"), false, NULL, 0, 0, -1},
    {"a corrupt frame after messageStop is left out", CONVERSE, STREAM("contentBlockDelta", "messageStop", "~"),
     END_CLEAN, RELAY_SUCCEEDED, 1, STREAM("contentBlockDelta", "messageStop"), false, NULL, 0, 0, -1},
    {"a corrupt frame before content", CONVERSE, STREAM("messageStart", "~"), END_CLEAN, RELAY_FAILED, 0, NOTHING,
     false, "CorruptFrame", FAILURE_STREAM, 0, -1},
    {"a corrupt frame after content", CONVERSE, STREAM("contentBlockDelta", "~"), END_CLEAN, RELAY_FAILED, 1,
     STREAM("contentBlockDelta"), true, "CorruptFrame", FAILURE_STREAM, 0, -1},
    {"half a frame before content", CONVERSE, STREAM("messageStart", "/"), END_CLEAN, RELAY_FAILED, 0, NOTHING, false,
     "CorruptFrame", FAILURE_STREAM, 0, -1},
    {"half a frame after content", CONVERSE, STREAM("contentBlockDelta", "/"), END_CLEAN, RELAY_FAILED, 1,
     STREAM("contentBlockDelta"), true, "CorruptFrame", FAILURE_STREAM, 0, -1},
    {"a frame without a type before content", CONVERSE, STREAM("messageStart", "%"), END_CLEAN, RELAY_FAILED, 0,
     NOTHING, false, "ProtocolError", FAILURE_STREAM, 0, -1},
    {"a frame without a type after content", CONVERSE, STREAM("contentBlockDelta", "%", "messageStop"), END_CLEAN,
     RELAY_FAILED, 1, STREAM("contentBlockDelta"), true, "ProtocolError", FAILURE_STREAM, 0, -1},
    {"a frame without a type after messageStop is left out", CONVERSE, STREAM("contentBlockDelta", "messageStop", "%"),
     END_CLEAN, RELAY_SUCCEEDED, 1, STREAM("contentBlockDelta", "messageStop"), false, NULL, 0, 0, -1},
    {"unknown events are passed through", CONVERSE, STREAM("news", "contentBlockDelta", "moreNews", "messageStop"),
     END_CLEAN, RELAY_SUCCEEDED, 1, STREAM("news", "contentBlockDelta", "moreNews", "messageStop"), false, NULL, 0, 0,
     -1},
    {"a full hold commits", CONVERSE, STREAM("#", "#", "#", "#", "#"), END_BROKEN, RELAY_FAILED, 1,
     STREAM("#", "#", "#", "#", "#"), true, "Broken", FAILURE_NETWORK, 0, -1},
    {"an InvokeModel stream is whole when it ends cleanly", INVOKE, STREAM("chunk", "chunk"), END_CLEAN,
     RELAY_SUCCEEDED, 1, STREAM("chunk", "chunk"), false, NULL, 0, 0, -1},
    {"an InvokeModel stream without an event", INVOKE, NOTHING, END_CLEAN, RELAY_FAILED, 0, NOTHING, false,
     "StreamEndedEarly", FAILURE_STREAM, 0, -1},
    {"an InvokeModel stream that breaks", INVOKE, STREAM("chunk"), END_BROKEN, RELAY_FAILED, 1, STREAM("chunk"), true,
     "Broken", FAILURE_NETWORK, 0, -1},
    {"modelTimeoutException is in InvokeModel's union", INVOKE, STREAM("chunk", "!modelTimeoutException"), END_CLEAN,
     RELAY_FAILED, 1, STREAM("chunk", "!modelTimeoutException"), false, "ModelTimeoutException", FAILURE_STREAM, 408,
     -1},
};

// The exception in the last frame of the client's bytes, or empty.
static struct slice last_exception(struct slice bytes) {
	struct eventstream_decoder decoder;
	struct eventstream_frame frame;
	static char name[64];
	struct slice found = {0};
	eventstream_decoder_init(&decoder, FRAME_LIMIT);
	while (eventstream_decoder_next(&decoder, &bytes, &frame) == EVENTSTREAM_FRAME) {
		struct slice type = eventstream_frame_text(&frame, SLICE(":exception-type"));
		size_t length = type.len < sizeof name ? type.len : sizeof name;
		if (length)
			memcpy(name, type.ptr, length);
		found = slice_of(name, length);
	}
	CHECK(eventstream_decoder_finish(&decoder) == EVENTSTREAM_OK);
	eventstream_decoder_free(&decoder);
	return found;
}

static void check_outcome(const struct relay_case *example, const struct relay *relay, enum relay_verdict verdict,
                          const struct capture *capture) {
	CHECK_INT(verdict, example->verdict);
	CHECK_INT(capture->commits, example->commits);
	CHECK(!capture->out_of_order);
	CHECK_INT(relay->usage.output_tokens, example->output_tokens);
	if (example->failure) {
		CHECK_SLICE(relay->failure.name, slice_from(example->failure));
		CHECK_INT(relay->failure.kind, example->kind);
		CHECK_INT(relay->failure.status, example->status);
	}
	struct buffer expected;
	buffer_init(&expected, STREAM_BYTES);
	append_stream(&expected, &example->out);
	struct slice got = buffer_slice(&capture->bytes);
	CHECK(slice_starts(got, buffer_slice(&expected)));
	if (example->closing)
		CHECK_SLICE(last_exception(got), SLICE("modelStreamErrorException"));
	else
		CHECK_INT(got.len, expected.len);
	buffer_free(&expected);
}

// Feeds pieces of 1 to `largest` bytes, each from its own memory, so that a sanitizer detects reads beyond a piece.
static void run_case(const struct relay_case *example, size_t largest, struct random_source *random) {
	struct buffer stream;
	struct capture capture = {0};
	struct arena arena;
	struct relay relay;
	int failures_before = check_failures_in_test;
	buffer_init(&stream, STREAM_BYTES);
	buffer_init(&capture.bytes, STREAM_BYTES);
	arena_init(&arena, STREAM_BYTES);
	append_stream(&stream, &example->in);
	relay_init(&relay, example->operation, FRAME_LIMIT, 8000, &arena, &output, &capture);
	enum relay_verdict verdict = RELAY_MORE;
	for (size_t offset = 0; offset < stream.len && verdict == RELAY_MORE;) {
		size_t length = largest == 1 ? 1 : 1 + random_below(random, largest);
		length = length < stream.len - offset ? length : stream.len - offset;
		char *piece = malloc(length);
		memcpy(piece, stream.ptr + offset, length);
		verdict = relay_feed(&relay, slice_of(piece, length));
		free(piece);
		offset += length;
	}
	if (verdict == RELAY_MORE)
		verdict = relay_finish(&relay, stream_ends[example->end]);
	check_outcome(example, &relay, verdict, &capture);
	if (check_failures_in_test > failures_before)
		printf("  in \"%s\", pieces up to %zu\n", example->title, largest);
	relay_free(&relay);
	arena_free(&arena);
	buffer_free(&stream);
	buffer_free(&capture.bytes);
}

static void run_all(size_t largest) {
	struct random_source random;
	random_init(&random, largest);
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
		run_case(&cases[i], largest, &random);
}

TEST(streams_fed_whole) {
	run_all(STREAM_BYTES);
}

TEST(streams_fed_byte_by_byte) {
	run_all(1);
}

TEST(streams_fed_in_random_pieces) {
	for (size_t largest = 2; largest < 400; largest += 7)
		run_all(largest);
}

TEST(a_timeout_outside_the_union_is_passed_on_as_a_stream_error) {
	static const struct relay_case example = {
	    .operation = CONVERSE,
	    .in = {{"contentBlockDelta", "!modelTimeoutException"}},
	    .verdict = RELAY_FAILED,
	    .commits = 1,
	    .out = {{"contentBlockDelta"}},
	    .closing = true,
	    .failure = "ModelTimeoutException",
	    .kind = FAILURE_STREAM,
	    .status = 408,
	    .output_tokens = -1,
	};
	struct random_source random;
	random_init(&random, 1);
	run_case(&example, STREAM_BYTES, &random);
	run_case(&example, 1, &random);
}

TEST(an_exception_before_the_commit_keeps_its_json) {
	struct arena arena;
	struct buffer stream;
	struct capture capture = {0};
	struct relay relay;
	arena_init(&arena, STREAM_BYTES);
	buffer_init(&stream, STREAM_BYTES);
	append_exception(&stream, "validationException");
	relay_init(&relay, CONVERSE, FRAME_LIMIT, 8000, &arena, &output, &capture);
	CHECK_INT(relay_feed(&relay, buffer_slice(&stream)), RELAY_FAILED);
	CHECK_SLICE(relay.payload, SLICE("{\"message\":\"told by the model\"}"));
	CHECK_SLICE(relay.failure.message, SLICE("told by the model"));
	CHECK_INT(relay.failure.fault, FAULT_CALLER);
	relay_free(&relay);
	buffer_free(&stream);
	arena_free(&arena);
}

int main(void) {
	RUN(streams_fed_whole);
	RUN(streams_fed_byte_by_byte);
	RUN(streams_fed_in_random_pieces);
	RUN(a_timeout_outside_the_union_is_passed_on_as_a_stream_error);
	RUN(an_exception_before_the_commit_keeps_its_json);
	return check_summary();
}
