// SPDX-License-Identifier: Apache-2.0
// The control path: changes how models behave while the emulator runs, and tells what became of the requests.
//
//   POST /_emulator/models/{id}   {"fault": NAME | {"exception": NAME, "after": EVENTS} | null, "share", "after",
//                                  "retry_after_ms", "latency_ms", "tokens_per_second", "refusal_share"}
//   POST /_emulator/models/*      the same for all models
//   POST /_emulator/reset         back to the scenario; counters and quotas start anew
//   GET  /_emulator/requests      the counters
//
// What is left out of a change stays as it was; "fault": null means no fault at all, the scenario's own neither.
#ifndef EMULATOR_CONTROL_H
#define EMULATOR_CONTROL_H

#include <stdbool.h>

#include "emulator/emulator_state.h"

// Whether the path is the control path's.
bool control_owns(struct slice path);

// Answers a request on it. Refused where the listener is not a loopback one, and to web pages.
void control_respond(struct emulator *emulator, struct server_call *call, const struct server_request *request);

#endif
