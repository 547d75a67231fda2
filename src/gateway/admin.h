// SPDX-License-Identifier: Apache-2.0
// The admin listener: health, statistics, breakers and the policy to look at, and the operator's commands on them. Runs
// on one worker's loop; reads and changes models only through route/state.h.
#ifndef GATEWAY_ADMIN_H
#define GATEWAY_ADMIN_H

#include <stdatomic.h>
#include <stdbool.h>

#include "base/buffer.h"
#include "config/report.h"
#include "gateway/reload.h"
#include "http/server.h"
#include "mux/mux.h"
#include "net/loop.h"
#include "route/observer.h"

// An answer to an admin request; `body` is JSON.
struct admin_response {
	int status;
	const char *allow; // the methods of a path that was asked with another one; else NULL
	struct buffer body;
	bool is_reload; // the answer is what comes of `order`, later
	struct mux_reload_order order;
};

// Answers one request about the pool; pure but for the commands it carries out on the models' states, of which it tells
// the observers, and for what it is asked of the policy, where there is a `mux`.
void admin_respond(struct mux *mux, const struct pool *pool, const struct observers *observers, bool is_draining,
                   const struct server_request *request, struct report_time time, struct admin_response *response);

struct admin {
	struct loop *loop;
	struct mux *mux;
	const struct observers *observers;
	struct reload *reload;
	struct server *server;
	const atomic_bool *is_draining; // the gateway's
};

// Makes the server, which listens to nothing yet: see admin->server. All is borrowed for the admin's life.
void admin_init(struct admin *admin, struct loop *loop, struct mux *mux, const struct observers *observers,
                struct reload *reload, const atomic_bool *is_draining, const struct server_timeouts *timeouts);
// Breaks what is open and stops listening; twice is fine.
void admin_close(struct admin *admin);

#endif
