// SPDX-License-Identifier: Apache-2.0
// A word at the start about files that others may read or write, though they hold credentials or decide where requests
// go. It keeps nobody from starting: who the others are is the operator's to know.
#ifndef GATEWAY_FILE_EXPOSURE_H
#define GATEWAY_FILE_EXPOSURE_H

#include <stdbool.h>
#include <sys/stat.h>

#include "gateway/settings.h"

// Whether others than its owner may read the file. Its group may where that is how this process reads it: the process
// has the group and isn't the owner.
bool file_exposure_is_readable(const struct stat *file, uid_t user, gid_t group);

// Whether others than its owner may write the file; of a folder: replace the files in it. Root's group and this
// process's own may.
bool file_exposure_is_writable(const struct stat *file, gid_t group);

// Logs a warning for the settings file, if it holds credentials and others may read it, and for the policy's file and
// its folder, if others may write them.
void file_exposure_warn(const struct settings *settings);

#endif
