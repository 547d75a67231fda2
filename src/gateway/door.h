// SPDX-License-Identifier: Apache-2.0
// A worker's data listeners: requests come in, go to the engine or are answered here, and each leaves one access line.
// Belongs to its loop's thread.
#ifndef GATEWAY_DOOR_H
#define GATEWAY_DOOR_H

#include <stdbool.h>

#include "base/buffer.h"
#include "base/list.h"
#include "base/memory_meter.h"
#include "base/random.h"
#include "gateway/access.h"
#include "gateway/heading.h"
#include "gateway/surface.h"
#include "mux/mux.h"
#include "mux/request_id.h"
#include "net/loop.h"
#include "net/server.h"

struct door {
	struct loop *loop;
	struct mux *mux;
	struct mux_worker *worker;
	struct server *server;
	const char *instance; // our id in x-signalbox-hop; outlives the door
	bool access_log;
	struct access_log access;
	bool is_draining;
	bool is_stopping;
	struct list replies;         // all that are under way
	struct memory_meter *memory; // what requests and answers hold
	struct random_source random;
	struct buffer model_id;
	struct buffer body;
	struct heading heading;
	char refusal_id[REQUEST_ID_BYTES];
};

struct door_settings {
	const char *instance;
	bool access_log;
	struct memory_meter *memory; // shared by the doors; NULL for none
	struct server_limits limits;
	struct server_timeouts timeouts;
};

// Makes the server, which listens to nothing yet: see door->server.
void door_init(struct door *door, struct loop *loop, struct mux *mux, struct mux_worker *worker,
               const struct door_settings *settings);

// Accepts nobody new and calls back when every connection has ended; requests on open ones are still served.
void door_drain(struct door *door, loop_callback on_drained, void *owner);

// Ends every request that is under way: streams with an exception frame, others with an error. What comes later is
// refused.
void door_stop(struct door *door);

// Breaks what is open (their requests are cancelled) and stops listening. door_free may follow; twice is fine.
void door_close(struct door *door);
void door_free(struct door *door);

// Answers in the service's form, with the headers of section "surface" of the documents. The call is over.
void door_answer_error(struct door *door, struct server_call *call, const struct mux_error *error,
                       struct slice request_id, struct slice model, uint32_t attempts, uint64_t *bytes_out);

#endif
