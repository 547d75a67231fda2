// SPDX-License-Identifier: Apache-2.0
#include "mux/slice_queue.h"

void slice_queue_init(struct slice_queue *queue, struct loop *loop) {
	*queue = (struct slice_queue){.loop = loop};
	list_init(&queue->works);
}

void sliced_work_init(struct sliced_work *work, bool (*step)(void *owner), void *owner) {
	*work = (struct sliced_work){.step = step, .owner = owner};
	list_init(&work->link);
}

static void slice_queue_on_turn(void *owner);

// A post is run in the next turn, after the events of this one. It can't be taken back, so a turn may find no work.
static void slice_queue_post(struct slice_queue *queue) {
	if (queue->is_posted || list_is_empty(&queue->works))
		return;
	queue->is_posted = true;
	loop_post(queue->loop, slice_queue_on_turn, queue);
}

static void slice_queue_on_turn(void *owner) {
	struct slice_queue *queue = owner;
	queue->is_posted = false;
	if (list_is_empty(&queue->works))
		return;
	struct sliced_work *work = LIST_OWNER(queue->works.next, struct sliced_work, link);
	list_remove(&work->link);
	if (work->step(work->owner))
		list_append(&queue->works, &work->link);
	slice_queue_post(queue);
}

void slice_queue_add(struct slice_queue *queue, struct sliced_work *work) {
	list_append(&queue->works, &work->link);
	slice_queue_post(queue);
}

void slice_queue_remove(struct sliced_work *work) {
	list_remove(&work->link);
}
