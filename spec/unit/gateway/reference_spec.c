// SPDX-License-Identifier: Apache-2.0
// The page of the room names every key of the settings.
#include "../reference.h"
#include "gateway/settings.h"

TEST(the_page_names_every_key) {
	char *text = reference_read("src/gateway/README.md");
	reference_check(text, settings_keys);
	free(text);
}

int main(void) {
	RUN(the_page_names_every_key);
	return check_summary();
}
