// SPDX-License-Identifier: Apache-2.0
// The file watch over real folders: each way in which a file can change is told, and others' changes aren't. A loop
// runs until it is told, or until a guard says that nothing came.
#include "net/watch.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../check.h"

enum { GUARD_MS = 20000, QUIET_MS = 400 };

static int left_open = -1;

struct scene {
	char folder[64];
	struct loop *loop;
	struct watch *watch;
	struct timer guard;
	int told;
};

static const char *path_of(const struct scene *scene, const char *name) {
	static char paths[4][256];
	static int next;
	char *path = paths[next++ % 4];
	snprintf(path, sizeof paths[0], "%s/%s", scene->folder, name);
	return path;
}

static void write_file(const struct scene *scene, const char *name) {
	FILE *file = fopen(path_of(scene, name), "w");
	if (!file)
		abort();
	fputs("text", file);
	fclose(file);
}

static void must(int status) {
	if (status)
		abort();
}

static void on_change(void *owner) {
	struct scene *scene = owner;
	scene->told++;
	loop_stop(scene->loop);
}

static void on_guard(void *owner) {
	struct scene *scene = owner;
	loop_stop(scene->loop);
}

static void run(struct scene *scene, uint64_t guard_ms) {
	scene->told = 0;
	timer_start(&scene->guard, guard_ms);
	loop_run(scene->loop);
	timer_stop(&scene->guard);
}

static void open_scene(struct scene *scene) {
	*scene = (struct scene){.folder = "/tmp/watch-spec-XXXXXX", .loop = loop_new()};
	if (!mkdtemp(scene->folder))
		abort();
	timer_init(&scene->guard, scene->loop, on_guard, scene);
	scene->watch = watch_new(scene->loop, on_change, scene);
	must(mkdir(path_of(scene, "here"), 0700));
	must(mkdir(path_of(scene, "there"), 0700));
	write_file(scene, "here/p.lua");
	write_file(scene, "there/p.lua");
	must(link(path_of(scene, "here/p.lua"), path_of(scene, "there/hard.lua")));
	must(symlink("here", path_of(scene, "now")));
	must(symlink(path_of(scene, "here"), path_of(scene, "absolute")));
	must(symlink("../here/p.lua", path_of(scene, "there/link.lua")));
}

static void close_scene(struct scene *scene) {
	char command[128];
	if (left_open >= 0)
		must(close(left_open));
	left_open = -1;
	watch_close(scene->watch);
	loop_close(scene->loop);
	snprintf(command, sizeof command, "rm -r %s", scene->folder);
	must(system(command));
}

static void write_it(struct scene *scene) {
	write_file(scene, "here/p.lua");
}

static void replace_it(struct scene *scene) {
	write_file(scene, "here/p.lua~");
	must(rename(path_of(scene, "here/p.lua~"), path_of(scene, "here/p.lua")));
}

static void remove_it(struct scene *scene) {
	must(unlink(path_of(scene, "here/p.lua")));
}

static void touch_it(struct scene *scene) {
	must(chmod(path_of(scene, "here/p.lua"), 0600));
}

static void move_its_folder(struct scene *scene) {
	must(rename(path_of(scene, "here"), path_of(scene, "gone")));
}

static void turn_the_link(struct scene *scene) {
	must(symlink("there", path_of(scene, "next")));
	must(rename(path_of(scene, "next"), path_of(scene, "now")));
}

static void write_another(struct scene *scene) {
	write_file(scene, "here/q.lua");
	must(unlink(path_of(scene, "here/q.lua")));
}

// As by another mount of the same file: nothing happens in the folder that is watched.
static void write_it_elsewhere(struct scene *scene) {
	write_file(scene, "there/hard.lua");
}

static void write_it_without_an_end(struct scene *scene) {
	left_open = open(path_of(scene, "here/p.lua"), O_WRONLY | O_APPEND);
	must(write(left_open, "more", 4) != 4);
}

static void write_the_new_file(struct scene *scene) {
	write_file(scene, "here/new.lua");
}

static void make_the_new_folder(struct scene *scene) {
	must(mkdir(path_of(scene, "new"), 0700));
	must(mkdir(path_of(scene, "new/deep"), 0700));
	write_file(scene, "new/deep/p.lua");
}

static const struct {
	const char *watched;
	void (*change)(struct scene *scene);
	bool told;
} rows[] = {
    {"here/p.lua", write_it, true},
    {"here/p.lua", replace_it, true},
    {"here/p.lua", remove_it, true},
    {"here/p.lua", touch_it, true},
    {"here/p.lua", write_it_elsewhere, true},
    {"here/p.lua", write_it_without_an_end, true},
    {"now/p.lua", write_it_without_an_end, true},
    {"here/p.lua", move_its_folder, true},
    {"here/p.lua", turn_the_link, false},
    {"here/p.lua", write_another, false},
    {"now/p.lua", write_it, true},
    {"now/p.lua", turn_the_link, true},
    {"absolute/p.lua", write_it, true},
    {"there/link.lua", write_it, true},
    {"there/link.lua", replace_it, true},
    {"there/../now/./p.lua", turn_the_link, true},
    {"here/new.lua", write_the_new_file, true},
    {"here/new.lua", write_it, false},
    {"new/deep/p.lua", make_the_new_folder, true},
    {"there/p.lua", write_it, false},
};

TEST(each_kind_of_change_is_told) {
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct scene scene;
		open_scene(&scene);
		const char *const paths[] = {path_of(&scene, rows[i].watched), NULL};
		CHECK_INT(watch_files(scene.watch, paths), 0);
		rows[i].change(&scene);
		run(&scene, rows[i].told ? GUARD_MS : QUIET_MS);
		CHECK_INT(scene.told, rows[i].told);
		if (check_failures_in_test)
			printf("  in row %zu: %s\n", i, rows[i].watched);
		close_scene(&scene);
	}
}

TEST(it_goes_on_after_each_change) {
	static void (*const changes[])(struct scene *) = {remove_it, write_it,   replace_it,     write_it,
	                                                  remove_it, replace_it, move_its_folder};
	struct scene scene;
	open_scene(&scene);
	const char *const paths[] = {path_of(&scene, "here/p.lua"), NULL};
	watch_files(scene.watch, paths);
	for (size_t i = 0; i < sizeof changes / sizeof *changes; i++) {
		changes[i](&scene);
		run(&scene, GUARD_MS);
		CHECK_INT(scene.told, 1);
	}
	// Another folder of that name.
	must(mkdir(path_of(&scene, "here"), 0700));
	write_it(&scene);
	run(&scene, GUARD_MS);
	CHECK_INT(scene.told, 1);
	write_it(&scene);
	run(&scene, GUARD_MS);
	CHECK_INT(scene.told, 1);
	close_scene(&scene);
}

TEST(a_burst_is_told_once) {
	struct scene scene;
	open_scene(&scene);
	const char *const paths[] = {path_of(&scene, "here/p.lua"), path_of(&scene, "there/p.lua"), NULL};
	watch_files(scene.watch, paths);
	for (int i = 0; i < 50; i++) {
		replace_it(&scene);
		write_file(&scene, "there/p.lua");
	}
	run(&scene, GUARD_MS);
	CHECK_INT(scene.told, 1);
	run(&scene, QUIET_MS);
	CHECK_INT(scene.told, 0);
	close_scene(&scene);
}

TEST(other_files_may_be_watched_instead) {
	struct scene scene;
	open_scene(&scene);
	const char *const first[] = {path_of(&scene, "here/p.lua"), NULL};
	const char *const second[] = {path_of(&scene, "there/p.lua"), NULL};
	const char *const none[] = {NULL};
	watch_files(scene.watch, first);
	watch_files(scene.watch, second);
	write_it(&scene);
	run(&scene, QUIET_MS);
	CHECK_INT(scene.told, 0);
	write_file(&scene, "there/p.lua");
	run(&scene, GUARD_MS);
	CHECK_INT(scene.told, 1);
	watch_files(scene.watch, none);
	write_file(&scene, "there/p.lua");
	run(&scene, QUIET_MS);
	CHECK_INT(scene.told, 0);
	close_scene(&scene);
}

TEST(ways_that_lead_nowhere_end) {
	struct scene scene;
	char long_path[8192];
	open_scene(&scene);
	must(symlink("loop", path_of(&scene, "loop")));
	memset(long_path, 'x', sizeof long_path);
	long_path[sizeof long_path - 1] = '\0';
	const char *const paths[] = {path_of(&scene, "loop/p.lua"), long_path, "", "/", "/../..", "relative.lua", NULL};
	CHECK_INT(watch_files(scene.watch, paths), 0);
	must(unlink(path_of(&scene, "loop")));
	run(&scene, GUARD_MS);
	CHECK_INT(scene.told, 1);
	close_scene(&scene);
}

int main(void) {
	RUN(each_kind_of_change_is_told);
	RUN(it_goes_on_after_each_change);
	RUN(a_burst_is_told_once);
	RUN(other_files_may_be_watched_instead);
	RUN(ways_that_lead_nowhere_end);
	return check_summary();
}
