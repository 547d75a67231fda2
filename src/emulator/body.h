// SPDX-License-Identifier: Apache-2.0
// Whole answers, in the shapes of the service's operations and of the models' families.
#ifndef EMULATOR_BODY_H
#define EMULATOR_BODY_H

#include "base/buffer.h"
#include "emulator/generation.h"

// Appends the JSON body that answers Converse, InvokeModel or CountTokens. Check out->failed.
void body_append(const struct generation *generation, struct buffer *out);

// The family's words for why the answer ended.
const char *body_stop_reason(const struct generation *generation);

// Appends what prompt caches did, as members of a usage object: Converse's or Nova's (by the operation), or
// Anthropic's. Nothing where none did.
void body_append_cache(const struct generation *generation, struct buffer *out);
void body_append_anthropic_cache(const struct generation *generation, struct buffer *out);

#endif
