// SPDX-License-Identifier: Apache-2.0
// The whole gateway: workers with their loops, data listeners and engine; the admin listener; start, drain and end.
#ifndef GATEWAY_GATEWAY_H
#define GATEWAY_GATEWAY_H

#include "base/environment.h"
#include "base/error.h"
#include "base/problem.h"
#include "gateway/settings.h"

struct gateway;

// Loads the policy and listens on every address, so that every mistake is reported before a request is served. 0 and
// *gateway, or a status with every problem added. `settings` is borrowed for the gateway's life. Logs a line
// "listening" with surface, address (for port 0 with the port that the system picked) and scheme for each listener.
// SIGHUP reads the certificate and the policy again; if one fails to load, the old one stays and the log says why.
int gateway_start(const struct settings *settings, const struct environment *environment, struct problems *problems,
                  struct gateway **gateway);

// Checks what can be checked without listening: policy, endpoints, credentials, certificate. 0, or a status with every
// problem added.
int gateway_check(const struct settings *settings, const struct environment *environment, struct problems *problems);

// Serves until SIGTERM or SIGINT. Then it accepts no new connections, waits up to timeouts.drain_ms for requests in
// flight and ends the rest, streams with an exception frame. A second signal ends them at once. Notifies the service
// manager of the start and of the drain.
void gateway_run(struct gateway *gateway);

// Called after gateway_run, or instead of it. NULL is allowed.
void gateway_free(struct gateway *gateway);

#endif
