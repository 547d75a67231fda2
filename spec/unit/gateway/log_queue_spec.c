// SPDX-License-Identifier: Apache-2.0
// The queue behind the log never waits for its reader: it loses whole lines, and counts them.
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "../check.h"
#include "base/log.h"
#include "gateway/log_queue.h"

enum { PIPE_BYTES = 4096, QUEUE_BYTES = 256 * 1024, PATIENT_MS = 20000 };

static void tell(struct buffer *line, uint64_t lost) {
	buffer_printf(line, "lost %d\n", (int)lost);
}

static void make_pipe(int ends[2]) {
	if (pipe2(ends, O_CLOEXEC) != 0 || fcntl(ends[1], F_SETPIPE_SZ, PIPE_BYTES) < 0)
		abort();
}

// Reads until `count` lines have come, or the pipe's end.
static void read_lines(int descriptor, struct buffer *text, size_t count) {
	char bytes[4096];
	for (ssize_t len; count > 0 && (len = read(descriptor, bytes, sizeof bytes)) > 0;) {
		buffer_append(text, slice_of(bytes, (size_t)len));
		for (ssize_t i = 0; i < len; i++)
			if (bytes[i] == '\n' && count > 0)
				count--;
	}
}

TEST(a_pipe_that_nobody_reads_stops_nobody) {
	int ends[2];
	char line[100];
	make_pipe(ends);
	static struct log_queue *queue; // lives on
	queue = log_queue_new(ends[1], QUEUE_BYTES, tell);
	int most = 10 * QUEUE_BYTES / (int)sizeof line;
	memset(line, 'x', sizeof line);
	line[sizeof line - 1] = '\n';
	for (int i = 0; i < most; i++)
		log_queue_add(queue, slice_of(line, sizeof line));
	CHECK(log_queue_backlog(queue).lost_lines > 0);
	CHECK(!log_queue_end(queue, 1));
	// The reader is back: every line is either there, as a whole, or told as lost.
	FILE *reader = fdopen(ends[0], "r");
	char found[200];
	int whole = 0, lost = 0, more;
	while (whole + lost < most && fgets(found, sizeof found, reader))
		if (sscanf(found, "lost %d\n", &more) == 1)
			lost += more;
		else
			whole += strncmp(found, line, sizeof line) == 0;
	CHECK(whole > 0 && lost > 0);
	CHECK_INT(whole + lost, most);
	CHECK_INT(log_queue_backlog(queue).lost_lines, lost);
	fclose(reader);
}

TEST(lines_that_find_no_room_are_lost_whole) {
	int ends[2];
	make_pipe(ends);
	struct log_queue *queue = log_queue_new(ends[1], 4096, tell);
	struct buffer lines, text;
	buffer_init(&lines, QUEUE_BYTES);
	buffer_init(&text, QUEUE_BYTES);
	for (int i = 0; i < 1000; i++)
		buffer_printf(&lines, "line %d\n", i);
	log_queue_add(queue, buffer_slice(&lines));
	uint64_t lost = log_queue_backlog(queue).lost_lines;
	CHECK(lost > 500 && lost < 1000);
	read_lines(ends[0], &text, 1000 - (size_t)lost + 1);
	log_queue_add(queue, SLICE("next\n"));
	CHECK(log_queue_end(queue, PATIENT_MS));
	close(ends[1]);
	read_lines(ends[0], &text, SIZE_MAX);
	char expected[128];
	snprintf(expected, sizeof expected, "\nline %d\nlost %d\nnext\n", 999 - (int)lost, (int)lost);
	buffer_append_byte(&text, '\0');
	CHECK_MENTIONS(text.ptr, expected);
	close(ends[0]);
	buffer_free(&lines);
	buffer_free(&text);
}

TEST(a_broken_pipe_loses_lines_and_ends_nothing) {
	int ends[2];
	make_pipe(ends);
	close(ends[0]);
	struct log_queue *queue = log_queue_new(ends[1], QUEUE_BYTES, tell);
	log_queue_add(queue, SLICE("one\ntwo\n"));
	while (log_queue_backlog(queue).lost_lines < 2)
		sched_yield();
	CHECK(log_queue_end(queue, PATIENT_MS));
	close(ends[1]);
}

struct author {
	pthread_t thread;
	struct log_queue *queue;
	int number;
};

enum { AUTHORS = 4, LINES = 5000 };

static void *write_lines(void *owner) {
	struct author *author = owner;
	char line[32];
	for (int i = 0; i < LINES; i++) {
		int len = snprintf(line, sizeof line, "%d %d\n", author->number, i);
		log_queue_add(author->queue, slice_of(line, (size_t)len));
	}
	return NULL;
}

TEST(lines_of_many_threads_come_whole_and_in_their_order) {
	int ends[2];
	int next[AUTHORS] = {0};
	struct author authors[AUTHORS];
	make_pipe(ends);
	struct log_queue *queue = log_queue_new(ends[1], 1 << 20, tell);
	for (int i = 0; i < AUTHORS; i++) {
		authors[i] = (struct author){.queue = queue, .number = i};
		pthread_create(&authors[i].thread, NULL, write_lines, &authors[i]);
	}
	FILE *reader = fdopen(ends[0], "r");
	char line[64];
	for (int i = 0; i < AUTHORS * LINES && fgets(line, sizeof line, reader); i++) {
		int number = -1, place = -1;
		CHECK_INT(sscanf(line, "%d %d\n", &number, &place), 2);
		if (number < 0 || number >= AUTHORS)
			break;
		CHECK_INT(place, next[number]++);
	}
	for (int i = 0; i < AUTHORS; i++) {
		pthread_join(authors[i].thread, NULL);
		CHECK_INT(next[i], LINES);
	}
	CHECK_INT(log_queue_backlog(queue).lost_lines, 0);
	CHECK(log_queue_end(queue, PATIENT_MS));
	fclose(reader);
	close(ends[1]);
}

TEST(stderr_is_written_through_the_queue_and_directly) {
	int ends[2];
	int before = dup(STDERR_FILENO);
	struct buffer text;
	make_pipe(ends);
	buffer_init(&text, QUEUE_BYTES);
	dup2(ends[1], STDERR_FILENO);
	log_entry(LOG_INFO, "first");
	CHECK_INT(log_queue_begin(), 0);
	log_entry(LOG_INFO, "second");
	log_queue_finish();
	log_entry(LOG_INFO, "third");
	CHECK_INT(log_backlog().lost_lines, 0);
	dup2(before, STDERR_FILENO);
	close(ends[1]);
	close(before);
	read_lines(ends[0], &text, SIZE_MAX);
	buffer_append_byte(&text, '\0');
	char *second = strstr(text.ptr, " info second\n"), *third = strstr(text.ptr, " info third\n");
	CHECK_MENTIONS(text.ptr, " info first\n");
	CHECK(second && third && second < third);
	close(ends[0]);
	buffer_free(&text);
}

int main(void) {
	signal(SIGPIPE, SIG_IGN);
	RUN(a_pipe_that_nobody_reads_stops_nobody);
	RUN(lines_that_find_no_room_are_lost_whole);
	RUN(a_broken_pipe_loses_lines_and_ends_nothing);
	RUN(lines_of_many_threads_come_whole_and_in_their_order);
	RUN(stderr_is_written_through_the_queue_and_directly);
	return check_summary();
}
