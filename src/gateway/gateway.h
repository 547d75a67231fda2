// SPDX-License-Identifier: Apache-2.0
// The whole gateway: workers with their loops, data listeners and engine; the admin listener; start, drain and end.
#ifndef GATEWAY_GATEWAY_H
#define GATEWAY_GATEWAY_H

#include "base/environment.h"
#include "base/error.h"
#include "base/problem.h"
#include "gateway/settings.h"

struct gateway;

// Loads the policy and listens on every address, so that all that can be wrong is told before anything is served. 0 and
// *gateway, or a status with every problem added. `settings` is borrowed for the gateway's life. Logs a line
// "listening" with surface, address (the port that was picked, for port 0) and scheme for each listener. SIGHUP reads
// the certificate and the policy again; one that doesn't load leaves the old one in place, and the log says why.
int gateway_start(const struct settings *settings, const struct environment *environment, struct problems *problems,
                  struct gateway **gateway);

// Whether it would start, as far as can be told without listening: policy, endpoints, credentials. 0, or a status with
// every problem added.
int gateway_check(const struct settings *settings, const struct environment *environment, struct problems *problems);

// Serves until SIGTERM or SIGINT: then nothing new is accepted, requests in flight end within timeouts.drain_ms or are
// ended, streams with an exception frame. A second signal ends them at once. Tells the service manager of both.
void gateway_run(struct gateway *gateway);

// After gateway_run, or instead of it. NULL is fine.
void gateway_free(struct gateway *gateway);

#endif
