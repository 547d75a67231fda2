// SPDX-License-Identifier: Apache-2.0
// Finds single members in JSON text without building a tree: one pass, no memory, no recursion. Text that is no JSON
// gives "not there", or a value that its reader will not understand; it is never read beyond its end.
#ifndef AWS_JSON_SCAN_H
#define AWS_JSON_SCAN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"

// The raw text of the first member of that name at the top of the object; the name must need no escapes. False where it
// isn't there.
bool json_scan_member(struct slice object, struct slice name, struct slice *value);

// Whole numbers from 0 on; -1 for anything else.
int64_t json_scan_number(struct slice value);

// The inside of a string that has no escapes; empty for anything else.
struct slice json_scan_text(struct slice value);

#endif
