// SPDX-License-Identifier: Apache-2.0
// What routing may want to know of an answer's JSON body, in the shapes that Converse and the model families on
// InvokeModel have. Read in place in linear time; what isn't the JSON of a known shape yields nothing, never an error.
#ifndef POLICY_ANSWER_H
#define POLICY_ANSWER_H

#include "base/slice.h"
#include "policy/body.h"

// Borrowed from the body, as they stand in it; empty where absent.
struct answer_facts {
	struct slice stop_reason;
	struct slice tier; // serviceTier.type
};

void answer_read(struct slice body, struct answer_facts *facts);

// Tells the texts that the model wrote, in their order: no reasoning, no tools' input.
void answer_each_text(struct slice body, body_text_callback on_text, void *owner);

#endif
