// SPDX-License-Identifier: Apache-2.0
// The list itself is made by the build from lua/signalbox/*.lua and the default policy.
#include "policy/embedded.h"

const struct embedded embedded_files[] = {
#include "embedded.inc"
    {NULL, NULL, 0},
};
