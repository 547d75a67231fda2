// SPDX-License-Identifier: Apache-2.0
// sources_look over real folders: it notices every way in which a file can change, ignores other files, and waits for a
// file that is still being written. No time passes; only looks count.
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../check.h"
#include "base/slice.h"
#include "sandbox/sources.h"

enum { LOOKS_MAX = 10 };

static int left_open = -1;

struct folder {
	char path[64];
	struct sources *sources;
};

static const char *path_of(const struct folder *folder, const char *name) {
	static char paths[4][256];
	static int next;
	char *path = paths[next++ % 4];
	snprintf(path, sizeof paths[0], "%s/%s", folder->path, name);
	return path;
}

static void write_text(const struct folder *folder, const char *name, const char *text) {
	FILE *file = fopen(path_of(folder, name), "w");
	if (!file)
		abort();
	fputs(text, file);
	fclose(file);
}

// Each time a text of another length: the clock of a file system may stand still for milliseconds.
static void write_file(const struct folder *folder, const char *name) {
	static int number;
	char text[64];
	snprintf(text, sizeof text, "%*d", 10 + number % 50, number);
	number++;
	write_text(folder, name, text);
}

static void must(int status) {
	if (status)
		abort();
}

static void folder_open(struct folder *folder) {
	*folder = (struct folder){.path = "/tmp/look-spec-XXXXXX"};
	if (!mkdtemp(folder->path))
		abort();
	folder->sources = sources_new(NULL);
	must(mkdir(path_of(folder, "here"), 0700));
	must(mkdir(path_of(folder, "there"), 0700));
	write_file(folder, "here/p.lua");
	write_file(folder, "there/p.lua");
	must(link(path_of(folder, "here/p.lua"), path_of(folder, "there/hard.lua")));
	must(symlink("here", path_of(folder, "now")));
	must(symlink(path_of(folder, "here"), path_of(folder, "absolute")));
	must(symlink("../here/p.lua", path_of(folder, "there/link.lua")));
}

static void read_file(struct folder *folder, const char *name) {
	struct source_text text;
	sources_read(folder->sources, path_of(folder, name), &text);
}

static void folder_close(struct folder *folder) {
	char command[128];
	if (left_open >= 0)
		must(close(left_open));
	left_open = -1;
	sources_release(folder->sources);
	snprintf(command, sizeof command, "rm -r %s", folder->path);
	must(system(command));
}

static void rewrite_file(struct folder *folder) {
	write_file(folder, "here/p.lua");
}

static void replace_file(struct folder *folder) {
	write_file(folder, "here/p.lua~");
	must(rename(path_of(folder, "here/p.lua~"), path_of(folder, "here/p.lua")));
}

static void remove_file(struct folder *folder) {
	must(unlink(path_of(folder, "here/p.lua")));
}

static void touch_file(struct folder *folder) {
	must(chmod(path_of(folder, "here/p.lua"), 0600));
}

static void move_folder(struct folder *folder) {
	must(rename(path_of(folder, "here"), path_of(folder, "gone")));
}

static void change_link(struct folder *folder) {
	must(symlink("there", path_of(folder, "next")));
	must(rename(path_of(folder, "next"), path_of(folder, "now")));
}

static void write_other_file(struct folder *folder) {
	write_file(folder, "here/q.lua");
	must(unlink(path_of(folder, "here/q.lua")));
}

// As through another mount: nothing happens in the folder that the file is read from.
static void write_other_link(struct folder *folder) {
	write_file(folder, "there/hard.lua");
}

static void write_and_keep_open(struct folder *folder) {
	left_open = open(path_of(folder, "here/p.lua"), O_WRONLY | O_APPEND);
	must(write(left_open, "more", 4) != 4);
}

static void write_new_file(struct folder *folder) {
	write_file(folder, "here/new.lua");
}

static void make_new_folder(struct folder *folder) {
	must(mkdir(path_of(folder, "new"), 0700));
	must(mkdir(path_of(folder, "new/deep"), 0700));
	write_file(folder, "new/deep/p.lua");
}

static const struct {
	const char *read;
	void (*change)(struct folder *folder);
	bool is_noticed;
} rows[] = {
    {"here/p.lua", rewrite_file, true},        {"here/p.lua", replace_file, true},
    {"here/p.lua", remove_file, true},         {"here/p.lua", touch_file, true},
    {"here/p.lua", write_other_link, true},    {"here/p.lua", write_and_keep_open, true},
    {"now/p.lua", write_and_keep_open, true},  {"here/p.lua", move_folder, true},
    {"here/p.lua", change_link, false},        {"here/p.lua", write_other_file, false},
    {"now/p.lua", rewrite_file, true},         {"now/p.lua", change_link, true},
    {"absolute/p.lua", rewrite_file, true},    {"there/link.lua", rewrite_file, true},
    {"there/link.lua", replace_file, true},    {"there/../now/./p.lua", change_link, true},
    {"here/new.lua", write_new_file, true},    {"here/new.lua", rewrite_file, false},
    {"new/deep/p.lua", make_new_folder, true}, {"there/p.lua", rewrite_file, false},
};

TEST(each_kind_of_change_is_noticed) {
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct folder folder;
		folder_open(&folder);
		read_file(&folder, rows[i].read);
		CHECK_INT(sources_look(folder.sources), SOURCES_SAME);
		rows[i].change(&folder);
		CHECK_INT(sources_look(folder.sources), rows[i].is_noticed ? SOURCES_CHANGING : SOURCES_SAME);
		CHECK_INT(sources_look(folder.sources), rows[i].is_noticed ? SOURCES_CHANGED : SOURCES_SAME);
		CHECK_INT(sources_look(folder.sources), rows[i].is_noticed ? SOURCES_CHANGED : SOURCES_SAME);
		if (check_failures_in_test)
			printf("  in row %zu: %s\n", i, rows[i].read);
		folder_close(&folder);
	}
}

TEST(a_file_that_is_being_written_is_waited_for_but_not_for_ever) {
	struct folder folder;
	folder_open(&folder);
	read_file(&folder, "here/p.lua");
	read_file(&folder, "there/p.lua");
	for (int i = 1; i < LOOKS_MAX; i++) {
		write_file(&folder, i % 2 ? "here/p.lua" : "there/p.lua");
		CHECK_INT(sources_look(folder.sources), SOURCES_CHANGING);
	}
	CHECK_INT(sources_look(folder.sources), SOURCES_CHANGED);
	for (int i = 1; i <= LOOKS_MAX; i++) {
		write_file(&folder, "here/p.lua");
		CHECK_INT(sources_look(folder.sources), i < LOOKS_MAX ? SOURCES_CHANGING : SOURCES_CHANGED);
	}
	folder_close(&folder);
}

TEST(unchanged_bytes_are_compared_once) {
	struct folder folder;
	folder_open(&folder);
	write_text(&folder, "here/p.lua", "text");
	read_file(&folder, "here/p.lua");
	read_file(&folder, "here/none.lua");
	write_text(&folder, "here/other.lua", "text");
	must(rename(path_of(&folder, "here/other.lua"), path_of(&folder, "here/p.lua")));
	sources_look(folder.sources);
	CHECK_INT(sources_look(folder.sources), SOURCES_CHANGED);
	CHECK(sources_are_current(folder.sources));
	CHECK_INT(sources_look(folder.sources), SOURCES_SAME);
	write_text(&folder, "here/p.lua", "other text");
	sources_look(folder.sources);
	CHECK_INT(sources_look(folder.sources), SOURCES_CHANGED);
	CHECK(!sources_are_current(folder.sources));
	CHECK_INT(sources_look(folder.sources), SOURCES_CHANGED);
	folder_close(&folder);
}

TEST(a_file_that_becomes_readable_has_changed) {
	struct folder folder;
	folder_open(&folder);
	must(chmod(path_of(&folder, "here/p.lua"), 0000));
	read_file(&folder, "here/p.lua");
	must(chmod(path_of(&folder, "here/p.lua"), 0600));
	sources_look(folder.sources);
	CHECK_INT(sources_look(folder.sources), SOURCES_CHANGED);
	folder_close(&folder);
}

TEST(unusable_paths_are_no_files) {
	struct folder folder;
	char long_path[8192];
	struct source_text text;
	folder_open(&folder);
	must(symlink("loop", path_of(&folder, "loop")));
	memset(long_path, 'x', sizeof long_path);
	long_path[sizeof long_path - 1] = '\0';
	const char *const paths[] = {path_of(&folder, "loop/p.lua"), long_path, "", "/", "/../..", "relative.lua"};
	for (size_t i = 0; i < sizeof paths / sizeof *paths; i++)
		CHECK(sources_read(folder.sources, paths[i], &text) != 0);
	CHECK_INT(sources_look(folder.sources), SOURCES_SAME);
	must(unlink(path_of(&folder, "loop")));
	must(symlink("here", path_of(&folder, "loop")));
	sources_look(folder.sources);
	CHECK_INT(sources_look(folder.sources), SOURCES_CHANGED);
	folder_close(&folder);
}

int main(void) {
	RUN(each_kind_of_change_is_noticed);
	RUN(a_file_that_is_being_written_is_waited_for_but_not_for_ever);
	RUN(unchanged_bytes_are_compared_once);
	RUN(a_file_that_becomes_readable_has_changed);
	RUN(unusable_paths_are_no_files);
	return check_summary();
}
