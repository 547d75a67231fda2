// SPDX-License-Identifier: Apache-2.0
// The engine's settings out of the operator's.
#ifndef GATEWAY_ENGINE_H
#define GATEWAY_ENGINE_H

#include "gateway/settings.h"
#include "mux/identity.h"
#include "mux/mux.h"

// Borrows from both; without observers.
struct mux_settings engine_settings(const struct settings *settings, const struct identity *identity);

#endif
