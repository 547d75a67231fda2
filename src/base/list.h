// SPDX-License-Identifier: Apache-2.0
// An intrusive, circular, doubly linked list: the link is a member of the object. A link that is in no list points to
// itself.
#ifndef BASE_LIST_H
#define BASE_LIST_H

#include <stdbool.h>
#include <stddef.h>

struct list {
	struct list *next;
	struct list *previous;
};

// The object of `type` that contains `link` as its `member`.
#define LIST_OWNER(link, type, member) ((type *)(void *)((char *)(link)-offsetof(type, member)))

static inline void list_init(struct list *list) {
	list->next = list->previous = list;
}

static inline bool list_is_empty(const struct list *list) {
	return list->next == list;
}

static inline void list_append(struct list *list, struct list *link) {
	link->previous = list->previous;
	link->next = list;
	list->previous->next = link;
	list->previous = link;
}

// Does nothing for a link that is in no list.
static inline void list_remove(struct list *link) {
	link->previous->next = link->next;
	link->next->previous = link->previous;
	list_init(link);
}

// Moves all links of `from` to the empty list `to`, in their order.
static inline void list_move_all(struct list *to, struct list *from) {
	if (list_is_empty(from))
		return;
	*to = *from;
	to->next->previous = to->previous->next = to;
	list_init(from);
}

#endif
