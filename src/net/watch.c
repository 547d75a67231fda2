// SPDX-License-Identifier: Apache-2.0
// A path is walked from the root: each component is a name in a directory, and any of them may be moved or be a
// symbolic link that starts another walk. So what is watched is a set of (directory, name), and after each change it is
// made anew. Directories tell of names that come, go and change hands, files of their bytes: who writes to another file
// beside ours, as to a log, wakes nobody.
#include "net/watch.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "base/error.h"
#include "base/memory.h"
#include "net/loop_uv.h"

enum { QUIET_MS = 100, LONGEST_MS = 1000, LINKS_MAX = 40, PLACES_MAX = 4096, EVENTS_BYTES = 4096 };

#define DIRECTORY_EVENTS (IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | IN_ATTRIB | IN_ONLYDIR)
// A file that is mounted alone has no directory that tells of it.
#define FILE_EVENTS (IN_MODIFY | IN_ATTRIB)

// A directory that is watched for some names, or a file.
struct place {
	int descriptor; // the kernel's, of which two places may have the same; -1 for none
	bool is_file;
	char *path;   // without a slash at its end, but for the root
	char **names; // none of a file
	size_t name_count;
};

// What the kernel tells of all places; freed by libuv's closing.
struct teller {
	uv_poll_t uv;
	struct watch *watch;
	int descriptor;
};

struct watch {
	struct loop *loop;
	loop_callback on_change;
	void *owner;
	struct timer timer;
	uint64_t burst_ms; // when the first change of the burst came; 0 between bursts
	char **paths;
	size_t path_count;
	struct teller *teller; // NULL before the first path, and where the system has no room for it
	struct place *places;
	size_t place_count;
	bool is_limited;
};

static void on_teller_closed(uv_handle_t *handle) {
	free(handle->data);
}

static void free_places(struct place *places, size_t count) {
	for (size_t i = 0; i < count; i++) {
		for (size_t n = 0; n < places[i].name_count; n++)
			free(places[i].names[n]);
		free(places[i].names);
		free(places[i].path);
	}
	free(places);
}

static bool has_name(const struct place *place, const char *name) {
	for (size_t i = 0; i < place->name_count; i++)
		if (strcmp(place->names[i], name) == 0)
			return true;
	return false;
}

static void note_change(struct watch *watch) {
	uint64_t now_ms = loop_now_ms(watch->loop);
	if (!watch->burst_ms)
		watch->burst_ms = now_ms;
	uint64_t end_ms = watch->burst_ms + LONGEST_MS;
	uint64_t left_ms = end_ms > now_ms ? end_ms - now_ms : 0;
	timer_start(&watch->timer, left_ms < QUIET_MS ? left_ms : QUIET_MS);
}

// Whether what the kernel tells may be of one of our paths.
static bool matters(const struct watch *watch, const struct inotify_event *event) {
	if (event->mask & IN_Q_OVERFLOW)
		return true;
	for (size_t i = 0; i < watch->place_count; i++) {
		const struct place *place = &watch->places[i];
		bool is_named = event->len && has_name(place, event->name);
		if (place->descriptor == event->wd && (place->is_file ? event->len == 0 : is_named))
			return true;
	}
	return false;
}

// One read at a time: who changes files without a pause must not keep the loop from its sockets.
static void on_told(uv_poll_t *uv, int status, int events) {
	struct teller *teller = uv->data;
	_Alignas(struct inotify_event) char bytes[EVENTS_BYTES];
	ssize_t count = status == 0 ? read(teller->descriptor, bytes, sizeof bytes) : 0;
	(void)events;
	for (size_t at = 0; count > 0 && at < (size_t)count;) {
		const struct inotify_event *event = (const void *)(bytes + at);
		if (matters(teller->watch, event))
			note_change(teller->watch);
		at += sizeof *event + event->len;
	}
}

static void open_teller(struct watch *watch) {
	int descriptor = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	if (descriptor < 0) {
		watch->is_limited = true;
		return;
	}
	struct teller *teller = memory_new(1, sizeof *teller);
	if (uv_poll_init(loop_uv(watch->loop), &teller->uv, descriptor)) {
		watch->is_limited = true;
		close(descriptor);
		free(teller);
		return;
	}
	teller->watch = watch;
	teller->descriptor = descriptor;
	teller->uv.data = teller;
	uv_unref((uv_handle_t *)&teller->uv);
	uv_poll_start(&teller->uv, UV_READABLE, on_told);
	watch->teller = teller;
}

// The place of that path, made where there is none; NULL where there is no room for it.
static struct place *place_of(struct watch *watch, const char *path, bool is_file) {
	for (size_t i = 0; i < watch->place_count; i++)
		if (watch->places[i].is_file == is_file && strcmp(watch->places[i].path, path) == 0)
			return &watch->places[i];
	if (watch->place_count == PLACES_MAX || !watch->teller) {
		watch->is_limited = true;
		return NULL;
	}
	// What two paths lead to is watched once, for what either wants.
	uint32_t events = IN_MASK_ADD | (is_file ? FILE_EVENTS : DIRECTORY_EVENTS);
	int descriptor = inotify_add_watch(watch->teller->descriptor, path, events);
	if (descriptor < 0 && (errno == ENOSPC || errno == ENOMEM))
		watch->is_limited = true;
	watch->places = memory_resize(watch->places, watch->place_count + 1, sizeof *watch->places);
	struct place *place = &watch->places[watch->place_count++];
	*place = (struct place){.descriptor = descriptor, .is_file = is_file, .path = memory_string(slice_from(path))};
	return place;
}

static void add_name(struct watch *watch, const char *directory, const char *name) {
	struct place *place = place_of(watch, directory, false);
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

// Adds every (directory, name) on the way to an absolute path, and the file at its end.
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
	place_of(watch, directory, true);
}

static bool has_descriptor(const struct watch *watch, int descriptor) {
	for (size_t i = 0; i < watch->place_count; i++)
		if (watch->places[i].descriptor == descriptor)
			return true;
	return false;
}

// What was watched before and is not any more is given up one by one: closing all at once makes the kernel wait for
// every reader of its lists, which takes tens of milliseconds.
static void look_anew(struct watch *watch) {
	struct place *before = watch->places;
	size_t count = watch->place_count;
	watch->places = NULL;
	watch->place_count = 0;
	watch->is_limited = false;
	if (watch->path_count && !watch->teller)
		open_teller(watch);
	for (size_t i = 0; i < watch->path_count; i++)
		add_way(watch, watch->paths[i]);
	for (size_t i = 0; i < count; i++)
		if (before[i].descriptor >= 0 && !has_descriptor(watch, before[i].descriptor))
			inotify_rm_watch(watch->teller->descriptor, before[i].descriptor);
	free_places(before, count);
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
	if (watch->teller) {
		uv_close((uv_handle_t *)&watch->teller->uv, on_teller_closed);
		close(watch->teller->descriptor);
	}
	free_places(watch->places, watch->place_count);
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
