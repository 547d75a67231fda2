// SPDX-License-Identifier: Apache-2.0
// What a person can do about a failed request, by the kind of the failure, in sentences.
#ifndef CONFIG_SUGGESTION_H
#define CONFIG_SUGGESTION_H

#include "base/error.h"

// The sentences, the most useful first; ended by NULL, at least one. Static.
const char *const *suggestion_list(enum error_type type);

#endif
