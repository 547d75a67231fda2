// SPDX-License-Identifier: Apache-2.0
// One mux with a loop and a worker of its own, on the host's thread. The loop runs only while a call waits, and never
// holds anything that could keep the host from ending.
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

// The name of the table in messages.
#define OPTIONS_NAME "signalbox.new"

struct engine {
	struct engine_options options;
	struct credentials_sources sources;
	struct mux *mux;
	struct loop *loop;
	struct mux_worker *worker;
	struct random_source random;
	struct timer turn; // ends a turn of the loop
	struct list calls; // that are not over
	bool woken;
};

// From the table that signalbox.new takes: the options that engines have behind every door. 0; or a status with every
// mistake, of the table and of the policy, in `problems`.
int engine_new(const struct document *document, const struct environment *environment, struct problems *problems,
               struct engine **engine);
// Its calls must have been stopped. NULL is fine.
void engine_free(struct engine *engine);

// Runs the loop until engine_wake. False when it stopped since nothing more can happen.
bool engine_run(struct engine *engine);
void engine_wake(struct engine *engine);

// Lets the loop do what is due without waiting: notice what happened since it last ran (time, connections that the
// other side closed), finish what was being closed.
void engine_turn(struct engine *engine);

#endif
