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

// Write members of Converse's responses: the object `usage`, which Nova has too; `serviceTier`, if there is a tier;
// `metrics`.
void body_write_usage(const struct generation *generation, struct json_writer *json);
void body_write_tier(const struct generation *generation, struct json_writer *json);
void body_write_latency(const struct generation *generation, struct json_writer *json);

// Writes the tokens read from and written to the prompt cache, as members of Anthropic's usage object. Writes nothing
// without such tokens.
void body_write_anthropic_cache(const struct generation *generation, struct json_writer *json);

// Writes the id of Anthropic's message.
void body_write_anthropic_id(const struct generation *generation, struct json_writer *json);

#endif
