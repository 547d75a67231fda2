// SPDX-License-Identifier: Apache-2.0
// A ring of bytes that always ends with a whole line. The thread writes from the ring itself, without the lock: what is
// in the ring is not touched before it is taken out. An empty ring starts anew at its beginning, so a queue that is
// kept up with uses little memory.
#include "gateway/log_queue.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/error.h"
#include "base/memory.h"

enum {
	WRITE_BYTES = 64 * 1024,
	TELL_BYTES = 1024,
	GATHER_MS = 5,           // between writes: one wakeup and one write for all lines of that time
	PROCESS_BYTES = 4 << 20, // 25 000 lines of the access log
	PROCESS_END_MS = 1000,
};

enum writer_state { WRITER_AWAKE, WRITER_GATHERING, WRITER_ASLEEP };

struct log_queue {
	int descriptor;
	size_t capacity;
	log_queue_tell tell;
	pthread_t thread;
	pthread_mutex_t lock; // guards the rest
	pthread_cond_t wake;  // the writer's
	pthread_cond_t ended;
	enum writer_state writer;
	bool is_ending;
	bool has_ended;
	size_t first; // where the oldest byte is
	size_t count; // of bytes in the ring
	uint64_t lost;
	uint64_t untold; // of the lost; while there are any, lines are not taken
	char ring[];
};

static uint64_t count_lines(const char *bytes, size_t len) {
	uint64_t lines = 0;
	for (const char *end = bytes + len; (bytes = memchr(bytes, '\n', (size_t)(end - bytes))) != NULL; bytes++)
		lines++;
	return lines;
}

static void lose_lines(struct log_queue *queue, uint64_t lines) {
	queue->lost += lines;
	queue->untold += lines;
}

static void put_bytes(struct log_queue *queue, const char *bytes, size_t len) {
	if (len == 0)
		return;
	size_t place = (queue->first + queue->count) % queue->capacity;
	size_t until_end = queue->capacity - place;
	size_t part = len < until_end ? len : until_end;
	memcpy(queue->ring + place, bytes, part);
	memcpy(queue->ring, bytes + part, len - part);
	queue->count += len;
}

static void tell_lost(struct log_queue *queue) {
	struct buffer line;
	if (!queue->untold || queue->count > queue->capacity / 2)
		return;
	buffer_init(&line, TELL_BYTES);
	queue->tell(&line, queue->untold);
	queue->untold = 0;
	put_bytes(queue, line.ptr, line.len);
	buffer_free(&line);
}

// The bytes of all whole lines within the first `room` bytes.
static size_t fitting_lines(struct slice lines, size_t room) {
	if (lines.len <= room)
		return lines.len;
	const char *end = memrchr(lines.ptr, '\n', room);
	return end ? (size_t)(end - lines.ptr) + 1 : 0;
}

void log_queue_add(struct log_queue *queue, struct slice lines) {
	if (lines.len == 0)
		return;
	pthread_mutex_lock(&queue->lock);
	tell_lost(queue);
	size_t taken = queue->untold ? 0 : fitting_lines(lines, queue->capacity - queue->count);
	put_bytes(queue, lines.ptr, taken);
	if (taken < lines.len)
		lose_lines(queue, count_lines(lines.ptr + taken, lines.len - taken));
	bool wakes =
	    queue->writer == WRITER_ASLEEP || (queue->writer == WRITER_GATHERING && queue->count > queue->capacity / 4);
	if (wakes)
		queue->writer = WRITER_AWAKE;
	pthread_mutex_unlock(&queue->lock);
	if (wakes)
		pthread_cond_signal(&queue->wake);
}

struct log_backlog log_queue_backlog(struct log_queue *queue) {
	pthread_mutex_lock(&queue->lock);
	struct log_backlog backlog = {queue->count, queue->lost};
	pthread_mutex_unlock(&queue->lock);
	return backlog;
}

static struct timespec in_ms(unsigned ms) {
	struct timespec time;
	clock_gettime(CLOCK_MONOTONIC, &time);
	time.tv_sec += (time_t)(ms / 1000);
	time.tv_nsec += (long)(ms % 1000) * 1000000;
	if (time.tv_nsec >= 1000000000) {
		time.tv_sec++;
		time.tv_nsec -= 1000000000;
	}
	return time;
}

// How much of the bytes was written; 0 if nothing can be written any more.
static size_t write_bytes(int descriptor, const char *bytes, size_t len) {
	for (;;) {
		ssize_t written = write(descriptor, bytes, len);
		if (written > 0)
			return (size_t)written;
		if (written < 0 && errno == EAGAIN)
			poll(&(struct pollfd){.fd = descriptor, .events = POLLOUT}, 1, -1);
		else if (written == 0 || errno != EINTR)
			return 0;
	}
}

// Takes what was written out of the ring; all of it, as lost lines, if nothing can be written.
static void take_out(struct log_queue *queue, size_t written) {
	if (written == 0) {
		size_t until_end = queue->capacity - queue->first;
		size_t part = queue->count < until_end ? queue->count : until_end;
		lose_lines(queue, count_lines(queue->ring + queue->first, part));
		lose_lines(queue, count_lines(queue->ring, queue->count - part));
		written = queue->count;
	}
	queue->count -= written;
	queue->first = queue->count ? (queue->first + written) % queue->capacity : 0;
}

// Returns false when all is written and no more will come. The lock is held before and after.
static bool wait_for_lines(struct log_queue *queue) {
	if (!queue->is_ending) {
		struct timespec end = in_ms(GATHER_MS);
		queue->writer = WRITER_GATHERING;
		while (queue->writer == WRITER_GATHERING &&
		       pthread_cond_timedwait(&queue->wake, &queue->lock, &end) != ETIMEDOUT)
			;
	}
	while (!queue->count && !queue->is_ending) {
		queue->writer = WRITER_ASLEEP;
		pthread_cond_wait(&queue->wake, &queue->lock);
	}
	queue->writer = WRITER_AWAKE;
	return queue->count > 0;
}

static void *run_writer(void *owner) {
	struct log_queue *queue = owner;
	pthread_mutex_lock(&queue->lock);
	while (wait_for_lines(queue)) {
		while (queue->count) {
			size_t until_end = queue->capacity - queue->first;
			size_t part = queue->count < until_end ? queue->count : until_end;
			const char *bytes = queue->ring + queue->first;
			pthread_mutex_unlock(&queue->lock);
			size_t written = write_bytes(queue->descriptor, bytes, part < WRITE_BYTES ? part : WRITE_BYTES);
			pthread_mutex_lock(&queue->lock);
			take_out(queue, written);
			if (written)
				tell_lost(queue);
		}
	}
	queue->has_ended = true;
	pthread_cond_signal(&queue->ended);
	pthread_mutex_unlock(&queue->lock);
	return NULL;
}

static void init_condition(pthread_cond_t *condition) {
	pthread_condattr_t attributes;
	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(condition, &attributes);
	pthread_condattr_destroy(&attributes);
}

static void free_queue(struct log_queue *queue) {
	pthread_cond_destroy(&queue->ended);
	pthread_cond_destroy(&queue->wake);
	pthread_mutex_destroy(&queue->lock);
	free(queue);
}

struct log_queue *log_queue_new(int descriptor, size_t capacity, log_queue_tell tell) {
	struct log_queue *queue = memory_new(1, sizeof *queue + capacity);
	sigset_t all, before;
	*queue = (struct log_queue){.descriptor = descriptor, .capacity = capacity, .tell = tell};
	pthread_mutex_init(&queue->lock, NULL);
	init_condition(&queue->wake);
	init_condition(&queue->ended);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	int rc = pthread_create(&queue->thread, NULL, run_writer, queue);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (rc == 0)
		return queue;
	free_queue(queue);
	return NULL;
}

bool log_queue_end(struct log_queue *queue, unsigned wait_ms) {
	struct timespec end = in_ms(wait_ms);
	int rc = 0;
	pthread_mutex_lock(&queue->lock);
	queue->is_ending = true;
	queue->writer = WRITER_AWAKE;
	pthread_cond_signal(&queue->wake);
	while (!queue->has_ended && rc == 0)
		rc = pthread_cond_timedwait(&queue->ended, &queue->lock, &end);
	bool has_ended = queue->has_ended;
	pthread_mutex_unlock(&queue->lock);
	if (!has_ended) {
		pthread_detach(queue->thread);
		return false;
	}
	pthread_join(queue->thread, NULL);
	free_queue(queue);
	return true;
}

static void add_to_log(void *owner, struct slice lines) {
	log_queue_add(owner, lines);
}

static struct log_backlog backlog_of_log(void *owner) {
	return log_queue_backlog(owner);
}

static void tell_lost_of_log(struct buffer *line, uint64_t lost) {
	const struct log_field fields[] = {LOG_N("lines", lost), LOG_NONE_};
	log_append(line, LOG_WARN, "lines of the log were lost: nobody read them", fields);
}

static struct log_sink log_sink = {.add = add_to_log, .backlog = backlog_of_log};

int log_queue_begin(void) {
	log_sink.owner = log_queue_new(STDERR_FILENO, PROCESS_BYTES, tell_lost_of_log);
	if (!log_sink.owner)
		return ERROR_LIMIT;
	log_set_sink(&log_sink);
	return 0;
}

void log_queue_finish(void) {
	if (log_sink.owner && log_queue_end(log_sink.owner, PROCESS_END_MS)) {
		log_set_sink(NULL);
		log_sink.owner = NULL;
	}
}
