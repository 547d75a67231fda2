// SPDX-License-Identifier: Apache-2.0
// What one hook did in one situation: the decisions that it made there, put into words for people and into JSON for
// programs, what they used, and what went wrong.
#ifndef LAB_OBSERVATION_H
#define LAB_OBSERVATION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"
#include "lab/driver.h"
#include "sandbox/call.h"

enum decided_by {
	DECIDED_BY_NOBODY, // it wasn't asked
	DECIDED_BY_DEFAULT,
	DECIDED_BY_POLICY,
};

struct observation {
	const char *hook; // lives for ever
	char *dry_run_case;
	enum decided_by decided_by;
	struct buffer words;
	struct buffer json; // an object
	size_t decisions;
	size_t calls;               // of the hook
	uint64_t instructions;      // the most that a call took
	size_t peak_bytes;          // the most that the VM held
	uint64_t cpu_ns;            // the least that a decision took, which is the truest; 0 where none was timed
	size_t mistakes;            // calls that went wrong
	struct call_report mistake; // the first of them
	// Of `select`: how often each model was chosen, by index; and none.
	size_t *chosen;
	size_t model_count;
	size_t none;
	struct buffer options, options_json; // of the first selection
	char *reason;
};

void observation_init(struct observation *observation, const char *hook, const char *dry_run_case, size_t model_count);
void observation_free(struct observation *observation);

// Counts what a decision used and what went wrong; `exactly` where instructions were counted one by one, which takes
// time of its own.
void observation_count(struct observation *observation, const struct driver_decision *decision, bool exactly);

// Notes what was decided. The first one is put into words, of selections all are counted.
void observation_note(struct observation *observation, const struct driver_decision *decision);

// Puts it into words why the hook wasn't asked.
void observation_note_unasked(struct observation *observation, const struct step *last);

// No more is noted: what was counted is put into words.
void observation_close(struct observation *observation, const struct pool *pool);

#endif
