// SPDX-License-Identifier: Apache-2.0
// Maps a request's method, path and headers to an operation, to the health page or to a refusal. Pure.
#ifndef GATEWAY_REQUEST_REQUEST_ROUTE_H
#define GATEWAY_REQUEST_REQUEST_ROUTE_H

#include "aws/operation.h"
#include "base/buffer.h"
#include "base/header.h"
#include "config/address.h"
#include "http/server.h"

enum request_route_kind {
	REQUEST_ROUTE_CALL,    // `operation`, on the model in `model_id` if it takes one
	REQUEST_ROUTE_HEALTH,  // GET or HEAD /health
	REQUEST_ROUTE_REFUSED, // `status`, `exception`, `message`
};

struct request_route {
	enum request_route_kind kind;
	enum operation operation; // OPERATION_UNKNOWN if the path names none
	int status;
	const char *exception;
	const char *message;
};

// The hosts that requests may name. A web page can point a name of its own at this machine, and a browser then takes
// the gateway for that page's server; but the name is still in `host`.
struct request_hosts {
	bool are_checked;                  // whether only local hosts and the listed ones are taken
	const struct address_list *listed; // names without a port; borrowed, NULL for none
};

// Fills `route` from a request. `instance` is this gateway's own id in x-signalbox-hop. Appends the decoded model id to
// `model_id`.
void request_routes_read(const struct server_request *request, struct slice instance, const struct request_hosts *hosts,
                         struct buffer *model_id, struct request_route *route);

// Why the request is refused (403) because a browser sent it on behalf of another site, or NULL: its Origin isn't this
// listener by a name of its own, Sec-Fetch-Site says so, or the host is none of ours. A Unix socket has any host.
const char *request_routes_foreign(const struct server_request *request, const struct request_hosts *hosts);

// Whether a client's header is withheld from the upstream and from the policy: credentials, and the hop header, which
// the gateway writes itself.
bool request_routes_withholds(struct slice name);

// Whether the method only reads: GET, and HEAD, which is the same without the response's body.
bool request_routes_is_reading(struct slice method);

// The exception's name, by status, of a request that the server refuses before it is complete.
const char *request_routes_refusal_name(int status);

#define HOP_HEADER SLICE("x-signalbox-hop")

#endif
