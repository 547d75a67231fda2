// SPDX-License-Identifier: Apache-2.0
// Looks at a version's files, over real folders: each way in which a file can change shows, others' changes don't, and
// a file that is being written to is told from one that has been. No time passes: looks are what counts.
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../check.h"
#include "base/slice.h"
#include "sandbox/sources.h"

enum { LOOKS_MAX = 10 };

static int left_open = -1;

struct scene {
	char folder[64];
	struct sources *sources;
};

static const char *path_of(const struct scene *scene, const char *name) {
	static char paths[4][256];
	static int next;
	char *path = paths[next++ % 4];
	snprintf(path, sizeof paths[0], "%s/%s", scene->folder, name);
	return path;
}

static void write_text(const struct scene *scene, const char *name, const char *text) {
	FILE *file = fopen(path_of(scene, name), "w");
	if (!file)
		abort();
	fputs(text, file);
	fclose(file);
}

// Another text each time, of another length: the clock of a file system may stand still for milliseconds.
static void write_file(const struct scene *scene, const char *name) {
	static int number;
	char text[64];
	snprintf(text, sizeof text, "%*d", 10 + number % 50, number);
	number++;
	write_text(scene, name, text);
}

static void must(int status) {
	if (status)
		abort();
}

static void open_scene(struct scene *scene) {
	*scene = (struct scene){.folder = "/tmp/look-spec-XXXXXX"};
	if (!mkdtemp(scene->folder))
		abort();
	scene->sources = sources_new(NULL);
	must(mkdir(path_of(scene, "here"), 0700));
	must(mkdir(path_of(scene, "there"), 0700));
	write_file(scene, "here/p.lua");
	write_file(scene, "there/p.lua");
	must(link(path_of(scene, "here/p.lua"), path_of(scene, "there/hard.lua")));
	must(symlink("here", path_of(scene, "now")));
	must(symlink(path_of(scene, "here"), path_of(scene, "absolute")));
	must(symlink("../here/p.lua", path_of(scene, "there/link.lua")));
}

static void read_file(struct scene *scene, const char *name) {
	struct source_text text;
	sources_read(scene->sources, path_of(scene, name), &text);
}

static void close_scene(struct scene *scene) {
	char command[128];
	if (left_open >= 0)
		must(close(left_open));
	left_open = -1;
	sources_release(scene->sources);
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

// As by another mount of the same file: nothing happens in the folder that it is read from.
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
	const char *read;
	void (*change)(struct scene *scene);
	bool shows;
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

TEST(each_kind_of_change_shows) {
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct scene scene;
		open_scene(&scene);
		read_file(&scene, rows[i].read);
		CHECK_INT(sources_look(scene.sources), SOURCES_SAME);
		rows[i].change(&scene);
		CHECK_INT(sources_look(scene.sources), rows[i].shows ? SOURCES_CHANGING : SOURCES_SAME);
		CHECK_INT(sources_look(scene.sources), rows[i].shows ? SOURCES_CHANGED : SOURCES_SAME);
		CHECK_INT(sources_look(scene.sources), rows[i].shows ? SOURCES_CHANGED : SOURCES_SAME);
		if (check_failures_in_test)
			printf("  in row %zu: %s\n", i, rows[i].read);
		close_scene(&scene);
	}
}

TEST(a_file_that_is_written_to_is_waited_for_but_not_for_ever) {
	struct scene scene;
	open_scene(&scene);
	read_file(&scene, "here/p.lua");
	read_file(&scene, "there/p.lua");
	for (int i = 1; i < LOOKS_MAX; i++) {
		write_file(&scene, i % 2 ? "here/p.lua" : "there/p.lua");
		CHECK_INT(sources_look(scene.sources), SOURCES_CHANGING);
	}
	CHECK_INT(sources_look(scene.sources), SOURCES_CHANGED);
	for (int i = 1; i <= LOOKS_MAX; i++) {
		write_file(&scene, "here/p.lua");
		CHECK_INT(sources_look(scene.sources), i < LOOKS_MAX ? SOURCES_CHANGING : SOURCES_CHANGED);
	}
	close_scene(&scene);
}

TEST(the_same_bytes_are_looked_at_once) {
	struct scene scene;
	open_scene(&scene);
	write_text(&scene, "here/p.lua", "text");
	read_file(&scene, "here/p.lua");
	read_file(&scene, "here/none.lua");
	write_text(&scene, "here/other.lua", "text");
	must(rename(path_of(&scene, "here/other.lua"), path_of(&scene, "here/p.lua")));
	sources_look(scene.sources);
	CHECK_INT(sources_look(scene.sources), SOURCES_CHANGED);
	CHECK(sources_are_current(scene.sources));
	CHECK_INT(sources_look(scene.sources), SOURCES_SAME);
	write_text(&scene, "here/p.lua", "other text");
	sources_look(scene.sources);
	CHECK_INT(sources_look(scene.sources), SOURCES_CHANGED);
	CHECK(!sources_are_current(scene.sources));
	CHECK_INT(sources_look(scene.sources), SOURCES_CHANGED);
	close_scene(&scene);
}

TEST(a_file_that_may_be_read_now_has_changed) {
	struct scene scene;
	open_scene(&scene);
	must(chmod(path_of(&scene, "here/p.lua"), 0000));
	read_file(&scene, "here/p.lua");
	must(chmod(path_of(&scene, "here/p.lua"), 0600));
	sources_look(scene.sources);
	CHECK_INT(sources_look(scene.sources), SOURCES_CHANGED);
	close_scene(&scene);
}

TEST(ways_that_lead_nowhere_are_no_files) {
	struct scene scene;
	char long_path[8192];
	struct source_text text;
	open_scene(&scene);
	must(symlink("loop", path_of(&scene, "loop")));
	memset(long_path, 'x', sizeof long_path);
	long_path[sizeof long_path - 1] = '\0';
	const char *const paths[] = {path_of(&scene, "loop/p.lua"), long_path, "", "/", "/../..", "relative.lua"};
	for (size_t i = 0; i < sizeof paths / sizeof *paths; i++)
		CHECK(sources_read(scene.sources, paths[i], &text) != 0);
	CHECK_INT(sources_look(scene.sources), SOURCES_SAME);
	must(unlink(path_of(&scene, "loop")));
	must(symlink("here", path_of(&scene, "loop")));
	sources_look(scene.sources);
	CHECK_INT(sources_look(scene.sources), SOURCES_CHANGED);
	close_scene(&scene);
}

int main(void) {
	RUN(each_kind_of_change_shows);
	RUN(a_file_that_is_written_to_is_waited_for_but_not_for_ever);
	RUN(the_same_bytes_are_looked_at_once);
	RUN(a_file_that_may_be_read_now_has_changed);
	RUN(ways_that_lead_nowhere_are_no_files);
	return check_summary();
}
