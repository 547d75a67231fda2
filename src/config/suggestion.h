// SPDX-License-Identifier: Apache-2.0
// What a person can do about a failed request, in words, by the kind of the failure.
#ifndef CONFIG_SUGGESTION_H
#define CONFIG_SUGGESTION_H

#include "base/error.h"

// Sentences, the most promising first; ended by NULL, never empty. They live for ever.
const char *const *suggestion_list(enum error_type type);

#endif
