// SPDX-License-Identifier: Apache-2.0
// probe CONTROL PORT PID clear|tls: asks the gateway at PORT for /health once a millisecond, over a kept connection of
// HTTP/1.1 and one of HTTP/2 in turn, and keeps the longest wait. It takes orders over a connection to
// 127.0.0.1:CONTROL: after `begin` it measures, at `end` it responds with `WAIT WALL ASKED LOST`, of the longest wait
// in milliseconds.
//
// WALL is what a clock on the wall shows. WAIT is without the time for which the gateway's thread, or this one, could
// run and had no processor: another process had it, which says nothing about the gateway.
#include "link.h"

#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { BUFFER_BYTES = 65536 };

// The connections: one for each protocol.
struct line {
	struct link link;
	bool is_http2;
	uint32_t stream;
	size_t length; // of `buffer`
	unsigned char buffer[BUFFER_BYTES];
};

struct longest {
	uint64_t wait_ns, wall_ns;
	unsigned asked, lost;
};

static uint16_t port;
static bool is_tls;
static int gateway_schedule, own_schedule;

static int write_whole(struct line *line, const void *bytes, size_t length) {
	return link_write(&line->link, bytes, length) == (ssize_t)length ? 0 : -1;
}

static int read_more(struct line *line) {
	if (line->length == sizeof line->buffer)
		return -1;
	ssize_t count = link_read(&line->link, line->buffer + line->length, sizeof line->buffer - line->length);
	if (count <= 0)
		return -1;
	line->length += (size_t)count;
	return 0;
}

static void drop(struct line *line, size_t length) {
	line->length -= length;
	memmove(line->buffer, line->buffer + length, line->length);
}

static int ask_http1(struct line *line) {
	static const char request[] = "GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n";
	if (write_whole(line, request, sizeof request - 1) != 0)
		return -1;
	for (;;) {
		const char *head = (const char *)line->buffer;
		const char *end = memmem(head, line->length, "\r\n\r\n", 4);
		const char *length = end ? memmem(head, (size_t)(end - head), "\r\ncontent-length: ", 18) : NULL;
		size_t whole = length ? (size_t)(end - head) + 4 + strtoul(length + 18, NULL, 10) : 0;
		if (end && !length)
			return -1;
		if (whole && line->length >= whole) {
			drop(line, whole);
			return 0;
		}
		if (read_more(line) != 0)
			return -1;
	}
}

enum { FRAME_HEAD = 9, DATA = 0, HEADERS = 1, RESET = 3, SETTINGS = 4, PING = 6, GOAWAY = 7, ACK = 1, END_STREAM = 1 };

// Reads one frame and acknowledges what wants to be. 1 if it ends the request's stream, -1 if the connection is of no
// more use.
static int read_frame(struct line *line) {
	static const unsigned char settings_ack[] = {0, 0, 0, SETTINGS, ACK, 0, 0, 0, 0};
	const unsigned char *head = line->buffer;
	size_t length = 0;
	while (line->length < FRAME_HEAD ||
	       line->length < FRAME_HEAD + (length = (size_t)head[0] << 16 | (size_t)head[1] << 8 | head[2]))
		if (read_more(line) != 0)
			return -1;
	int kind = head[3], flags = head[4], result = 0;
	if (kind == GOAWAY || kind == RESET)
		return -1;
	if (kind == SETTINGS && !(flags & ACK))
		result = write_whole(line, settings_ack, sizeof settings_ack);
	if (kind == PING && !(flags & ACK)) {
		line->buffer[4] = ACK;
		result = write_whole(line, line->buffer, FRAME_HEAD + length);
	}
	if (kind == DATA && length) {
		unsigned char more[] = {0, 0, 4, 8, 0, 0, 0, 0, 0, 0, 0, head[1], head[2]};
		result = write_whole(line, more, sizeof more);
	}
	if (result == 0 && (kind == DATA || kind == HEADERS) && flags & END_STREAM)
		result = 1;
	drop(line, FRAME_HEAD + length);
	return result;
}

static int ask_http2(struct line *line) {
	// :method GET, :scheme and :authority from the static table, then the path as a literal.
	unsigned char request[] = {0,   0,   23,  HEADERS, 5,    0, 0,   0,   0,   0x82, 0x86, 0x04, 7,   '/', 'h', 'e',
	                           'a', 'l', 't', 'h',     0x01, 9, '1', '2', '7', '.',  '0',  '.',  '0', '.', '1'};
	request[2] = sizeof request - FRAME_HEAD;
	request[FRAME_HEAD + 1] = is_tls ? 0x87 : 0x86;
	request[5] = (unsigned char)(line->stream >> 24);
	request[6] = (unsigned char)(line->stream >> 16);
	request[7] = (unsigned char)(line->stream >> 8);
	request[8] = (unsigned char)line->stream;
	line->stream += 2;
	if (write_whole(line, request, sizeof request) != 0)
		return -1;
	int result;
	do
		result = read_frame(line);
	while (result == 0);
	return result == 1 ? 0 : -1;
}

static int open_line(struct line *line) {
	static const char preface[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0";
	line->length = 0;
	line->stream = 1;
	if (link_open(&line->link, NULL, port, is_tls ? line->is_http2 ? "h2" : "http/1.1" : NULL) != 0)
		return -1;
	return line->is_http2 ? write_whole(line, preface, sizeof preface - 1) : 0;
}

// A connection that the gateway has closed meanwhile is opened anew, once.
static int ask(struct line *line) {
	uint64_t start = link_now_ns();
	for (int attempt = 0; attempt < 2; attempt++) {
		if (line->link.fd < 0 && open_line(line) != 0)
			break;
		if ((line->is_http2 ? ask_http2 : ask_http1)(line) == 0)
			return 0;
		link_close(&line->link);
		if (link_now_ns() - start > LINK_TIMEOUT_MS * 1000000ull)
			break;
	}
	return -1;
}

static void measure(struct line *line, struct longest *longest) {
	uint64_t queued = link_queued_ns(gateway_schedule) + link_queued_ns(own_schedule);
	uint64_t start = link_now_ns();
	if (ask(line) != 0)
		longest->lost++;
	uint64_t wall = link_now_ns() - start;
	queued = link_queued_ns(gateway_schedule) + link_queued_ns(own_schedule) - queued;
	uint64_t wait = wall > queued ? wall - queued : 0;
	longest->asked++;
	if (wait >= longest->wait_ns) {
		longest->wait_ns = wait;
		longest->wall_ns = wall;
	}
}

// Takes one order. False at the end of orders.
static bool obey(int control, bool *is_measuring, struct longest *longest) {
	char order[16] = "";
	if (read(control, order, sizeof order - 1) <= 0)
		return false;
	*is_measuring = order[0] == 'b';
	if (*is_measuring) {
		*longest = (struct longest){0};
		return dprintf(control, "begun\n") > 0;
	}
	return dprintf(control, "%.3f %.3f %u %u\n", (double)longest->wait_ns / 1e6, (double)longest->wall_ns / 1e6,
	               longest->asked, longest->lost) > 0;
}

int main(int count, char **words) {
	static struct line lines[] = {{.link.fd = -1}, {.link.fd = -1, .is_http2 = true}};
	struct link control;
	struct longest longest = {0};
	bool is_measuring = false;
	if (count != 5 || link_open(&control, NULL, (uint16_t)atoi(words[1]), NULL) != 0) {
		fprintf(stderr, "probe CONTROL PORT PID clear|tls\n");
		return 2;
	}
	port = (uint16_t)atoi(words[2]);
	is_tls = strcmp(words[4], "tls") == 0;
	gateway_schedule = link_open_schedule(words[3]);
	own_schedule = link_open_schedule("self");
	signal(SIGPIPE, SIG_IGN);
	// Where that isn't allowed, the waits for a processor are longer, and are subtracted as well.
	sched_setscheduler(0, SCHED_FIFO, &(struct sched_param){.sched_priority = 1});
	for (unsigned turn = 0;; turn++) {
		struct pollfd orders = {.fd = control.fd, .events = POLLIN};
		if (poll(&orders, 1, is_measuring ? 1 : -1) > 0 && !obey(control.fd, &is_measuring, &longest))
			return 0;
		if (is_measuring)
			measure(&lines[turn % 2], &longest);
	}
}
