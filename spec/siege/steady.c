// SPDX-License-Identifier: Apache-2.0
// steady PORT GATEWAY UPSTREAM SECONDS RATE FILE: good clients. Sends the request in FILE at fixed times, RATE a
// second, over kept connections of HTTP/1.1 and TLS, whether or not earlier ones have been answered. Prints `SENT
// FAILED`, and then p50, p99 and the longest of their latencies in milliseconds, since each was due: without the time
// for which this process, GATEWAY or UPSTREAM (their pids) waited for a processor; and p99 by the clock on the wall.
#include "../stalls/link.h"

#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	CONNECTIONS = 32,
	RESPONSE_BYTES = 65536,
	LATE_MS = 10000, // a response that hasn't come by then never comes
};

struct client {
	struct link link;
	bool is_busy;
	uint64_t due_ns, queued_ns; // when the request was due, and how long processors had been waited for then
	size_t length;
	char response[RESPONSE_BYTES];
};

static struct client clients[CONNECTIONS];
static uint16_t port;
static char request[65536];
static size_t request_length;
static int schedules[3];
static double *latencies, *wall_latencies;
static size_t sent, answered, failed;

static uint64_t queued_ns(void) {
	return link_queued_ns(schedules[0]) + link_queued_ns(schedules[1]) + link_queued_ns(schedules[2]);
}

static void end_request(struct client *client, bool is_good) {
	uint64_t wall = link_now_ns() - client->due_ns, queued = queued_ns() - client->queued_ns;
	client->is_busy = false;
	if (!is_good) {
		failed++;
		fprintf(stderr, "failed after %.0f ms: %.*s\n", (double)wall / 1e6,
		        (int)(client->length < 200 ? client->length : 200), client->response);
		link_close(&client->link);
		return;
	}
	wall_latencies[answered] = (double)wall / 1e6;
	latencies[answered++] = (double)(wall > queued ? wall - queued : 0) / 1e6;
}

static bool is_open(struct client *client) {
	if (client->link.fd >= 0)
		return true;
	if (link_open(&client->link, NULL, port, "http/1.1") != 0)
		return false;
	link_stop_waiting(&client->link);
	return true;
}

static void begin_request(struct client *client, uint64_t due_ns) {
	client->is_busy = true;
	client->length = 0;
	client->due_ns = due_ns;
	client->queued_ns = queued_ns();
	sent++;
	if (!is_open(client) || link_write(&client->link, request, request_length) != (ssize_t)request_length)
		end_request(client, false);
}

// The length of the whole response; 0 while its head isn't whole.
static size_t whole_length(const struct client *client) {
	const char *end = memmem(client->response, client->length, "\r\n\r\n", 4);
	if (!end)
		return 0;
	const char *length = memmem(client->response, (size_t)(end - client->response), "\r\ncontent-length: ", 18);
	return (size_t)(end - client->response) + 4 + (length ? strtoul(length + 18, NULL, 10) : 0);
}

static void read_response(struct client *client) {
	static const char good[] = "HTTP/1.1 200";
	ssize_t count;
	while ((count = link_read(&client->link, client->response + client->length,
	                          sizeof client->response - client->length)) > 0)
		client->length += (size_t)count;
	bool is_closed = count == 0 || errno != EAGAIN;
	size_t whole = whole_length(client);
	if (client->is_busy && whole && client->length >= whole)
		end_request(client, memcmp(client->response, good, sizeof good - 1) == 0);
	else if (client->is_busy && (is_closed || client->length == sizeof client->response))
		end_request(client, false);
	// An idle connection may be closed; the next request opens another.
	if (is_closed)
		link_close(&client->link);
}

static void wait_for_responses(int milliseconds) {
	struct pollfd waiting[CONNECTIONS];
	for (int i = 0; i < CONNECTIONS; i++)
		waiting[i] = (struct pollfd){.fd = clients[i].link.fd, .events = POLLIN};
	if (poll(waiting, CONNECTIONS, milliseconds) <= 0)
		return;
	for (int i = 0; i < CONNECTIONS; i++)
		if (waiting[i].revents)
			read_response(&clients[i]);
}

// The connection that has been idle longest; NULL if all are busy.
static struct client *find_idle(void) {
	struct client *found = NULL;
	for (int i = 0; i < CONNECTIONS; i++)
		if (!clients[i].is_busy && (!found || clients[i].due_ns < found->due_ns))
			found = &clients[i];
	return found;
}

static void fail_late(void) {
	for (int i = 0; i < CONNECTIONS; i++)
		if (clients[i].is_busy && link_now_ns() - clients[i].due_ns > LATE_MS * 1000000ull)
			end_request(&clients[i], false);
}

static void send_all(size_t wanted, uint64_t interval_ns) {
	uint64_t start_ns = link_now_ns(), end_ns = start_ns + wanted * interval_ns + LATE_MS * 1000000ull;
	while ((sent < wanted || answered + failed < sent) && link_now_ns() < end_ns) {
		uint64_t due_ns = start_ns + sent * interval_ns;
		struct client *idle = sent < wanted && due_ns <= link_now_ns() ? find_idle() : NULL;
		if (idle)
			begin_request(idle, due_ns);
		else
			wait_for_responses(1);
		fail_late();
	}
	failed = wanted - answered;
}

static int compare(const void *one, const void *other) {
	double difference = *(const double *)one - *(const double *)other;
	return (difference > 0) - (difference < 0);
}

static double percentile(double *list, double share) {
	qsort(list, answered, sizeof *list, compare);
	return answered ? list[(size_t)((double)(answered - 1) * share)] : 0;
}

int main(int count, char **words) {
	FILE *file = count == 7 ? fopen(words[6], "rb") : NULL;
	if (!file) {
		fprintf(stderr, "steady PORT GATEWAY UPSTREAM SECONDS RATE FILE\n");
		return 2;
	}
	request_length = fread(request, 1, sizeof request, file);
	fclose(file);
	port = (uint16_t)atoi(words[1]);
	schedules[0] = link_open_schedule("self");
	schedules[1] = link_open_schedule(words[2]);
	schedules[2] = link_open_schedule(words[3]);
	int seconds = atoi(words[4]), rate = atoi(words[5]);
	size_t wanted = (size_t)seconds * (size_t)rate;
	latencies = calloc(wanted, sizeof *latencies);
	wall_latencies = calloc(wanted, sizeof *wall_latencies);
	signal(SIGPIPE, SIG_IGN);
	// Where that isn't allowed, the waits for a processor are longer, and are subtracted as well.
	sched_setscheduler(0, SCHED_FIFO, &(struct sched_param){.sched_priority = 1});
	for (int i = 0; i < CONNECTIONS; i++)
		clients[i].link.fd = -1;
	for (int i = 0; i < CONNECTIONS; i++)
		is_open(&clients[i]);
	send_all(wanted, (uint64_t)(1000000000 / rate));
	printf("%zu %zu %.3f %.3f %.3f %.3f\n", sent, failed, percentile(latencies, 0.5), percentile(latencies, 0.99),
	       percentile(latencies, 1), percentile(wall_latencies, 0.99));
	return 0;
}
