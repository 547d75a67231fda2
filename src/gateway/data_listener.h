// SPDX-License-Identifier: Apache-2.0
// A worker's data listeners: they pass requests to the engine or respond themselves, and write one access line for
// each. Belongs to its loop's thread.
#ifndef GATEWAY_DATA_LISTENER_H
#define GATEWAY_DATA_LISTENER_H

#include <stdatomic.h>
#include <stdbool.h>

#include "base/buffer.h"
#include "base/list.h"
#include "base/memory.h"
#include "base/random.h"
#include "gateway/access_log.h"
#include "gateway/request_routes.h"
#include "gateway/response_headers.h"
#include "http/server.h"
#include "mux/mux.h"
#include "net/loop.h"

struct data_listener {
	struct loop *loop;
	struct mux *mux;
	struct mux_worker *worker;
	struct server *server;
	const char *instance; // our id in x-signalbox-hop; outlives the listener
	struct request_hosts hosts;
	bool logs_access;
	struct access_log access_log;
	const atomic_bool *is_draining; // the gateway's
	bool is_stopping;
	struct list transactions;    // that are in flight
	struct memory_meter *memory; // charged with what requests and responses hold; NULL for none
	struct random_source random;
	struct buffer model_id;
	struct buffer body;
	struct response_headers response_headers;
	char refusal_id[UUID_BYTES];
};

struct data_listener_settings {
	const char *instance;
	struct request_hosts hosts;
	bool logs_access;
	struct memory_meter *memory;    // shared by the workers; NULL for none
	const atomic_bool *is_draining; // outlives the listener
	struct server_limits limits;
	struct server_timeouts timeouts;
};

// Creates listener->server, which has no address to listen on yet.
void data_listener_init(struct data_listener *listener, struct loop *loop, struct mux *mux, struct mux_worker *worker,
                        const struct data_listener_settings *settings);

// Accepts no new connections and calls back when every open one has ended; requests on those are still served.
void data_listener_drain(struct data_listener *listener, loop_callback on_drained, void *owner);

// Ends every request in flight: streams with an exception frame, others with an error. Later requests are refused.
void data_listener_stop(struct data_listener *listener);

// Breaks open connections, whose requests are cancelled, and stops listening. A second call does nothing.
void data_listener_close(struct data_listener *listener);
void data_listener_free(struct data_listener *listener);

// Responds with an error in the service's form and the headers of response_headers_make_error; `*bytes_out` is the
// length of the body. The call is over.
void data_listener_respond_error(struct data_listener *listener, struct server_call *call,
                                 const struct mux_error *error, struct slice request_id, struct slice model,
                                 uint32_t attempts, uint64_t *bytes_out);

#endif
