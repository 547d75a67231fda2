// SPDX-License-Identifier: Apache-2.0
// What `signalbox check` reports about one file: mistakes, warnings, and what the hooks of a policy do in a dry run.
#ifndef CLI_INSPECTION_H
#define CLI_INSPECTION_H

#include <stdbool.h>

#include "base/buffer.h"
#include "base/error.h"
#include "base/problem.h"
#include "base/json_writer.h"
#include "lab/dry_run.h"

enum inspection_kind { INSPECTION_POLICY, INSPECTION_SETTINGS, INSPECTION_UNKNOWN };

struct inspection {
	const char *path; // borrowed
	// Of settings, all below describes the policy that they name; an unknown file has one problem and no policy.
	enum inspection_kind kind;
	struct problems problems;
	struct problems warnings;
	char *policy; // the path of the loaded policy, or "built-in"; NULL if none was loaded
	size_t model_count;
	const char *refusing[POLICY_HOOKS_MAX]; // the hooks that refuse requests when they fail
	size_t refusing_count;
	struct policy_limits limits;
	struct dry_run dry_run;
};

// Inspects a policy (a file with `models`, or with more keys of policies than of settings), or settings and the policy
// that they name. Fills `inspection`, to be freed with inspection_free.
void inspect_file(const char *path, struct inspection *inspection);
void inspection_free(struct inspection *inspection);

// No mistakes; there may be warnings.
bool inspection_is_sound(const struct inspection *inspection);

// The maximum that one hook used in all cases, and how often it was called.
struct inspection_use {
	size_t cases;
	size_t calls;
	uint64_t instructions;
	size_t peak_bytes;
	uint64_t cpu_ns;
	bool refuses; // requests, when it fails
};
struct inspection_use inspection_use(const struct inspection *inspection, const char *hook);

// For people: mistakes and warnings on stderr, one a line; what the policy does on stdout. `printed` holds the lines on
// stderr of earlier files, which are not printed again; this file's are appended.
void inspection_print(const struct inspection *inspection, struct buffer *printed);

// For programs: one JSON object.
void inspection_write_json(const struct inspection *inspection, struct json_writer *json);

#endif
