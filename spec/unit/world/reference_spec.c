// SPDX-License-Identifier: Apache-2.0
// The README of the room names every key of a scenario.
#include "../reference.h"
#include "world/scenario.h"

TEST(the_page_names_every_key) {
	char *text = reference_read("src/world/README.md");
	reference_check(text, scenario_keys());
	reference_check(text, scenario_fault_keys());
	free(text);
}

int main(void) {
	RUN(the_page_names_every_key);
	return check_summary();
}
