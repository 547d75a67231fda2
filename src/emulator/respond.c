// SPDX-License-Identifier: Apache-2.0
// Heads carry what those of the service carry: a request id, the error type with its namespace, InvokeModel's counts.
#include "emulator/respond.h"

#include <assert.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "aws/exception.h"
#include "aws/response_shape.h"

enum { BODY_BYTES = 8192 };

static void respond_head_add(struct respond_head *head, struct slice name, struct slice value) {
	assert(head->count < RESPOND_HEADERS_MAX);
	head->list[head->count++] = (struct header){name, value};
}

static void respond_head_add_printf(struct respond_head *head, struct slice name, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
static void respond_head_add_printf(struct respond_head *head, struct slice name, const char *format, ...) {
	char *text = head->text + head->text_length;
	size_t room = sizeof head->text - head->text_length;
	va_list arguments;
	va_start(arguments, format);
	int length = vsnprintf(text, room, format, arguments);
	va_end(arguments);
	assert(length >= 0 && (size_t)length < room);
	head->text_length += (size_t)length;
	respond_head_add(head, name, slice_of(text, (size_t)length));
}

void respond_head_init(struct respond_head *head, struct emulator *emulator, const char *content_type) {
	head->count = 0;
	head->text_length = 0;
	respond_head_add(head, SLICE("content-type"), slice_from(content_type));
	uint64_t high = random_next(&emulator->random), low = random_next(&emulator->random);
	respond_head_add_printf(head, SLICE("x-amzn-requestid"),
	                        "%08" PRIx64 "-%04" PRIx64 "-4%03" PRIx64 "-a%03" PRIx64 "-%012" PRIx64, high >> 32,
	                        high >> 16 & 0xffff, high & 0xfff, low >> 52, low & 0xffffffffffff);
}

void respond_head_add_invocation(struct respond_head *head, const struct generation *generation) {
	if (generation->operation == OPERATION_INVOKE_MODEL_STREAM)
		respond_head_add(head, SLICE("x-amzn-bedrock-content-type"), SLICE("application/json"));
	if (operation_is_invoke(generation->operation) && generation->tier != TIER_NONE)
		respond_head_add(head, SLICE(RESPONSE_TIER_HEADER), slice_from(service_tier_names[generation->tier]));
	if (generation->operation != OPERATION_INVOKE_MODEL)
		return;
	respond_head_add_printf(head, SLICE(RESPONSE_INPUT_TOKENS_HEADER), "%" PRIu64, generation->input_tokens);
	respond_head_add_printf(head, SLICE(RESPONSE_OUTPUT_TOKENS_HEADER), "%" PRIu64, generation->output_tokens);
	respond_head_add_printf(head, SLICE("x-amzn-bedrock-invocation-latency"), "%" PRIu64, generation->last_ms);
}

struct headers respond_head_headers(const struct respond_head *head) {
	return (struct headers){head->list, head->count};
}

void respond_exception(struct emulator *emulator, struct server_call *call, const char *name, int status,
                       const char *message, uint64_t retry_after_ms) {
	struct respond_head head;
	struct buffer body;
	buffer_init(&body, BODY_BYTES);
	respond_head_init(&head, emulator, "application/json");
	respond_head_add_printf(&head, SLICE("x-amzn-errortype"), "%s:http://internal.amazon.com/coral/com.amazon.bedrock/",
	                        name);
	if (retry_after_ms > 0) {
		respond_head_add_printf(&head, SLICE("x-amz-retry-after"), "%" PRIu64, retry_after_ms);
		respond_head_add_printf(&head, SLICE("retry-after"), "%" PRIu64, (retry_after_ms + 999) / 1000);
	}
	exception_format_body(slice_from(message), &body);
	server_respond(call, status, respond_head_headers(&head), buffer_slice(&body));
	buffer_free(&body);
}

void respond_json(struct emulator *emulator, struct server_call *call, int status, struct slice body) {
	struct respond_head head;
	respond_head_init(&head, emulator, "application/json");
	server_respond(call, status, respond_head_headers(&head), body);
}

const char *respond_message(const char *exception) {
	static const char *const messages[][2] = {
	    {"AccessDeniedException", "You don't have access to the model with the specified model ID."},
	    {"ConflictException", "The request conflicts with the state of the resource. Try your request again."},
	    {"ExpiredTokenException", "The security token included in the request is expired"},
	    {"ModelNotReadyException", "The model is not ready for inference. Try your request again."},
	    {"ModelTimeoutException", "Model has timed out in processing the request. Try your request again."},
	    {"ResourceNotFoundException", "Could not resolve the foundation model from the provided model identifier."},
	    {"ServiceQuotaExceededException", "Your request exceeds the service quota for your account."},
	    {"ServiceUnavailableException", "Bedrock is unable to process your request."},
	    {"ThrottlingException", EXCEPTION_TOO_MANY_REQUESTS},
	    {"UnrecognizedClientException", EXCEPTION_INVALID_TOKEN},
	    {"ValidationException", "Malformed input request, please reformat your input and try again."},
	};
	for (size_t i = 0; i < sizeof messages / sizeof *messages; i++)
		if (strcmp(messages[i][0], exception) == 0)
			return messages[i][1];
	return "The system encountered an unexpected error during processing. Try your request again.";
}
