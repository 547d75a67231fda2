// SPDX-License-Identifier: Apache-2.0
// Complete responses, in the shapes of the service's operations and of the models' families.
#ifndef EMULATOR_BODY_H
#define EMULATOR_BODY_H

#include "base/buffer.h"
#include "base/json_writer.h"
#include "emulator/generation.h"

// Appends the JSON body of a response to Converse, InvokeModel or CountTokens. Check out->failed.
void body_append(const struct generation *generation, struct buffer *out);

// The family's name for the reason why the output ended (static).
const char *body_stop_reason(const struct generation *generation);

// Writes the tokens read from and written to the prompt cache, as members of a usage object: Converse's or Nova's (by
// the operation), or Anthropic's. Writes nothing without such tokens.
void body_write_cache(const struct generation *generation, struct json_writer *json);
void body_write_anthropic_cache(const struct generation *generation, struct json_writer *json);

// Writes the id of Anthropic's message.
void body_write_anthropic_id(const struct generation *generation, struct json_writer *json);

#endif
