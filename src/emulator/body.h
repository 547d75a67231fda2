// SPDX-License-Identifier: Apache-2.0
// Whole answers, in the shapes of the service's operations and of the models' families.
#ifndef EMULATOR_BODY_H
#define EMULATOR_BODY_H

#include "base/buffer.h"
#include "emulator/reply.h"

// Appends the JSON body that answers Converse, InvokeModel or CountTokens. Check out->failed.
void body_append(const struct reply *reply, struct buffer *out);

// The family's words for why the answer ended.
const char *body_stop_reason(const struct reply *reply);

#endif
