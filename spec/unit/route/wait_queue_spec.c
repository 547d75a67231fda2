// SPDX-License-Identifier: Apache-2.0
// Who waits asks in the order of arrival: tables of (who joins, until when), the moment, and who asks.
#include "../check.h"

#include "route/wait_queue.h"

enum { GUESTS = 6 };

struct guest {
	struct waiter waiter;
	struct table *table;
	char name;
	uint64_t retry_ms;    // joins again until then; 0 leaves
	struct guest *invite; // joins while this one asks
	struct guest *expel;  // leaves while this one asks
};

struct table {
	struct wait_queue waiting;
	struct guest guests[GUESTS];
	char asked[64];
};

static void on_ask(void *owner) {
	struct guest *guest = owner;
	size_t length = strlen(guest->table->asked);
	guest->table->asked[length] = guest->name;
	guest->table->asked[length + 1] = '\0';
	if (guest->invite)
		wait_queue_join(&guest->table->waiting, &guest->invite->waiter, guest->invite->retry_ms);
	if (guest->expel)
		wait_queue_leave(&guest->expel->waiter);
	if (guest->retry_ms)
		wait_queue_join(&guest->table->waiting, &guest->waiter, guest->retry_ms);
	else
		wait_queue_leave(&guest->waiter);
}

static void lay(struct table *table) {
	*table = (struct table){0};
	wait_queue_init(&table->waiting);
	for (int i = 0; i < GUESTS; i++) {
		struct guest *guest = &table->guests[i];
		guest->table = table;
		guest->name = (char)('a' + i);
		waiter_init(&guest->waiter, (uint64_t)i, on_ask, guest);
	}
}

static void join(struct table *table, int guest, uint64_t ask_ms) {
	wait_queue_join(&table->waiting, &table->guests[guest].waiter, ask_ms);
}

static const char *ask(struct table *table, uint64_t now_ms) {
	table->asked[0] = '\0';
	wait_queue_ask(&table->waiting, now_ms);
	return table->asked;
}

TEST(the_oldest_asks_first_whatever_the_times_are) {
	static const struct {
		uint64_t times[GUESTS]; // 0: doesn't wait
		uint64_t now_ms;
		const char *asked;
		uint64_t next_ms; // afterwards
	} rows[] = {
	    {{0}, 100, "", UINT64_MAX},
	    {{100, 100, 100}, 99, "", 100},
	    {{100, 100, 100}, 100, "abc", UINT64_MAX},
	    {{300, 200, 100}, 100, "abc", UINT64_MAX},
	    {{300, 100, 200}, 100, "ab", 200},
	    {{100, 200, 300}, 250, "ab", 300},
	    {{0, 500, 0, 100, 0, 400}, 100, "bd", 400},
	    {{9, 8, 7, 6, 5, 4}, 4, "abcdef", UINT64_MAX},
	};
	for (size_t row = 0; row < sizeof rows / sizeof *rows; row++) {
		struct table table;
		lay(&table);
		for (int i = 0; i < GUESTS; i++)
			if (rows[row].times[i])
				join(&table, i, rows[row].times[i]);
		CHECK_STRING(ask(&table, rows[row].now_ms), rows[row].asked);
		CHECK_INT(table.waiting.asked, strlen(rows[row].asked));
		CHECK_INT(wait_queue_next_ms(&table.waiting), rows[row].next_ms);
		CHECK_INT(wait_queue_is_empty(&table.waiting), rows[row].next_ms == UINT64_MAX);
	}
}

TEST(arrival_counts_not_the_order_of_joining) {
	struct table table;
	lay(&table);
	static const int order[] = {3, 0, 5, 1, 4, 2};
	for (int i = 0; i < GUESTS; i++)
		join(&table, order[i], 10);
	CHECK_STRING(ask(&table, 10), "abcdef");
}

TEST(who_waits_on_keeps_the_place) {
	struct table table;
	lay(&table);
	table.guests[0].retry_ms = 50;
	table.guests[1].retry_ms = 60;
	for (int i = 0; i < 3; i++)
		join(&table, i, 10);
	CHECK_STRING(ask(&table, 10), "abc");
	CHECK_INT(wait_queue_next_ms(&table.waiting), 50);
	join(&table, 3, 40);
	CHECK_STRING(ask(&table, 40), "abd");
	join(&table, 1, 20);
	CHECK_STRING(ask(&table, 20), "ab");
}

TEST(who_joins_and_leaves_meanwhile_is_heeded) {
	struct table table;
	lay(&table);
	table.guests[0].invite = &table.guests[1];
	table.guests[1].retry_ms = 70;
	table.guests[2].expel = &table.guests[3];
	join(&table, 0, 10);
	join(&table, 2, 10);
	join(&table, 3, 10);
	join(&table, 4, 10);
	CHECK_STRING(ask(&table, 10), "ace"); // b waits for its own time
	CHECK_INT(wait_queue_next_ms(&table.waiting), 70);
	// Younger ones that join while others ask wait for the next time.
	table.guests[1].retry_ms = 0;
	table.guests[1].invite = &table.guests[5];
	table.guests[5].retry_ms = 60;
	CHECK_STRING(ask(&table, 70), "b");
	CHECK_INT(wait_queue_next_ms(&table.waiting), 60);
}

TEST(one_may_expel_itself_and_its_neighbours) {
	struct table table;
	lay(&table);
	for (int i = 0; i < GUESTS; i++)
		join(&table, i, 10);
	table.guests[1].expel = &table.guests[0];
	table.guests[2].expel = &table.guests[2];
	table.guests[3].expel = &table.guests[5];
	table.guests[0].retry_ms = 10;
	CHECK_STRING(ask(&table, 10), "abcde");
	CHECK(wait_queue_is_empty(&table.waiting));
	wait_queue_leave(&table.guests[0].waiter);
}

int main(void) {
	RUN(the_oldest_asks_first_whatever_the_times_are);
	RUN(arrival_counts_not_the_order_of_joining);
	RUN(who_waits_on_keeps_the_place);
	RUN(who_joins_and_leaves_meanwhile_is_heeded);
	RUN(one_may_expel_itself_and_its_neighbours);
	return check_summary();
}
