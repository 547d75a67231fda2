// SPDX-License-Identifier: Apache-2.0
// The failures of attempts for dry runs, as policies see them: every exception of the service, throttles in their
// variants, statuses without a name, every failure of the engine, and a hostile text.
#ifndef CLI_FAILURE_TABLE_H
#define CLI_FAILURE_TABLE_H

#include "lab/dry_run.h"

// Returns *count failures, to be freed by free(); their texts are static.
struct dry_run_failure *failure_table(size_t *count);

#endif
