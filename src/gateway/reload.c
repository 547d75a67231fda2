// SPDX-License-Identifier: Apache-2.0
#include "gateway/reload.h"

enum { LOOK_MS = 1000, AGAIN_MS = 100 };

static void on_done(void *owner, const struct mux_reloaded *reloaded);

// One order at a time: what is asked for meanwhile is one more.
static void give_order(void *owner) {
	struct reload *reload = owner;
	if (reload->is_running)
		return;
	struct mux_reload_order order = {.if_changed = !reload->is_asked};
	if (mux_reload(reload->mux, reload->loop, order, on_done, reload)) {
		timer_start(&reload->next, AGAIN_MS);
		return;
	}
	timer_stop(&reload->next);
	reload->is_running = true;
	reload->is_asked = false;
}

static void on_done(void *owner, const struct mux_reloaded *reloaded) {
	struct reload *reload = owner;
	reload->is_running = false;
	timer_start(&reload->next, reload->is_asked ? 0 : reloaded->is_changing ? AGAIN_MS : LOOK_MS);
}

void reload_init(struct reload *reload, struct loop *loop, struct mux *mux) {
	*reload = (struct reload){.loop = loop, .mux = mux};
	timer_init(&reload->next, loop, give_order, reload);
	timer_start(&reload->next, LOOK_MS);
}

void reload_close(struct reload *reload) {
	timer_stop(&reload->next);
}

void reload_now(struct reload *reload) {
	reload->is_asked = true;
	give_order(reload);
}
