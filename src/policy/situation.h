// SPDX-License-Identifier: Apache-2.0
// The situations that policies are rehearsed in: how the models stand, what is asked, and what becomes of it.
#ifndef POLICY_SITUATION_H
#define POLICY_SITUATION_H

#include "policy/scenery.h"
#include "policy/specimen.h"
#include "policy/stage.h"

// Whose decisions a situation is about. What goes wrong in other hooks meanwhile is noted all the same.
enum situation_hooks {
	ABOUT_SELECT = 1,
	ABOUT_CLASSIFY = 2,
	ABOUT_ACCEPT = 4,
	ABOUT_PREPARE = 8,
	ABOUT_FINISH = 16,
	ABOUT_TICK = 32,
};

struct situation {
	const char *name; // NULL ends the list
	unsigned about;   // enum situation_hooks
	enum scenery scenery;
	enum specimen_kind request;
	uint32_t occasion; // of the hook's calls in a request, the one that it is about; 0 is the first
	struct course course;
	uint32_t ticks; // seconds that go by before the request; for policies that have the hook
	bool is_brief;  // few takes tell as much as many
};

extern const struct situation situations[];

#endif
