// SPDX-License-Identifier: Apache-2.0
#include "module/engine.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/problem.h"
#include "config/credentials_config.h"
#include "config/engine_options.h"

static void end_turn(void *owner) {
	engine_wake(owner);
}

int engine_new(const struct document *document, const struct environment *environment, struct problems *problems,
               struct engine **engine) {
	struct engine *made = memory_new(1, sizeof *made);
	struct mux_settings settings = {.options = &made->options, .credentials = &made->sources, .workers = 1};
	list_init(&made->calls);
	random_init_from_system(&made->random);
	*engine = NULL;
	int rc = engine_options_read(OPTIONS_NAME, document, environment, problems, &made->options);
	if (rc)
		goto out;
	rc = credentials_sources_init(&made->sources, &made->options, environment, problems);
	if (rc)
		goto out;
	rc = mux_new(&settings, problems, &made->mux);
	if (rc)
		goto out;
	made->loop = loop_new();
	if (!made->loop) {
		problems_add(problems, OPTIONS_NAME, 0, "", "room for an event loop", strerror(errno));
		rc = ERROR_IO;
		goto out;
	}
	made->worker = mux_worker_new(made->mux, 0, made->loop);
	timer_init(&made->turn, made->loop, end_turn, made);
	*engine = made;
	made = NULL;
out:
	engine_free(made);
	return rc;
}

void engine_free(struct engine *engine) {
	if (!engine)
		return;
	if (engine->worker)
		mux_worker_free(engine->worker);
	if (engine->loop)
		loop_close(engine->loop);
	mux_free(engine->mux);
	credentials_sources_free(&engine->sources);
	engine_options_free(&engine->options);
	free(engine);
}

bool engine_run(struct engine *engine) {
	engine->woken = false;
	loop_run(engine->loop);
	return engine->woken;
}

void engine_wake(struct engine *engine) {
	engine->woken = true;
	loop_stop(engine->loop);
}

void engine_turn(struct engine *engine) {
	timer_start(&engine->turn, 0);
	engine_run(engine);
	timer_stop(&engine->turn);
}
