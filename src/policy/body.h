// SPDX-License-Identifier: Apache-2.0
// What routing may want to know of a request's JSON body, found by skimming its bytes once: no tree is built, nothing
// is copied, work is linear. A body that isn't the JSON of a known shape yields nothing, never an error.
#ifndef POLICY_BODY_H
#define POLICY_BODY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"

struct body_facts {
	struct slice metadata; // the object `requestMetadata`, as JSON; empty where absent
	int64_t max_tokens;    // inferenceConfig.maxTokens, max_tokens and the like; -1 where absent
	uint64_t input_tokens; // an estimate: a quarter of the bytes of all texts
};

void body_read(struct slice body, struct body_facts *facts);

// Hears a piece of a text, escapes resolved, borrowed for the call; `begins` with the first of each text.
typedef void (*body_text_callback)(void *owner, struct slice piece, bool begins);

// Tells the texts of the body in their order: strings under the keys "text", "content", "prompt" and "inputText".
void body_each_text(struct slice body, body_text_callback on_text, void *owner);

// Tells one text by its JSON string as it stands between the quotes.
void body_tell_text(struct slice raw, body_text_callback on_text, void *owner);

#endif
