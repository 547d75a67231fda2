// SPDX-License-Identifier: Apache-2.0
// The control path: changes how models behave while the emulator runs, and reports what became of the requests.
//
//   POST /_emulator/models/{id}   {"fault": NAME | {"exception": NAME, "after": EVENTS} | null, "share", "after",
//                                  "retry_after_ms", "latency_ms", "tokens_per_second", "refusal_share"}
//   POST /_emulator/models/*      the same for all models
//   POST /_emulator/reset         back to the scenario; counters and quotas restart
//   GET  /_emulator/requests      the counters
//
// Members that a change leaves out stay as they were; "fault": null means no fault at all, not even the scenario's own.
#ifndef EMULATOR_CONTROL_H
#define EMULATOR_CONTROL_H

#include <stdbool.h>

#include "emulator/emulator_state.h"

// Whether the path is one of the control path.
bool control_owns(struct slice path);

// Responds to a request on it. Refuses on a listener that isn't a loopback one, and refuses web pages. The call is
// over.
void control_respond(struct emulator *emulator, struct server_call *call, const struct server_request *request);

#endif
