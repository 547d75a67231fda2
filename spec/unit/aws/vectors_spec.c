// SPDX-License-Identifier: Apache-2.0
// Runs the vectors in spec/fixtures. Strict: a refused frame must be refused for the listed reason.
#include "../../vectors/bedrock.h"
#include "../../vectors/frames.h"
#include "../../vectors/sigv4.h"
#include "../../vectors/streams.h"
#include "../check.h"

#define FIXTURES "spec/fixtures"

static void check_group(void (*run)(const char *), int least) {
	vectors_passed = vectors_failed = 0;
	vectors_strict = true;
	run(FIXTURES);
	CHECK_INT(vectors_failed, 0);
	CHECK(vectors_passed >= least);
}

TEST(signing) {
	check_group(vectors_sigv4, 42);
}

TEST(frames) {
	check_group(vectors_frames, 67);
}

TEST(streams) {
	check_group(vectors_streams, 57);
}

TEST(bedrock) {
	check_group(vectors_bedrock, 150);
}

int main(void) {
	RUN(signing);
	RUN(frames);
	RUN(streams);
	RUN(bedrock);
	return check_summary();
}
