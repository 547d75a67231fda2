// SPDX-License-Identifier: Apache-2.0
// Checks for unit specs. A spec is a program: TEST(name) { ... CHECK...; } functions run from main by RUN(name), closed
// by `return check_summary();`. A failed check prints file, line and both values, and the test goes on.
#ifndef SPEC_CHECK_H
#define SPEC_CHECK_H

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/slice.h"

// The thread sanitizer makes Lua slow, and loses track of its stack at each of Lua's long jumps.
#ifdef __SANITIZE_THREAD__
enum { IS_THREAD_SANITIZED = true, IS_SANITIZED = true };
#elif defined __SANITIZE_ADDRESS__
enum { IS_THREAD_SANITIZED = false, IS_SANITIZED = true };
#else
enum { IS_THREAD_SANITIZED = false, IS_SANITIZED = false };
#endif

static int check_failures_in_test;
static int check_passed, check_failed;

static inline void check_report(const char *file, int line, const char *what) {
	check_failures_in_test++;
	printf("%s:%d: %s\n", file, line, what);
}

#define CHECK(condition)                                                                                               \
	do {                                                                                                               \
		if (!(condition))                                                                                              \
			check_report(__FILE__, __LINE__, "not true: " #condition);                                                 \
	} while (0)

static inline void check_int(const char *file, int line, const char *what, int64_t found, int64_t expected) {
	if (found == expected)
		return;
	check_report(file, line, what);
	printf("  found %" PRId64 ", expected %" PRId64 "\n", found, expected);
}
#define CHECK_INT(found, expected) check_int(__FILE__, __LINE__, #found, (int64_t)(found), (int64_t)(expected))

static inline void check_slice(const char *file, int line, const char *what, struct slice found,
                               struct slice expected) {
	if (slice_equal(found, expected))
		return;
	check_report(file, line, what);
	printf("  found    \"%.*s\"\n  expected \"%.*s\"\n", SLICE_ARGS(found), SLICE_ARGS(expected));
}
#define CHECK_SLICE(found, expected) check_slice(__FILE__, __LINE__, #found, (found), (expected))
#define CHECK_STRING(found, expected) CHECK_SLICE(slice_from(found), slice_from(expected))

static inline void check_near(const char *file, int line, const char *what, double found, double expected, double by) {
	double difference = found > expected ? found - expected : expected - found;
	if (difference <= by)
		return;
	check_report(file, line, what);
	printf("  found %g, expected %g within %g\n", found, expected, by);
}
#define CHECK_NEAR(found, expected, by) check_near(__FILE__, __LINE__, #found, (found), (expected), (by))

static inline void check_mentions(const char *file, int line, const char *text, const char *part) {
	if (strstr(text, part))
		return;
	check_report(file, line, part);
	printf("  is not in \"%s\"\n", text);
}
#define CHECK_MENTIONS(text, part) check_mentions(__FILE__, __LINE__, text, part)

// Whether the text could be shown to a client as it is.
static inline bool check_is_sentence(const char *text) {
	size_t length = strlen(text);
	return length > 1 && text[0] >= 'A' && text[0] <= 'Z' && text[length - 1] == '.';
}

#define TEST(name) static void name(void)

static inline void check_run(const char *name, void (*test)(void)) {
	check_failures_in_test = 0;
	test();
	if (check_failures_in_test) {
		check_failed++;
		printf("FAILED %s\n", name);
	} else {
		check_passed++;
	}
}
#define RUN(name) check_run(#name, name)

// Prints "N passed, N failed"; the exit status for main.
static inline int check_summary(void) {
	printf("%d passed, %d failed\n", check_passed, check_failed);
	return check_failed ? 1 : 0;
}

#endif
