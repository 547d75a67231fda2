// SPDX-License-Identifier: Apache-2.0
// The engine's settings out of the operator's.
#ifndef GATEWAY_ENGINE_H
#define GATEWAY_ENGINE_H

#include "config/credentials_config.h"
#include "gateway/settings.h"
#include "mux/mux.h"

// Borrows from both; on_event is left empty.
struct mux_settings engine_settings(const struct settings *settings, const struct credentials_sources *sources);

#endif
