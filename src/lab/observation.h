// SPDX-License-Identifier: Apache-2.0
// What one hook did in one case: its decisions, as text for people and as JSON for programs, the resources that they
// used, and its mistakes.
#ifndef LAB_OBSERVATION_H
#define LAB_OBSERVATION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"
#include "lab/driver.h"
#include "sandbox/call.h"

enum decided_by {
	DECIDED_BY_NOBODY, // the decision was not needed
	DECIDED_BY_DEFAULT,
	DECIDED_BY_POLICY,
	DECIDED_BY_ON_ERROR, // the hook failed, and the policy refuses the request then
};

struct observation {
	const char *hook; // static
	char *case_name;
	enum decided_by decided_by;
	struct buffer words; // the text
	struct buffer json;  // an object
	size_t decisions;
	size_t calls;               // of the hook
	uint64_t instructions;      // maximum of the calls
	size_t peak_bytes;          // of the VM
	uint64_t cpu_ns;            // minimum of the decisions, which has the least noise; 0 if none was timed
	size_t mistakes;            // calls that did not end well
	struct call_report mistake; // the first of them
	// Of `select`: how often it chose each model, by index, and how often none.
	size_t *chosen;
	size_t model_count;
	size_t none;
	struct buffer options, options_json; // of the first selection
	char *reason;
};

void observation_init(struct observation *observation, const char *hook, const char *case_name, size_t model_count);
void observation_free(struct observation *observation);

// Adds the decision's use of resources, and its mistake. `exactly`: the VM counted each instruction, which takes time;
// such a decision isn't timed.
void observation_count(struct observation *observation, const struct driver_decision *decision, bool exactly);

// Adds the decision itself: the first one gives the text, of `select` all are counted.
void observation_note(struct observation *observation, const struct driver_decision *decision);

// Makes the text say why the decision was not needed. `last` is the request's last step.
void observation_note_unasked(struct observation *observation, const struct step *last);

// Completes text and JSON; no decision is added later.
void observation_close(struct observation *observation, const struct pool *pool);

#endif
