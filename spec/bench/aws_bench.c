// SPDX-License-Identifier: Apache-2.0
// The cost of signing and of parsing frames, in nanoseconds a call; parsing also against moving the same bytes. A
// measurement, not a test: it has no bounds.
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "aws/eventstream.h"
#include "aws/sigv4.h"
#include "base/clock.h"

enum { SIGNINGS = 200000, STREAM_BYTES = 4 * 1024 * 1024, PIECE_BYTES = 16 * 1024, ROUNDS = 5 };

static void bench_signing(void) {
	static char body[1024];
	static const struct header headers[] = {
	    {{"content-type", 12}, {"application/json", 16}},
	    {{"accept", 6}, {"application/json", 16}},
	};
	struct sigv4_signer *signer = sigv4_signer_new();
	struct credentials *credentials =
	    credentials_new("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", NULL, NULL);
	struct buffer value;
	char hash[SIGV4_HEX_BYTES];
	memset(body, 'x', sizeof body);
	buffer_init(&value, 4096);
	struct sigv4_authorization authorization = {.value = &value};
	struct sigv4_request request = {
	    .method = SLICE("POST"),
	    .path = SLICE("/model/us.anthropic.claude-sonnet-4-20250514-v1%3A0/converse"),
	    .host = SLICE("bedrock-runtime.us-east-1.amazonaws.com"),
	    .headers = {headers, 2},
	    .payload_sha256 = hash,
	};
	struct sigv4_scope scope = {SLICE("us-east-1"), SLICE("bedrock")};
	uint64_t start = clock_now_us();
	for (int i = 0; i < SIGNINGS; i++)
		sigv4_hash_payload(signer, slice_of(body, sizeof body), hash);
	uint64_t hashed = clock_now_us();
	for (int i = 0; i < SIGNINGS; i++)
		sigv4_authorize(signer, &request, credentials, scope, 1772600767 + i / 100000, &authorization);
	uint64_t end = clock_now_us();
	double hash_ns = (double)(hashed - start) * 1000 / SIGNINGS, sign_ns = (double)(end - hashed) * 1000 / SIGNINGS;
	printf("hashing 1 KB       %6.0f ns\nsigning, key kept  %6.0f ns\nboth               %6.0f ns\n", hash_ns, sign_ns,
	       hash_ns + sign_ns);
	buffer_free(&value);
	credentials_release(credentials);
	sigv4_signer_free(signer);
}

// Writes a stream of delta events with `text_bytes` of text each.
static void make_stream(size_t text_bytes, struct buffer *out) {
	struct buffer json;
	buffer_init(&json, 1024 * 1024);
	buffer_append(&json, SLICE("{\"contentBlockIndex\":0,\"delta\":{\"text\":\""));
	for (size_t i = 0; i < text_bytes; i++)
		buffer_append_byte(&json, 'a');
	buffer_append(&json, SLICE("\"},\"p\":\"abcdefghijk\"}"));
	while (out->len < STREAM_BYTES)
		eventstream_encode_event(SLICE("contentBlockDelta"), buffer_slice(&json), out);
	buffer_free(&json);
}

static uint64_t copy_us(struct slice stream, char *piece) {
	uint64_t start = clock_now_us();
	for (size_t at = 0; at < stream.len; at += PIECE_BYTES) {
		size_t size = stream.len - at < PIECE_BYTES ? stream.len - at : PIECE_BYTES;
		memcpy(piece, stream.ptr + at, size);
		__asm__ volatile("" : : "r"(piece) : "memory");
	}
	return clock_now_us() - start;
}

static uint64_t pump_us(struct slice stream, size_t *frames) {
	struct eventstream_decoder decoder;
	struct eventstream_frame frame;
	eventstream_decoder_init(&decoder, EVENTSTREAM_FRAME_BYTES);
	uint64_t start = clock_now_us();
	for (size_t at = 0; at < stream.len; at += PIECE_BYTES) {
		struct slice input = {stream.ptr + at, stream.len - at < PIECE_BYTES ? stream.len - at : PIECE_BYTES};
		while (eventstream_decoder_next(&decoder, &input, &frame) == EVENTSTREAM_FRAME)
			*frames += eventstream_frame_kind(&frame) == EVENTSTREAM_KIND_EVENT;
	}
	uint64_t spent = clock_now_us() - start;
	eventstream_decoder_free(&decoder);
	return spent;
}

static void exit_with_errno(const char *what) {
	perror(what);
	exit(1);
}

// Opens the two ends of a TCP connection on loopback.
static void connect_pair(int pair[2]) {
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof address;
	int on = 1, listener = socket(AF_INET, SOCK_STREAM, 0);
	if (bind(listener, (struct sockaddr *)&address, len) || listen(listener, 1) ||
	    getsockname(listener, (struct sockaddr *)&address, &len))
		exit_with_errno("listen");
	pair[0] = socket(AF_INET, SOCK_STREAM, 0);
	if (connect(pair[0], (struct sockaddr *)&address, len))
		exit_with_errno("connect");
	pair[1] = accept(listener, NULL, NULL);
	setsockopt(pair[0], IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	close(listener);
}

// The time of one write and one read for each frame, as a proxy does when events come one by one.
static uint64_t socket_us(struct slice stream, size_t frame_bytes, char *piece) {
	int pair[2];
	connect_pair(pair);
	uint64_t start = clock_now_us();
	for (size_t at = 0; at < stream.len; at += frame_bytes) {
		size_t size = stream.len - at < frame_bytes ? stream.len - at : frame_bytes;
		if (write(pair[0], stream.ptr + at, size) < 0 || read(pair[1], piece, size) < 0)
			exit_with_errno("socket");
	}
	uint64_t spent = clock_now_us() - start;
	close(pair[0]);
	close(pair[1]);
	return spent;
}

static void bench_frames(size_t text_bytes) {
	static char piece[PIECE_BYTES];
	struct buffer out;
	size_t frames = 0;
	uint64_t copied = UINT64_MAX, pumped = UINT64_MAX, moved = UINT64_MAX;
	buffer_init(&out, 2 * STREAM_BYTES);
	make_stream(text_bytes, &out);
	size_t frame_bytes = (size_t)(unsigned char)out.ptr[2] << 8 | (unsigned char)out.ptr[3]; // all below 64 KB
	for (int i = 0; i < ROUNDS; i++) {
		uint64_t copy = copy_us(buffer_slice(&out), piece), socket = socket_us(buffer_slice(&out), frame_bytes, piece);
		frames = 0;
		uint64_t pump = pump_us(buffer_slice(&out), &frames);
		copied = copy < copied ? copy : copied;
		moved = socket < moved ? socket : moved;
		pumped = pump < pumped ? pump : pumped;
	}
	double count = (double)frames;
	printf("frame of %5.0f B    parse %5.0f ns, memcpy %5.0f ns, socket %5.0f ns; parse/memcpy %.1f, parse/socket "
	       "%.2f\n",
	       (double)out.len / count, (double)pumped * 1000 / count, (double)copied * 1000 / count,
	       (double)moved * 1000 / count, (double)pumped / (double)copied, (double)pumped / (double)moved);
	buffer_free(&out);
}

int main(void) {
	bench_signing();
	bench_frames(8);
	bench_frames(200);
	bench_frames(4000);
	return 0;
}
