// SPDX-License-Identifier: Apache-2.0
// Whole responses, in the shapes of the service's operations and of the models' families.
#ifndef EMULATOR_BODY_H
#define EMULATOR_BODY_H

#include "base/buffer.h"
#include "emulator/generation.h"

// Appends the JSON body of a response to Converse, InvokeModel or CountTokens. Check out->failed.
void body_append(const struct generation *generation, struct buffer *out);

// The family's name for the reason why the output ended (static).
const char *body_stop_reason(const struct generation *generation);

// Appends the token counts of the prompt cache as members of a usage object: Converse's or Nova's (by the operation),
// or Anthropic's. Appends nothing if the cache wasn't used.
void body_append_cache(const struct generation *generation, struct buffer *out);
void body_append_anthropic_cache(const struct generation *generation, struct buffer *out);

#endif
