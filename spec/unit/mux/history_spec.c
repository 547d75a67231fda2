// SPDX-License-Identifier: Apache-2.0
// The history keeps the running version and the ten before it.
#include "mux/history.h"

#include "../check.h"
#include "sandbox/sources.h"

static void history_add_version(struct history *history, uint64_t number) {
	struct history_entry entry = {.number = number, .sources = sources_new("policy.lua")};
	sources_release(history_add(history, &entry));
}

TEST(an_empty_history_finds_nothing) {
	struct history history = {0};
	CHECK(history_last(&history) == NULL);
	CHECK(history_find(&history, 0) == NULL);
	CHECK(history_find(&history, 1) == NULL);
	history_free(&history);
}

TEST(the_oldest_version_is_dropped_first) {
	struct history history = {0};
	for (uint64_t number = 1; number <= 40; number++) {
		history_add_version(&history, number);
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

TEST(retained_sources_outlive_the_history) {
	struct history history = {0};
	history_add_version(&history, 1);
	struct sources *sources = history_find(&history, 1)->sources;
	sources_retain(sources);
	for (uint64_t number = 2; number <= 20; number++)
		history_add_version(&history, number);
	CHECK_STRING(sources->main_path, "policy.lua");
	CHECK_INT(sources->references, 1);
	sources_release(sources);
	history_free(&history);
}

int main(void) {
	RUN(an_empty_history_finds_nothing);
	RUN(the_oldest_version_is_dropped_first);
	RUN(retained_sources_outlive_the_history);
	return check_summary();
}
