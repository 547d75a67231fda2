// SPDX-License-Identifier: Apache-2.0
// Who may read a file with credentials, and who may write a policy or replace it.
#include "gateway/file_exposure.h"

#include "../check.h"

enum { US = 1000, OUR_GROUP = 100, OTHER = 2000 };

TEST(readers_of_a_file) {
	static const struct {
		mode_t mode;
		uid_t user;
		gid_t group;
		bool is_readable;
	} rows[] = {
	    {0600, US, OUR_GROUP, false}, {0400, OTHER, OTHER, false}, {0644, US, OUR_GROUP, true},
	    {0604, US, OUR_GROUP, true},  {0640, US, OUR_GROUP, true}, {0640, 0, OUR_GROUP, false},
	    {0640, 0, OTHER, true},       {0644, 0, OUR_GROUP, true},  {0622, US, OUR_GROUP, false},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct stat file = {.st_mode = S_IFREG | rows[i].mode, .st_uid = rows[i].user, .st_gid = rows[i].group};
		CHECK_INT(file_exposure_is_readable(&file, US, OUR_GROUP), rows[i].is_readable);
	}
}

TEST(writers_of_a_file) {
	static const struct {
		mode_t mode;
		gid_t group;
		bool is_writable;
	} rows[] = {
	    {S_IFREG | 0644, OTHER, false},     {S_IFREG | 0666, OUR_GROUP, true}, {S_IFREG | 0646, 0, true},
	    {S_IFREG | 0664, OUR_GROUP, false}, {S_IFREG | 0664, 0, false},        {S_IFREG | 0664, OTHER, true},
	    {S_IFDIR | 0755, OTHER, false},     {S_IFDIR | 0777, 0, true},         {S_IFDIR | 01777, 0, false},
	    {S_IFDIR | 0775, OTHER, true},      {S_IFREG | 01666, 0, true},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct stat file = {.st_mode = rows[i].mode, .st_gid = rows[i].group};
		CHECK_INT(file_exposure_is_writable(&file, OUR_GROUP), rows[i].is_writable);
	}
}

int main(void) {
	RUN(readers_of_a_file);
	RUN(writers_of_a_file);
	return check_summary();
}
