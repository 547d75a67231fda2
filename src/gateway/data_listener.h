// SPDX-License-Identifier: Apache-2.0
// A worker's data listeners: requests come in, go to the engine or are answered here, and each leaves one access line.
// Belongs to its loop's thread.
#ifndef GATEWAY_DATA_LISTENER_H
#define GATEWAY_DATA_LISTENER_H

#include <stdatomic.h>
#include <stdbool.h>

#include "base/buffer.h"
#include "base/list.h"
#include "base/memory_meter.h"
#include "base/random.h"
#include "base/uuid.h"
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
	const char *instance; // our id in x-signalbox-hop; outlives the door
	bool access_log;
	struct access_log access;
	const atomic_bool *is_draining; // the gateway's
	bool is_stopping;
	struct list replies;         // all that are under way
	struct memory_meter *memory; // what requests and answers hold
	struct random_source random;
	struct buffer model_id;
	struct buffer body;
	struct response_headers response_headers;
	char refusal_id[UUID_BYTES];
};

struct data_listener_settings {
	const char *instance;
	bool access_log;
	struct memory_meter *memory;    // shared by the doors; NULL for none
	const atomic_bool *is_draining; // outlives the door
	struct server_limits limits;
	struct server_timeouts timeouts;
};

// Makes the server, which listens to nothing yet: see door->server.
void data_listener_init(struct data_listener *data_listener, struct loop *loop, struct mux *mux,
                        struct mux_worker *worker, const struct data_listener_settings *settings);

// Accepts nobody new and calls back when every connection has ended; requests on open ones are still served.
void data_listener_drain(struct data_listener *data_listener, loop_callback on_drained, void *owner);

// Ends every request that is under way: streams with an exception frame, others with an error. What comes later is
// refused.
void data_listener_stop(struct data_listener *data_listener);

// Breaks what is open (their requests are cancelled) and stops listening. data_listener_free may follow; twice is fine.
void data_listener_close(struct data_listener *data_listener);
void data_listener_free(struct data_listener *data_listener);

// Answers in the service's form, with the headers of section "surface" of the documents. The call is over.
void data_listener_respond_error(struct data_listener *data_listener, struct server_call *call,
                                 const struct mux_error *error, struct slice request_id, struct slice model,
                                 uint32_t attempts, uint64_t *bytes_out);

#endif
