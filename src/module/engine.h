// SPDX-License-Identifier: Apache-2.0
// One mux with a loop and a worker of its own, on the host's thread. The loop runs only while a call waits; nothing on
// it keeps the host from ending.
#ifndef MODULE_ENGINE_H
#define MODULE_ENGINE_H

#include <stdbool.h>

#include "base/document.h"
#include "base/environment.h"
#include "base/error.h"
#include "base/list.h"
#include "base/problem.h"
#include "base/random.h"
#include "mux/engine_options.h"
#include "mux/mux.h"
#include "net/loop.h"

// The name of the options' table in messages.
#define OPTIONS_NAME "signalbox.new"

struct engine {
	struct engine_options options;
	struct credentials_sources sources;
	struct mux *mux;
	struct loop *loop;
	struct mux_worker *worker;
	struct random_source random;
	struct timer turn; // ends a turn of the loop
	struct list calls; // that have not been stopped
	bool woken;
};

// Creates an engine from the table that signalbox.new takes (config/engine_options.h). 0; or a status, with every
// mistake of the table, or else of the policy, in `problems`.
int engine_new(const struct document *document, const struct environment *environment, struct problems *problems,
               struct engine **engine);
// Its calls must have been stopped. NULL is allowed.
void engine_free(struct engine *engine);

// Runs the loop until engine_wake. False if the loop stopped because it had nothing left to do.
bool engine_run(struct engine *engine);
// Ends engine_run.
void engine_wake(struct engine *engine);

// Runs one turn of the loop without waiting: it updates the time, notices connections that the other side closed since
// the last turn, and completes what is being closed.
void engine_turn(struct engine *engine);

#endif
