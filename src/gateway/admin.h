// SPDX-License-Identifier: Apache-2.0
// The admin listener: reports health, statistics, breakers and the policy, and takes the operator's commands. Runs on
// one worker's loop; reads and changes models only through route/state.h.
#ifndef GATEWAY_ADMIN_H
#define GATEWAY_ADMIN_H

#include <stdatomic.h>
#include <stdbool.h>

#include "base/buffer.h"
#include "config/report.h"
#include "gateway/reload.h"
#include "gateway/request_routes.h"
#include "http/server.h"
#include "mux/mux.h"
#include "net/loop.h"
#include "route/observer.h"

// The response to an admin request; `body` is JSON.
struct admin_response {
	int status;
	const char *allow; // with 405: the methods that the path takes; else NULL
	struct buffer body;
	bool is_reload; // `order` has to be carried out first; its result is the response
	struct mux_reload_order order;
};

// Fills `response` for one request about the pool. Pure, except that commands change the models' states and notify the
// observers, and that a policy report reads `mux` (NULL: the report is empty).
void admin_respond(struct mux *mux, const struct pool *pool, const struct observers *observers, bool is_draining,
                   const struct request_hosts *hosts, const struct server_request *request, struct report_time time,
                   struct admin_response *response);

struct admin {
	struct request_hosts hosts;
	struct loop *loop;
	struct mux *mux;
	const struct observers *observers;
	struct reload *reload;
	struct server *server;
	const atomic_bool *is_draining; // the gateway's
};

// Creates admin->server, without a listener yet. Everything is borrowed for the admin's life.
void admin_init(struct admin *admin, struct loop *loop, struct mux *mux, const struct observers *observers,
                struct reload *reload, const atomic_bool *is_draining, const struct address_list *allowed_hosts,
                const struct server_timeouts *timeouts);
// Breaks open connections and stops listening. A second call does nothing.
void admin_close(struct admin *admin);

#endif
