// SPDX-License-Identifier: Apache-2.0
// The situations that policies are rehearsed in: how the models stand, what is asked, and what becomes of it.
#ifndef LAB_CASES_H
#define LAB_CASES_H

#include "lab/driver.h"
#include "lab/presets.h"
#include "lab/samples.h"

// Whose decisions a situation is about. What goes wrong in other hooks meanwhile is noted all the same.
enum dry_run_case_hooks {
	ABOUT_SELECT = 1,
	ABOUT_CLASSIFY = 2,
	ABOUT_ACCEPT = 4,
	ABOUT_PREPARE = 8,
	ABOUT_FINISH = 16,
	ABOUT_TICK = 32,
};

struct dry_run_case {
	const char *name; // NULL ends the list
	unsigned about;   // enum dry_run_case_hooks
	enum preset preset;
	enum sample_kind request;
	uint32_t occasion; // of the hook's calls in a request, the one that it is about; 0 is the first
	struct course course;
	uint32_t ticks; // seconds that go by before the request; for policies that have the hook
	bool is_brief;  // few takes tell as much as many
};

extern const struct dry_run_case dry_run_cases[];

#endif
