// SPDX-License-Identifier: Apache-2.0
// Lines on their way to a descriptor, written by a thread of their own: a reader that reads slowly or not at all costs
// lines, never the time of those who add them.
#ifndef GATEWAY_LOG_QUEUE_H
#define GATEWAY_LOG_QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/log.h"
#include "base/slice.h"

struct log_queue;

// Appends the line, of at most 1 KiB, that tells how many lines were lost; it may append nothing. Called with the
// queue's lock held.
typedef void (*log_queue_tell)(struct buffer *line, uint64_t lost);

// A queue of at most `capacity` bytes (4 KiB or more), and its thread, which blocks all signals. NULL if the system
// gives no thread.
struct log_queue *log_queue_new(int descriptor, size_t capacity, log_queue_tell tell);

// Adds lines, each with its line end; from any thread. It never waits for the reader. Lines that find no room are lost
// and counted. So are those after them until half of the queue is free, so that the gap is one, and is told in one
// line.
void log_queue_add(struct log_queue *queue, struct slice lines);

// What is not written yet, and what was lost so far.
struct log_backlog log_queue_backlog(struct log_queue *queue);

// Waits until all lines are written, for at most `wait_ms`. Then it frees the queue and returns true; or it returns
// false, and the queue lives on, since its thread is still in a write. No other thread may use the queue meanwhile.
bool log_queue_end(struct log_queue *queue, unsigned wait_ms);

// Puts a queue of 4 MiB between the process's log and stderr. 0, or ERROR_LIMIT if the system gives no thread. Call it
// once, before other threads write lines.
int log_queue_begin(void);
// Writes what waits, for at most a second: a reader that reads nothing must not keep the process from its end. Call it
// when no other thread writes lines any more.
void log_queue_finish(void);

#endif
