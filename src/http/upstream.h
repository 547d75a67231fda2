// SPDX-License-Identifier: Apache-2.0
// Internal to the exchange: the endpoints of a worker and the connections to them. A connection is either idle in its
// endpoint's pool or belongs to one exchange.
#ifndef HTTP_UPSTREAM_H
#define HTTP_UPSTREAM_H

#include "base/list.h"
#include "http/exchange.h"
#include "http/head.h"
#include "net/connect.h"
#include "net/handshake_pace.h"
#include "net/loop.h"
#include "net/socket.h"
#include "net/tls.h"

struct spare_head;

struct upstreams {
	struct loop *loop;
	struct upstream_settings settings; // ca_file is a copy, proxy is the connector's
	struct connector *connector;
	struct handshake_pace handshake_pace; // of all endpoints
	struct list endpoints;
	size_t idle;
	size_t busy; // exchanges that hold a connection or are opening one
	struct spare_head *spare_heads;
	size_t spare_head_count;
};

struct upstream {
	struct list link; // in upstreams->endpoints
	struct upstreams *all;
	struct tls_client *tls; // NULL: plain
	char *host;
	uint16_t port;
	struct list idle; // connections, the one idle longest first
	struct timer expiry;
};

struct upstream_connection {
	struct list link; // in upstream->idle, or in no list
	struct upstream *upstream;
	struct socket *socket;
	uint64_t idle_since_ms;
};

// The connection that became idle last, or NULL. The caller sets the socket's owner.
struct upstream_connection *upstream_take_idle(struct upstream *upstream);

// A connection on an open socket, which it owns.
struct upstream_connection *upstream_connection_new(struct upstream *upstream, struct socket *socket);

// Puts it into the pool, where it is closed when anything is received on it, and after pool_idle_ms.
void upstream_connection_keep(struct upstream_connection *connection);

void upstream_connection_close(struct upstream_connection *connection);

// A head for reading a response; upstreams_give_head keeps it for reuse.
struct head *upstreams_take_head(struct upstreams *upstreams);
void upstreams_give_head(struct upstreams *upstreams, struct head *head);

#endif
