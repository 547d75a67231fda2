// SPDX-License-Identifier: Apache-2.0
// pour PORT clear|h2|http/1.1 CONNECTIONS FILE: opens the connections (the last two ways over TLS, with that protocol),
// sends the file's bytes over each of them at once, and reads whatever comes. It ends when every connection has, or
// when nothing has moved for a while. Prints the beginning of what the first connection got.
#include "link.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	CONNECTIONS_MAX = 1024,
	QUIET_MS = 100, // nothing has moved for so long
	LONGEST_MS = 10000,
	SHOWN_BYTES = 4096,
};

// An attacker has an address of its own, so that limits by address tell it from others.
#define ADDRESS "127.0.0.2"

struct stream {
	struct link link;
	size_t sent;
};

static unsigned char *bytes;
static size_t length;
static char shown[SHOWN_BYTES];
static size_t shown_length;

static int read_file(const char *path) {
	FILE *file = fopen(path, "rb");
	if (!file || fseek(file, 0, SEEK_END) != 0)
		return -1;
	length = (size_t)ftell(file);
	rewind(file);
	bytes = malloc(length + 1);
	if (!bytes || fread(bytes, 1, length, file) != length)
		return -1;
	return fclose(file);
}

static void write_some(struct stream *stream) {
	while (stream->sent < length) {
		ssize_t count = link_write(&stream->link, bytes + stream->sent, length - stream->sent);
		if (count <= 0) {
			if (errno != EAGAIN)
				stream->sent = length; // nobody reads any more
			return;
		}
		stream->sent += (size_t)count;
	}
}

// False when the other side has closed.
static bool read_some(struct stream *stream, bool is_shown) {
	static char buffer[65536];
	ssize_t count;
	while ((count = link_read(&stream->link, buffer, sizeof buffer)) > 0) {
		size_t more = is_shown ? sizeof shown - shown_length : 0;
		more = more < (size_t)count ? more : (size_t)count;
		memcpy(shown + shown_length, buffer, more);
		shown_length += more;
	}
	return count < 0 && errno == EAGAIN;
}

// Writes and reads until all has ended or is quiet.
static void pour(struct stream *streams, int count) {
	static struct pollfd waiting[CONNECTIONS_MAX];
	uint64_t start = link_now_ns();
	int open = count;
	while (open > 0 && link_now_ns() - start < LONGEST_MS * 1000000ull) {
		for (int i = 0; i < count; i++)
			waiting[i] = (struct pollfd){.fd = streams[i].link.fd,
			                             .events = (short)(POLLIN | (streams[i].sent < length ? POLLOUT : 0))};
		if (poll(waiting, (nfds_t)count, QUIET_MS) <= 0)
			return;
		for (int i = 0; i < count; i++) {
			if (!waiting[i].revents)
				continue;
			write_some(&streams[i]);
			if (!read_some(&streams[i], i == 0)) {
				link_close(&streams[i].link);
				open--;
			}
		}
	}
}

int main(int count, char **words) {
	static struct stream streams[CONNECTIONS_MAX];
	if (count != 5 || read_file(words[4]) != 0) {
		fprintf(stderr, "pour PORT clear|h2|http/1.1 CONNECTIONS FILE\n");
		return 2;
	}
	int wanted = atoi(words[3]), opened = 0;
	const char *alpn = strcmp(words[2], "clear") == 0 ? NULL : words[2];
	signal(SIGPIPE, SIG_IGN);
	for (int i = 0; i < wanted && i < CONNECTIONS_MAX; i++) {
		if (link_open(&streams[opened].link, ADDRESS, (uint16_t)atoi(words[1]), alpn) != 0)
			continue;
		link_stop_waiting(&streams[opened++].link);
	}
	pour(streams, opened);
	fwrite(shown, 1, shown_length, stdout);
	return 0;
}
