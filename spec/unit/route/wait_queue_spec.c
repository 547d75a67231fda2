// SPDX-License-Identifier: Apache-2.0
// Waiters are woken in the order of arrival: tables of (who joins, until when), the time, and who is woken.
#include "../check.h"

#include "route/wait_queue.h"

enum { GUESTS = 6 };

struct guest {
	struct waiter waiter;
	struct table *table;
	char name;
	uint64_t rejoin_ms;   // joins again until then; 0 leaves
	struct guest *invite; // joins during this one's `wake`
	struct guest *expel;  // leaves during this one's `wake`
};

struct table {
	struct wait_queue waiting;
	struct guest guests[GUESTS];
	char woken[64];
};

static void guest_on_wake(void *owner) {
	struct guest *guest = owner;
	size_t length = strlen(guest->table->woken);
	guest->table->woken[length] = guest->name;
	guest->table->woken[length + 1] = '\0';
	if (guest->invite)
		wait_queue_join(&guest->table->waiting, &guest->invite->waiter, guest->invite->rejoin_ms);
	if (guest->expel)
		wait_queue_leave(&guest->expel->waiter);
	if (guest->rejoin_ms)
		wait_queue_join(&guest->table->waiting, &guest->waiter, guest->rejoin_ms);
	else
		wait_queue_leave(&guest->waiter);
}

static void init_table(struct table *table) {
	*table = (struct table){0};
	wait_queue_init(&table->waiting);
	for (int i = 0; i < GUESTS; i++) {
		struct guest *guest = &table->guests[i];
		guest->table = table;
		guest->name = (char)('a' + i);
		waiter_init(&guest->waiter, (uint64_t)i, guest_on_wake, guest);
	}
}

static void join_guest(struct table *table, int guest, uint64_t wake_ms) {
	wait_queue_join(&table->waiting, &table->guests[guest].waiter, wake_ms);
}

static const char *wake_guests(struct table *table, uint64_t now_ms) {
	table->woken[0] = '\0';
	wait_queue_wake(&table->waiting, now_ms);
	return table->woken;
}

TEST(the_oldest_is_woken_first_whatever_the_times_are) {
	static const struct {
		uint64_t times[GUESTS]; // 0: doesn't wait
		uint64_t now_ms;
		const char *woken;
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
		init_table(&table);
		for (int i = 0; i < GUESTS; i++)
			if (rows[row].times[i])
				join_guest(&table, i, rows[row].times[i]);
		CHECK_STRING(wake_guests(&table, rows[row].now_ms), rows[row].woken);
		CHECK_INT(table.waiting.woken, strlen(rows[row].woken));
		CHECK_INT(wait_queue_next_ms(&table.waiting), rows[row].next_ms);
		CHECK_INT(wait_queue_is_empty(&table.waiting), rows[row].next_ms == UINT64_MAX);
	}
}

TEST(arrival_counts_not_the_order_of_joining) {
	struct table table;
	init_table(&table);
	static const int order[] = {3, 0, 5, 1, 4, 2};
	for (int i = 0; i < GUESTS; i++)
		join_guest(&table, order[i], 10);
	CHECK_STRING(wake_guests(&table, 10), "abcdef");
}

TEST(a_waiter_that_joins_again_keeps_its_place) {
	struct table table;
	init_table(&table);
	table.guests[0].rejoin_ms = 50;
	table.guests[1].rejoin_ms = 60;
	for (int i = 0; i < 3; i++)
		join_guest(&table, i, 10);
	CHECK_STRING(wake_guests(&table, 10), "abc");
	CHECK_INT(wait_queue_next_ms(&table.waiting), 50);
	join_guest(&table, 3, 40);
	CHECK_STRING(wake_guests(&table, 40), "abd");
	join_guest(&table, 1, 20);
	CHECK_STRING(wake_guests(&table, 20), "ab");
}

TEST(waiters_may_join_and_leave_meanwhile) {
	struct table table;
	init_table(&table);
	table.guests[0].invite = &table.guests[1];
	table.guests[1].rejoin_ms = 70;
	table.guests[2].expel = &table.guests[3];
	join_guest(&table, 0, 10);
	join_guest(&table, 2, 10);
	join_guest(&table, 3, 10);
	join_guest(&table, 4, 10);
	CHECK_STRING(wake_guests(&table, 10), "ace"); // b waits for its own time
	CHECK_INT(wait_queue_next_ms(&table.waiting), 70);
	// A younger waiter that joins during a `wake` waits for the next call.
	table.guests[1].rejoin_ms = 0;
	table.guests[1].invite = &table.guests[5];
	table.guests[5].rejoin_ms = 60;
	CHECK_STRING(wake_guests(&table, 70), "b");
	CHECK_INT(wait_queue_next_ms(&table.waiting), 60);
}

TEST(a_waiter_may_remove_itself_and_its_neighbours) {
	struct table table;
	init_table(&table);
	for (int i = 0; i < GUESTS; i++)
		join_guest(&table, i, 10);
	table.guests[1].expel = &table.guests[0];
	table.guests[2].expel = &table.guests[2];
	table.guests[3].expel = &table.guests[5];
	table.guests[0].rejoin_ms = 10;
	CHECK_STRING(wake_guests(&table, 10), "abcde");
	CHECK(wait_queue_is_empty(&table.waiting));
	wait_queue_leave(&table.guests[0].waiter);
}

int main(void) {
	RUN(the_oldest_is_woken_first_whatever_the_times_are);
	RUN(arrival_counts_not_the_order_of_joining);
	RUN(a_waiter_that_joins_again_keeps_its_place);
	RUN(waiters_may_join_and_leave_meanwhile);
	RUN(a_waiter_may_remove_itself_and_its_neighbours);
	return check_summary();
}
