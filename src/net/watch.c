// SPDX-License-Identifier: Apache-2.0
// A path is walked from the root: each component is a name in a directory, and any of them may be moved or be a
// symbolic link that starts another walk. So what is watched is a set of (directory, name), and after each change it is
// made anew.
#include "net/watch.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/memory.h"
#include "net/loop_uv.h"

enum { QUIET_MS = 100, LONGEST_MS = 1000, LINKS_MAX = 40, PLACES_MAX = 4096 };

// A directory that is watched for some names; freed by libuv's closing.
struct place {
	uv_fs_event_t uv;
	struct watch *watch;
	char *directory; // without a slash at its end, but for the root
	char **names;
	size_t name_count;
};

struct watch {
	struct loop *loop;
	loop_callback on_change;
	void *owner;
	struct timer timer;
	uint64_t burst_ms; // when the first change of the burst came; 0 between bursts
	char **paths;
	size_t path_count;
	struct place **places;
	size_t place_count;
	bool is_limited;
};

static void on_place_closed(uv_handle_t *handle) {
	struct place *place = handle->data;
	for (size_t i = 0; i < place->name_count; i++)
		free(place->names[i]);
	free(place->names);
	free(place->directory);
	free(place);
}

static void close_places(struct watch *watch) {
	for (size_t i = 0; i < watch->place_count; i++)
		uv_close((uv_handle_t *)&watch->places[i]->uv, on_place_closed);
	free(watch->places);
	watch->places = NULL;
	watch->place_count = 0;
}

static bool has_name(const struct place *place, const char *name) {
	for (size_t i = 0; i < place->name_count; i++)
		if (strcmp(place->names[i], name) == 0)
			return true;
	return false;
}

static void on_event(uv_fs_event_t *uv, const char *name, int events, int status) {
	struct place *place = uv->data;
	struct watch *watch = place->watch;
	(void)events;
	if (status == 0 && name && !has_name(place, name))
		return;
	uint64_t now_ms = loop_now_ms(watch->loop);
	if (!watch->burst_ms)
		watch->burst_ms = now_ms;
	uint64_t end_ms = watch->burst_ms + LONGEST_MS;
	uint64_t left_ms = end_ms > now_ms ? end_ms - now_ms : 0;
	timer_start(&watch->timer, left_ms < QUIET_MS ? left_ms : QUIET_MS);
}

// The place of that directory, made where there is none; NULL where the system has no room for it.
static struct place *place_of(struct watch *watch, const char *directory) {
	for (size_t i = 0; i < watch->place_count; i++)
		if (strcmp(watch->places[i]->directory, directory) == 0)
			return watch->places[i];
	if (watch->place_count == PLACES_MAX) {
		watch->is_limited = true;
		return NULL;
	}
	struct place *place = memory_new(1, sizeof *place);
	place->watch = watch;
	place->directory = memory_string(slice_from(directory));
	place->uv.data = place;
	uv_fs_event_init(loop_uv(watch->loop), &place->uv);
	uv_unref((uv_handle_t *)&place->uv);
	int status = uv_fs_event_start(&place->uv, on_event, directory, 0);
	if (status == UV_ENOSPC || status == UV_EMFILE || status == UV_ENFILE || status == UV_ENOMEM)
		watch->is_limited = true;
	watch->places = memory_resize(watch->places, watch->place_count + 1, sizeof(struct place *));
	watch->places[watch->place_count++] = place;
	return place;
}

static void add_name(struct watch *watch, const char *directory, const char *name) {
	struct place *place = place_of(watch, directory);
	if (!place || has_name(place, name))
		return;
	place->names = memory_resize(place->names, place->name_count + 1, sizeof(char *));
	place->names[place->name_count++] = memory_string(slice_from(name));
}

// Goes up one directory, in place; the root is its own parent.
static void go_up(char *directory) {
	char *slash = strrchr(directory, '/');
	slash[slash == directory] = '\0';
}

// What is left of the way once the link at `at` has been followed: its target and the rest behind it. False when it is
// no link, or the way grows too long.
static bool follow_link(const char *at, const char *rest, char way[PATH_MAX]) {
	char target[PATH_MAX], next[PATH_MAX];
	ssize_t length = readlink(at, target, sizeof target - 1);
	if (length <= 0)
		return false;
	target[length] = '\0';
	int written = snprintf(next, sizeof next, "%s%s", target, rest);
	if (written < 0 || (size_t)written >= sizeof next)
		return false;
	memcpy(way, next, (size_t)written + 1);
	return true;
}

// Adds every (directory, name) on the way to an absolute path.
static void add_way(struct watch *watch, const char *path) {
	char way[PATH_MAX], directory[PATH_MAX] = "/", at[PATH_MAX];
	int links = 0;
	snprintf(way, sizeof way, "%s", path);
	for (char *rest = way; *rest;) {
		rest += strspn(rest, "/");
		size_t length = strcspn(rest, "/");
		if (length == 0)
			return;
		char name[NAME_MAX + 1];
		if (length >= sizeof name)
			return;
		memcpy(name, rest, length);
		name[length] = '\0';
		rest += length;
		if (strcmp(name, ".") == 0)
			continue;
		if (strcmp(name, "..") == 0) {
			go_up(directory);
			continue;
		}
		add_name(watch, directory, name);
		int written = snprintf(at, sizeof at, "%s%s%s", directory, directory[1] ? "/" : "", name);
		if (written < 0 || (size_t)written >= sizeof at)
			return;
		if (links < LINKS_MAX && follow_link(at, rest, way)) {
			links++;
			rest = way;
			if (*way == '/')
				directory[1] = '\0';
			continue;
		}
		memcpy(directory, at, (size_t)written + 1);
	}
}

static void look_anew(struct watch *watch) {
	close_places(watch);
	watch->is_limited = false;
	for (size_t i = 0; i < watch->path_count; i++)
		add_way(watch, watch->paths[i]);
}

// The watches come first: whatever changes from here on is another burst, whatever changed before is seen by the owner.
static void on_quiet(void *owner) {
	struct watch *watch = owner;
	watch->burst_ms = 0;
	look_anew(watch);
	watch->on_change(watch->owner);
}

struct watch *watch_new(struct loop *loop, loop_callback on_change, void *owner) {
	struct watch *watch = memory_new(1, sizeof *watch);
	watch->loop = loop;
	watch->on_change = on_change;
	watch->owner = owner;
	timer_init(&watch->timer, loop, on_quiet, watch);
	return watch;
}

static void forget_paths(struct watch *watch) {
	for (size_t i = 0; i < watch->path_count; i++)
		free(watch->paths[i]);
	free(watch->paths);
	watch->paths = NULL;
	watch->path_count = 0;
}

void watch_close(struct watch *watch) {
	if (!watch)
		return;
	timer_stop(&watch->timer);
	close_places(watch);
	forget_paths(watch);
	free(watch);
}

// The path from the root; NULL when it is too long or there is no working directory.
static char *absolute(const char *path) {
	char folder[PATH_MAX] = "", whole[PATH_MAX];
	if (*path != '/' && !getcwd(folder, sizeof folder))
		return NULL;
	int length = snprintf(whole, sizeof whole, "%s/%s", folder, path);
	return length > 0 && (size_t)length < sizeof whole ? memory_string(slice_of(whole, (size_t)length)) : NULL;
}

int watch_files(struct watch *watch, const char *const *paths) {
	size_t count = 0;
	while (paths[count])
		count++;
	forget_paths(watch);
	watch->paths = memory_new(count + 1, sizeof(char *));
	for (size_t i = 0; i < count; i++) {
		char *path = absolute(paths[i]);
		if (path)
			watch->paths[watch->path_count++] = path;
	}
	look_anew(watch);
	return watch->is_limited ? ERROR_LIMIT : 0;
}
