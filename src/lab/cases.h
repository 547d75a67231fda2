// SPDX-License-Identifier: Apache-2.0
// The cases of a dry run: the models' states, the request, and how its attempts end.
#ifndef LAB_CASES_H
#define LAB_CASES_H

#include "lab/driver.h"
#include "lab/presets.h"
#include "lab/samples.h"

// The hooks whose decisions a case shows. Mistakes of other hooks are recorded as well.
enum case_hooks {
	ABOUT_SELECT = 1,
	ABOUT_CLASSIFY = 2,
	ABOUT_ACCEPT = 4,
	ABOUT_PREPARE = 8,
	ABOUT_FINISH = 16,
	ABOUT_TICK = 32,
};

struct dry_run_case {
	const char *name; // NULL ends the list
	unsigned about;   // enum case_hooks
	enum preset preset;
	enum sample_kind request;
	uint32_t occasion; // which of the hook's calls in a request the case shows; 0 is the first
	struct course course;
	uint32_t ticks; // seconds before the request; the case is skipped if the policy has no `tick`
	bool is_brief;  // further takes would show nothing new
};

// The table, but for the cases that depend on the policy or the caller: failures, responses, names that a pool serves.
extern const struct dry_run_case dry_run_cases[];

#endif
