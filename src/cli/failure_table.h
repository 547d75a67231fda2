// SPDX-License-Identifier: Apache-2.0
// The ways in which an attempt can fail, as policies see them: every exception of the service, statuses without a name,
// what becomes of connections and streams, and texts that somebody made up to do harm.
#ifndef CLI_FAILURE_TABLE_H
#define CLI_FAILURE_TABLE_H

#include "lab/dry_run.h"

// Their list and, by *count, their number; to be freed as a whole. What they refer to lives for ever.
struct dry_run_failure *failure_table(size_t *count);

#endif
