// SPDX-License-Identifier: Apache-2.0
// Plain bodies are taken from the service's documentation. The odd requests are such as pass the gateway's checks.
#include "lab/samples.h"

#include <stdlib.h>

#include "base/memory.h"

enum { NAME_BYTES_MAX = 2048, DEPTH = 300 };

#define MESSAGES "\"messages\":[{\"role\":\"user\",\"content\":[{\"text\":\"What is an interlocking?\"}]}]"
#define CONVERSE                                                                                                       \
	"{\"system\":[{\"text\":\"Be brief.\"}]," MESSAGES ",\"inferenceConfig\":{\"maxTokens\":512},"                     \
	"\"toolConfig\":{\"tools\":[{\"toolSpec\":{\"name\":\"clock\",\"inputSchema\":{\"json\":{}}}}]},"                  \
	"\"requestMetadata\":{\"team\":\"search\",\"priority\":\"low\"}}"
#define INVOKE                                                                                                         \
	"{\"anthropic_version\":\"bedrock-2023-05-31\",\"max_tokens\":512,"                                                \
	"\"messages\":[{\"role\":\"user\",\"content\":\"What is an interlocking?\"}]}"

struct sample_shape {
	const char *operation;
	bool streaming, family_bound;
	const char *body;
};

static const struct sample_shape SHAPES[] = {
    [REQUEST_PLAIN] = {"Converse", false, false, CONVERSE},
    [REQUEST_STREAM] = {"ConverseStream", true, false, CONVERSE},
    [REQUEST_INVOKE] = {"InvokeModel", false, true, INVOKE},
    [REQUEST_INVOKE_STREAM] = {"InvokeModelWithResponseStream", true, true, INVOKE},
    [REQUEST_COUNT] = {"CountTokens", false, true, "{\"input\":{\"converse\":{" MESSAGES "}}}"},
    [REQUEST_LARGE] = {"Converse", false, false, NULL},
    [REQUEST_EMPTY] = {"Converse", false, false, ""},
    [REQUEST_BROKEN] = {"Converse", false, false, "{\"messages\":[{\"role\":\"user\",\xff\"conte"},
    [REQUEST_MISSHAPEN] = {"Converse", false, false,
                           "{\"messages\":\"none\",\"system\":7,\"inferenceConfig\":[{\"maxTokens\":\"many\"}],"
                           "\"toolConfig\":null,\"requestMetadata\":\"no object\"}"},
    [REQUEST_DEEP] = {"Converse", false, false, NULL},
    [REQUEST_ODD_NAME] = {"Converse", false, false, CONVERSE},
    [REQUEST_ODD_HEADERS] = {"Converse", false, false, CONVERSE},
    [REQUEST_ODD_METADATA] = {"Converse", false, false,
                              "{" MESSAGES ",\"requestMetadata\":{\"__index\":\"__gc\",\"\":\"%s%n\",\"%d\":\"[%a-\","
                              "\"team\":{\"deep\":[1e308,null,{\"a\":false}]},\"priority\":17,"
                              "\"\\u0000\\u2028\":\"\\u0000'\\\"--[[\"}}"},
    [REQUEST_BROKEN_METADATA] = {"Converse", false, false,
                                 "{" MESSAGES ",\"requestMetadata\":{\"\\ud800\":\"search\"}}"},
    [REQUEST_UNKNOWN] = {"Converse", false, false, CONVERSE},
};

// Not UTF-8, with characters that have a meaning in patterns, formats, terminals and C strings.
static const struct slice ODD = SLICE("no-such/[%a-z*]+.%s%n\n\x1b[31m\"'\\\0\xff\xc0x");

static void append_repeated(struct buffer *buffer, char byte, size_t count) {
	if (buffer_reserve(buffer, count) == 0) {
		memset(buffer->ptr + buffer->len, byte, count);
		buffer->len += count;
	}
}

static void append_large_body(struct buffer *body, size_t body_bytes) {
	static const struct slice head = SLICE("{\"messages\":[{\"role\":\"user\",\"content\":[{\"text\":\""),
	                          tail = SLICE("\"}]}]}");
	buffer_append(body, head);
	if (body_bytes > head.len + tail.len)
		append_repeated(body, 'a', body_bytes - head.len - tail.len);
	buffer_append(body, tail);
}

// A name that matches a glob of the pool; ODD itself if the pool has no glob.
static struct slice make_odd_name(struct buffer *asked, const struct pool *pool) {
	for (size_t i = 0; i < pool->count; i++)
		for (size_t j = 0; j < pool->models[i].serves_count; j++) {
			struct slice glob = slice_from(pool->models[i].serves[j]);
			size_t star = slice_find(glob, '*');
			if (star == glob.len)
				continue;
			buffer_append(asked, slice_of(glob.ptr, star));
			buffer_append(asked, ODD);
			for (size_t k = star + 1; k < glob.len; k++)
				buffer_append_byte(asked, glob.ptr[k] == '*' ? 'x' : glob.ptr[k]);
			return buffer_slice(asked);
		}
	return ODD;
}

static void set_headers(struct sample *sample) {
	static const struct header plain[] = {
	    {SLICE("Content-Type"), SLICE("application/json")},
	    {SLICE("User-Agent"), SLICE("aws-sdk-js/3.940.0")},
	    {SLICE("x-team"), SLICE("search")},
	};
	memcpy(sample->headers, plain, sizeof plain);
	sample->attributes.headers = (struct headers){sample->headers, sizeof plain / sizeof *plain};
}

static void set_odd_headers(struct sample *sample) {
	const struct header odd[] = {
	    {SLICE("x-team"), ODD},
	    {SLICE("X-TEAM"), SLICE("")},
	    {SLICE("__index"), SLICE("%s%n")},
	    {SLICE("^"), SLICE("[%")},
	};
	for (size_t i = 0; i < SAMPLE_HEADERS; i++)
		sample->headers[i] = odd[i % (sizeof odd / sizeof *odd)];
	sample->attributes.headers = (struct headers){sample->headers, SAMPLE_HEADERS};
}

// The tokens that a quota reserves; counting tokens takes none.
static void estimate_tokens(struct request_attributes *attributes, const struct body_reader *bodies) {
	struct request_content content;
	bodies->read_request(attributes, &content);
	attributes->input_tokens = (int64_t)content.input_tokens;
	attributes->max_tokens = content.max_tokens > 0 ? content.max_tokens : 0;
}

void sample_init(struct sample *sample, enum sample_kind kind, const struct pool *pool,
                 const struct body_reader *bodies, struct slice asked, size_t body_bytes) {
	const struct sample_shape *shape = &SHAPES[kind];
	*sample = (struct sample){.attributes = {.id = SLICE("rehearsal"),
	                                         .operation = slice_from(shape->operation),
	                                         .streaming = shape->streaming,
	                                         .family_bound = shape->family_bound,
	                                         .is_tierless = kind == REQUEST_COUNT,
	                                         .asked = asked,
	                                         .body = slice_from(shape->body)}};
	buffer_init(&sample->body, body_bytes + DEPTH);
	buffer_init(&sample->asked, NAME_BYTES_MAX + ODD.len);
	set_headers(sample);
	if (kind == REQUEST_LARGE)
		append_large_body(&sample->body, body_bytes);
	if (kind == REQUEST_DEEP)
		append_repeated(&sample->body, '[', DEPTH);
	if (sample->body.len)
		sample->attributes.body = buffer_slice(&sample->body);
	if (kind == REQUEST_ODD_NAME)
		sample->attributes.asked = make_odd_name(&sample->asked, pool);
	if (kind == REQUEST_UNKNOWN)
		sample->attributes.asked = SLICE("no.such-model-v1:0");
	if (kind == REQUEST_ODD_HEADERS)
		set_odd_headers(sample);
	if (pool->has_quota && kind != REQUEST_COUNT)
		estimate_tokens(&sample->attributes, bodies);
}

void sample_free(struct sample *sample) {
	buffer_free(&sample->body);
	buffer_free(&sample->asked);
}

static size_t count_serving(const struct pool *pool, struct slice asked) {
	size_t count = 0;
	for (size_t i = 0; i < pool->count; i++)
		count += model_serves(&pool->models[i], asked);
	return count;
}

static bool serve_alike(const struct pool *pool, struct slice a, struct slice b) {
	for (size_t i = 0; i < pool->count; i++)
		if (model_serves(&pool->models[i], a) != model_serves(&pool->models[i], b))
			return false;
	return true;
}

// Adds the name that `glob` stands for, unless a name before is served by the same models. Returns the new count.
static size_t add_name(const struct pool *pool, char *names[SAMPLE_NAMES], size_t count, struct slice glob) {
	char *name = memory_string(glob);
	for (char *byte = name; *byte; byte++)
		*byte = *byte == '*' ? 'x' : *byte;
	bool is_new = count < SAMPLE_NAMES;
	for (size_t i = 0; i < count && is_new; i++)
		is_new = !serve_alike(pool, slice_from(names[i]), slice_from(name));
	if (is_new)
		names[count] = name;
	else
		free(name);
	return count + is_new;
}

size_t sample_names(const struct pool *pool, char *names[SAMPLE_NAMES]) {
	size_t count = 0, largest = 0;
	if (count_serving(pool, SLICE("chat")))
		count = add_name(pool, names, count, SLICE("chat"));
	for (size_t i = 0; i < pool->count; i++) {
		const struct model *model = &pool->models[i];
		if (model->serves && model->serves_count == 0)
			count = add_name(pool, names, count, slice_from(model->name));
		for (size_t j = 0; j < model->serves_count; j++)
			count = add_name(pool, names, count, slice_from(model->serves[j]));
	}
	for (size_t i = 1; i < count; i++)
		if (count_serving(pool, slice_from(names[i])) > count_serving(pool, slice_from(names[largest])))
			largest = i;
	char *first = names[largest];
	names[largest] = names[0];
	names[0] = first;
	return count;
}

static const struct header JSON_TYPE[] = {{{"content-type", 12}, {"application/json", 16}}};

#define RESPONSE(text, kind, bytes, tokens)                                                                            \
	{                                                                                                                  \
		text, kind, {                                                                                                  \
			.status = 200, .headers = {JSON_TYPE, 1}, .body = {bytes, sizeof(bytes) - 1}, .usage = tokens,             \
			.latency_ms = 600                                                                                          \
		}                                                                                                              \
	}
#define CONVERSED(content, stop)                                                                                       \
	"{\"output\":{\"message\":{\"role\":\"assistant\",\"content\":[" content "]}},\"stopReason\":\"" stop "\","        \
	"\"usage\":{\"inputTokens\":120,\"outputTokens\":80,\"totalTokens\":200},\"metrics\":{\"latencyMs\":600}}"
#define TEXT(text) "{\"text\":\"" text "\"}"

const struct sample_response sample_responses[] = {
    RESPONSE("an answer", REQUEST_PLAIN, CONVERSED(TEXT("It keeps conflicting routes apart."), "end_turn"),
             SAMPLE_USAGE),
    RESPONSE("an answer cut at its limit", REQUEST_PLAIN, CONVERSED(TEXT("It keeps"), "max_tokens"), SAMPLE_USAGE),
    RESPONSE("a tool's call", REQUEST_PLAIN,
             CONVERSED("{\"toolUse\":{\"toolUseId\":\"t1\",\"name\":\"clock\",\"input\":{}}}", "tool_use"),
             SAMPLE_USAGE),
    RESPONSE("an apology", REQUEST_PLAIN, CONVERSED(TEXT("I'm sorry, but I can't help with that."), "end_turn"),
             SAMPLE_USAGE),
    RESPONSE("a refusal by the model", REQUEST_PLAIN, CONVERSED("", "refusal"), SAMPLE_USAGE),
    RESPONSE("a guardrail's intervention", REQUEST_PLAIN, CONVERSED(TEXT("Blocked."), "guardrail_intervened"),
             SAMPLE_USAGE),
    RESPONSE("filtered content", REQUEST_PLAIN, CONVERSED("", "content_filtered"), SAMPLE_USAGE),
    RESPONSE("an answer without content", REQUEST_PLAIN, CONVERSED("", "end_turn"), SAMPLE_USAGE),
    RESPONSE("an answer of an InvokeModel", REQUEST_INVOKE,
             "{\"role\":\"assistant\",\"content\":[{\"type\":\"text\",\"text\":\"It keeps routes apart.\"}],"
             "\"stop_reason\":\"end_turn\",\"usage\":{\"input_tokens\":120,\"output_tokens\":80}}",
             SAMPLE_USAGE),
    RESPONSE("JSON of another shape", REQUEST_PLAIN, "[null,{\"output\":7,\"stopReason\":{}}]", TOKEN_USAGE_UNKNOWN),
    RESPONSE("no JSON", REQUEST_PLAIN, "{\"output\":{\"mess", TOKEN_USAGE_UNKNOWN),
    RESPONSE("an empty answer", REQUEST_PLAIN, "", TOKEN_USAGE_UNKNOWN),
    {0},
};
