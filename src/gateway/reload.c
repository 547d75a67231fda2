// SPDX-License-Identifier: Apache-2.0
#include "gateway/reload.h"

enum {
	CHECK_MS = 1000, // between two checks of the files
	RETRY_MS = 100,  // until the next try, when the engine was busy or a file was just being written
};

static void reload_on_done(void *owner, const struct mux_reloaded *reloaded);

// One order at a time: all signals that arrive meanwhile lead to one more order.
static void start_order(void *owner) {
	struct reload *reload = owner;
	if (reload->is_running)
		return;
	struct mux_reload_order order = {.if_changed = !reload->is_asked};
	if (reload->is_asked) {
		order.also = reload->also;
		order.also_owner = reload->also_owner;
	}
	if (mux_reload(reload->mux, reload->loop, order, reload_on_done, reload)) {
		timer_start(&reload->next, RETRY_MS);
		return;
	}
	timer_stop(&reload->next);
	reload->is_running = true;
	reload->is_asked = false;
}

static void reload_on_done(void *owner, const struct mux_reloaded *reloaded) {
	struct reload *reload = owner;
	reload->is_running = false;
	timer_start(&reload->next, reload->is_asked ? 0 : reloaded->is_changing ? RETRY_MS : CHECK_MS);
}

void reload_init(struct reload *reload, struct loop *loop, struct mux *mux, void (*also)(void *also_owner),
                 void *also_owner) {
	*reload = (struct reload){.loop = loop, .mux = mux, .also = also, .also_owner = also_owner};
	timer_init(&reload->next, loop, start_order, reload);
	timer_start(&reload->next, CHECK_MS);
}

void reload_close(struct reload *reload) {
	timer_stop(&reload->next);
}

void reload_now(struct reload *reload) {
	reload->is_asked = true;
	start_order(reload);
}
