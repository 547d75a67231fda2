// SPDX-License-Identifier: Apache-2.0
// Work on large bodies, done in slices on a worker's loop, so that nobody else waits for it: one slice in each turn of
// the loop, of one piece of work after the other.
#ifndef MUX_SLICE_QUEUE_H
#define MUX_SLICE_QUEUE_H

#include <stdbool.h>

#include "base/list.h"
#include "net/loop.h"

// Smaller bodies are worked on at once. A slice takes at most a millisecond: 6 ns a byte in the worst case.
enum { SLICED_BYTES_MIN = 256 << 10, SLICE_BYTES = 128 << 10 };

struct slice_queue {
	struct loop *loop;
	struct list works;
	bool is_posted; // its next turn
};

// Embedded in its owner.
struct sliced_work {
	struct list link;
	// Does one slice. True if there is more; after false the work is out of the queue, and its memory may be gone.
	bool (*step)(void *owner);
	void *owner;
};

void slice_queue_init(struct slice_queue *queue, struct loop *loop);

void sliced_work_init(struct sliced_work *work, bool (*step)(void *owner), void *owner);
// Begins in a later turn.
void slice_queue_add(struct slice_queue *queue, struct sliced_work *work);
// Gives it up; does nothing if it is in no queue.
void slice_queue_remove(struct sliced_work *work);

#endif
