// SPDX-License-Identifier: Apache-2.0
// Which versions can be run again: the running one and the ten before it.
#include "mux/history.h"

#include "../check.h"
#include "sandbox/sources.h"

static void add(struct history *history, uint64_t number) {
	struct history_entry entry = {.number = number, .sources = sources_new("policy.lua")};
	sources_release(history_add(history, &entry));
}

TEST(an_empty_one_has_nothing) {
	struct history history = {0};
	CHECK(history_last(&history) == NULL);
	CHECK(history_find(&history, 0) == NULL);
	CHECK(history_find(&history, 1) == NULL);
	history_free(&history);
}

TEST(the_oldest_goes_first) {
	struct history history = {0};
	for (uint64_t number = 1; number <= 40; number++) {
		add(&history, number);
		CHECK_INT(history_last(&history)->number, number);
		CHECK_INT(history.count, number <= HISTORY_BEFORE ? number : HISTORY_BEFORE + 1);
		uint64_t oldest = number > HISTORY_BEFORE ? number - HISTORY_BEFORE : 1;
		for (uint64_t each = 1; each <= number + 1; each++) {
			const struct history_entry *entry = history_find(&history, each);
			CHECK_INT(entry ? entry->number : 0, each >= oldest && each <= number ? each : 0);
		}
	}
	history_free(&history);
	CHECK_INT(history.count, 0);
}

TEST(texts_outlive_it_where_they_are_retained) {
	struct history history = {0};
	add(&history, 1);
	struct sources *sources = history_find(&history, 1)->sources;
	sources_retain(sources);
	for (uint64_t number = 2; number <= 20; number++)
		add(&history, number);
	CHECK_STRING(sources->main_path, "policy.lua");
	CHECK_INT(sources->references, 1);
	sources_release(sources);
	history_free(&history);
}

int main(void) {
	RUN(an_empty_one_has_nothing);
	RUN(the_oldest_goes_first);
	RUN(texts_outlive_it_where_they_are_retained);
	return check_summary();
}
