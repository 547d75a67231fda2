// SPDX-License-Identifier: Apache-2.0
// What `signalbox check` finds out of one file: mistakes, doubts, and for a policy what its hooks do in a rehearsal.
#ifndef CLI_INSPECTION_H
#define CLI_INSPECTION_H

#include <stdbool.h>

#include "base/buffer.h"
#include "base/error.h"
#include "base/problem.h"
#include "base/json_writer.h"
#include "lab/dry_run.h"

struct inspection {
	const char *path; // borrowed
	bool is_settings; // then all below is about the policy that they name
	struct problems problems;
	struct problems lints;
	char *policy; // the path of what was loaded, or "built-in"; NULL where nothing was
	size_t model_count;
	struct policy_limits limits;
	struct dry_run dry_run;
};

// Inspects a policy (a file with `models`, or with rather a policy's keys than settings') or settings, with the policy
// that they name; to be released with inspection_free.
void inspect(const char *path, struct inspection *inspection);
void inspection_free(struct inspection *inspection);

// Nothing is wrong; there may be doubts.
bool inspection_is_sound(const struct inspection *inspection);

// What one hook used at most in all scenes, and how often it was asked.
struct inspection_use {
	size_t dry_run_cases;
	size_t calls;
	uint64_t instructions;
	size_t peak_bytes;
	uint64_t cpu_ns;
};
struct inspection_use inspection_use(const struct inspection *inspection, const char *hook);

// For people: what is wrong and what is doubtful on stderr, one a line, what the policy does on stdout. `told` has the
// lines on stderr of the files before, which are not told again, and gets this one's.
void inspection_print(const struct inspection *inspection, struct buffer *told);

// For programs: one JSON object.
void inspection_write(const struct inspection *inspection, struct json_writer *json);

#endif
