// SPDX-License-Identifier: Apache-2.0
#include "gateway/reload.h"

#include <string.h>

#include "base/log.h"

enum { AGAIN_MS = 100 };

static void give_order(void *owner);

static bool same_files(char *const *a, char *const *b) {
	while (*a && *b && strcmp(*a, *b) == 0) {
		a++;
		b++;
	}
	return !*a && !*b;
}

void reload_follow(struct reload *reload) {
	if (!reload->watch)
		return;
	char **files = mux_policy_files(reload->mux);
	if (reload->files && same_files(files, reload->files)) {
		mux_free_files(files);
		return;
	}
	if (watch_files(reload->watch, (const char *const *)files) && !reload->is_limited) {
		reload->is_limited = true;
		log_entry(LOG_WARN, "policy not watched", LOG_C("reason", "the system lets no more files be watched"));
	}
	if (reload->files)
		mux_free_files(reload->files);
	reload->files = files;
	// They may have changed between being read and being watched.
	if (*files)
		reload->has_changed = true;
	give_order(reload);
}

static void on_done(void *owner, const struct mux_reloaded *reloaded) {
	struct reload *reload = owner;
	(void)reloaded;
	reload->is_running = false;
	reload_follow(reload);
	give_order(reload);
}

// One order at a time: what is wanted meanwhile is one more.
static void give_order(void *owner) {
	struct reload *reload = owner;
	if (!reload->watch || reload->is_running || !(reload->is_asked || reload->has_changed))
		return;
	struct mux_reload_order order = {.if_changed = !reload->is_asked};
	if (mux_reload(reload->mux, reload->loop, order, on_done, reload)) {
		timer_start(&reload->again, AGAIN_MS);
		return;
	}
	reload->is_running = true;
	reload->is_asked = reload->has_changed = false;
}

static void on_change(void *owner) {
	struct reload *reload = owner;
	reload->has_changed = true;
	give_order(reload);
}

void reload_init(struct reload *reload, struct loop *loop, struct mux *mux) {
	*reload = (struct reload){.loop = loop, .mux = mux};
	timer_init(&reload->again, loop, give_order, reload);
	reload->watch = watch_new(loop, on_change, reload);
	reload_follow(reload);
}

void reload_close(struct reload *reload) {
	if (!reload->watch)
		return;
	timer_stop(&reload->again);
	watch_close(reload->watch);
	reload->watch = NULL;
	if (reload->files)
		mux_free_files(reload->files);
	reload->files = NULL;
}

void reload_now(struct reload *reload) {
	reload->is_asked = true;
	give_order(reload);
}
