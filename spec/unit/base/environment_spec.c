// SPDX-License-Identifier: Apache-2.0
#include "../check.h"
#include "../variables.h"

#include <stdlib.h>

TEST(trims_white_space) {
	const struct variable variables[] = {
	    {"PLAIN", "a b"}, {"SPACED", " \t\r\n a b\r\n"}, {"BLANK", " \n"}, {"EMPTY", ""}, {NULL, NULL}};
	struct environment environment = environment_of(variables);
	CHECK_SLICE(environment_get(&environment, "PLAIN"), SLICE("a b"));
	CHECK_SLICE(environment_get(&environment, "SPACED"), SLICE("a b"));
	CHECK_INT(environment_get(&environment, "BLANK").len, 0);
	CHECK_INT(environment_get(&environment, "EMPTY").len, 0);
	CHECK_INT(environment_get(&environment, "NONE").len, 0);
	CHECK_STRING(environment_text(&environment, "BLANK"), " \n");
	CHECK(!environment_text(&environment, "NONE"));
}

TEST(reads_the_environment_of_the_process) {
	setenv("SIGNALBOX_SPEC", "here", 1);
	CHECK_SLICE(environment_get(&environment_of_process, "SIGNALBOX_SPEC"), SLICE("here"));
	unsetenv("SIGNALBOX_SPEC");
	CHECK(!environment_text(&environment_of_process, "SIGNALBOX_SPEC"));
}

int main(void) {
	RUN(trims_white_space);
	RUN(reads_the_environment_of_the_process);
	return check_summary();
}
