// SPDX-License-Identifier: Apache-2.0
#include "gateway/file_exposure.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/log.h"

bool file_exposure_is_readable(const struct stat *file, uid_t user, gid_t group) {
	bool reads_by_group = file->st_uid != user && file->st_gid == group;
	return (file->st_mode & S_IROTH) || (!reads_by_group && (file->st_mode & S_IRGRP));
}

bool file_exposure_is_writable(const struct stat *file, gid_t group) {
	bool group_is_ours = file->st_gid == 0 || file->st_gid == group;
	bool is_sticky = S_ISDIR(file->st_mode) && (file->st_mode & S_ISVTX);
	return !is_sticky && ((file->st_mode & S_IWOTH) || (!group_is_ours && (file->st_mode & S_IWGRP)));
}

static void warn(const char *message, const char *path, const struct stat *file) {
	char mode[8];
	snprintf(mode, sizeof mode, "%04o", (unsigned)(file->st_mode & 07777));
	log_entry(LOG_WARN, message, LOG_C("file", path), LOG_C("mode", mode));
}

static bool has_credentials(const struct settings *settings) {
	const struct credentials_config *own = &settings->engine.credentials;
	return own->access_key_id || own->bearer_token || settings->engine.credential_sets.count > 0;
}

// Volumes of containers are often open to all, but mounted so that nobody writes.
static bool is_read_only(const char *path) {
	struct statvfs mount;
	return statvfs(path, &mount) == 0 && (mount.f_flag & ST_RDONLY);
}

static void warn_of_writers(const char *message, const char *path) {
	struct stat file;
	if (stat(path, &file) == 0 && file_exposure_is_writable(&file, getegid()) && !is_read_only(path))
		warn(message, path, &file);
}

void file_exposure_warn(const struct settings *settings) {
	struct stat file;
	if (settings->file && has_credentials(settings) && stat(settings->file, &file) == 0 &&
	    file_exposure_is_readable(&file, geteuid(), getegid()))
		warn("others may read the settings file, which holds credentials", settings->file, &file);
	char *policy = settings->engine.policy ? realpath(settings->engine.policy, NULL) : NULL;
	if (!policy)
		return;
	warn_of_writers("others may write the policy", policy);
	char *end = strrchr(policy, '/');
	end[end == policy] = '\0';
	warn_of_writers("others may replace the policy: they may write its folder", policy);
	free(policy);
}
