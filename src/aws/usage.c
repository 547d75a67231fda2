// SPDX-License-Identifier: Apache-2.0
#include "aws/usage.h"

#include "aws/json_scan.h"

// An InvokeModel chunk's payload is {"bytes":"BASE64", ...}; the metrics are in its JSON, near its end, and a chunk
// that holds them is small.
enum { CHUNK_BYTES = 16 * 1024 };

static void read_member(struct slice object, struct slice name, int64_t *tokens) {
	struct slice value;
	if (json_scan_member(object, name, &value) && json_scan_number(value) >= 0)
		*tokens = json_scan_number(value);
}

void usage_read_converse(struct slice body, struct token_usage *usage) {
	struct slice counts;
	if (!json_scan_member(body, SLICE("usage"), &counts))
		return;
	read_member(counts, SLICE("inputTokens"), &usage->input_tokens);
	read_member(counts, SLICE("outputTokens"), &usage->output_tokens);
	read_member(counts, SLICE("cacheReadInputTokens"), &usage->cache_read_tokens);
	read_member(counts, SLICE("cacheWriteInputTokens"), &usage->cache_write_tokens);
}

static void read_header(struct headers headers, struct slice name, int64_t *tokens) {
	const struct slice *value = headers_find(headers, name);
	if (value && json_scan_number(slice_trim(*value)) >= 0)
		*tokens = json_scan_number(slice_trim(*value));
}

void usage_read_headers(struct headers headers, struct token_usage *usage) {
	read_header(headers, SLICE("x-amzn-bedrock-input-token-count"), &usage->input_tokens);
	read_header(headers, SLICE("x-amzn-bedrock-output-token-count"), &usage->output_tokens);
	read_header(headers, SLICE("x-amzn-bedrock-cache-read-input-token-count"), &usage->cache_read_tokens);
	read_header(headers, SLICE("x-amzn-bedrock-cache-write-input-token-count"), &usage->cache_write_tokens);
}

// Whether base64 text may hold "invocationMetrics": each of the three ways that the word can lie across groups of three
// bytes has a fixed middle.
static bool may_hold_metrics(struct slice base64) {
	static const struct slice middles[] = {
	    {"aW52b2NhdGlvbk1ldHJpY", 21}, {"ludm9jYXRpb25NZXRyaWNz", 22}, {"pbnZvY2F0aW9uTWV0cmljc", 22}};
	for (size_t i = 0; i < 3; i++)
		if (base64.len && memmem(base64.ptr, base64.len, middles[i].ptr, middles[i].len))
			return true;
	return false;
}

static int base64_value(char c) {
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	if (c == '+')
		return 62;
	return c == '/' ? 63 : -1;
}

// Decodes up to the first character that isn't base64. `out` has room for three quarters of the text.
static struct slice base64_decode(struct slice text, char *out) {
	uint32_t bits = 0;
	int count = 0;
	size_t len = 0;
	for (size_t i = 0; i < text.len && base64_value(text.ptr[i]) >= 0; i++) {
		bits = bits << 6 | (uint32_t)base64_value(text.ptr[i]);
		count += 6;
		if (count >= 8) {
			count -= 8;
			out[len++] = (char)(bits >> count & 0xff);
		}
	}
	return slice_of(out, len);
}

void usage_read_chunk(struct slice payload, struct token_usage *usage) {
	char decoded[CHUNK_BYTES];
	struct slice value, metrics;
	if (!json_scan_member(payload, SLICE("bytes"), &value))
		return;
	struct slice base64 = json_scan_text(value);
	if (base64.len > CHUNK_BYTES || !may_hold_metrics(base64))
		return;
	struct slice chunk = base64_decode(base64, decoded);
	if (!json_scan_member(chunk, SLICE("amazon-bedrock-invocationMetrics"), &metrics))
		return;
	read_member(metrics, SLICE("inputTokenCount"), &usage->input_tokens);
	read_member(metrics, SLICE("outputTokenCount"), &usage->output_tokens);
	read_member(metrics, SLICE("cacheReadInputTokenCount"), &usage->cache_read_tokens);
	read_member(metrics, SLICE("cacheWriteInputTokenCount"), &usage->cache_write_tokens);
}

struct slice usage_stop_reason(struct slice body) {
	struct slice value;
	return json_scan_member(body, SLICE("stopReason"), &value) ? json_scan_text(value) : (struct slice){0};
}
