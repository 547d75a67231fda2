// SPDX-License-Identifier: Apache-2.0
// Invariant: a path is in `bound_list` as long as a descriptor of this process listens there; its file is removed
// together with that entry only.
#include "net/bind_unix.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/memory.h"

struct bound {
	struct bound *next;
	char *path;
	int descriptor; // the list's own; listeners have duplicates
	size_t count;
};

static pthread_mutex_t bound_lock = PTHREAD_MUTEX_INITIALIZER; // guards the list
static struct bound *bound_list;

static struct bound **bound_find(const char *path) {
	struct bound **place = &bound_list;
	while (*place && strcmp((*place)->path, path) != 0)
		place = &(*place)->next;
	return place;
}

// 0 when the path is free, after removing a socket on which no process listens.
static int remove_dead_socket(const struct sockaddr_un *name) {
	struct stat status;
	if (lstat(name->sun_path, &status))
		return errno == ENOENT ? 0 : errno;
	if (!S_ISSOCK(status.st_mode))
		return ENOTSOCK;
	int descriptor = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (descriptor < 0)
		return errno;
	int failure = connect(descriptor, (const struct sockaddr *)name, sizeof *name) ? errno : 0;
	close(descriptor);
	// A full queue (EAGAIN) or another user's file (EACCES) doesn't show that the socket is dead.
	if (failure == ECONNREFUSED)
		return unlink(name->sun_path) && errno != ENOENT ? errno : 0;
	return failure == ENOENT ? 0 : failure == EACCES ? EACCES : EADDRINUSE;
}

static int bind_fresh(const char *path, int *descriptor) {
	struct sockaddr_un name = {.sun_family = AF_UNIX};
	size_t len = strlen(path);
	if (len == 0)
		return EINVAL;
	if (len >= sizeof name.sun_path)
		return ENAMETOOLONG;
	memcpy(name.sun_path, path, len);
	int failure = remove_dead_socket(&name);
	if (failure)
		return failure;
	*descriptor = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (*descriptor < 0)
		return errno;
	// fchmod before bind: the file has that mode from the start, while umask would concern the whole process.
	// Listening begins at once, since until then the file looks like that of a dead process.
	if (fchmod(*descriptor, 0600) || bind(*descriptor, (const struct sockaddr *)&name, sizeof name) ||
	    listen(*descriptor, SOMAXCONN)) {
		failure = errno;
		close(*descriptor);
	}
	return failure;
}

static void bound_release(struct bound **place) {
	struct bound *bound = *place;
	if (--bound->count > 0)
		return;
	unlink(bound->path);
	close(bound->descriptor);
	*place = bound->next;
	free(bound->path);
	free(bound);
}

static int bind_locked(const char *path, bool shared, int *descriptor) {
	struct bound **place = bound_find(path);
	if (*place && !shared)
		return EADDRINUSE;
	if (!*place) {
		int own;
		int failure = bind_fresh(path, &own);
		if (failure)
			return failure;
		*place = memory_new(1, sizeof **place);
		**place = (struct bound){.path = memory_string(slice_from(path)), .descriptor = own};
	}
	(*place)->count++;
	*descriptor = fcntl((*place)->descriptor, F_DUPFD_CLOEXEC, 0);
	if (*descriptor >= 0)
		return 0;
	int failure = errno;
	bound_release(place);
	return failure;
}

int bind_unix(const char *path, bool shared, int *descriptor) {
	pthread_mutex_lock(&bound_lock);
	int failure = bind_locked(path, shared, descriptor);
	pthread_mutex_unlock(&bound_lock);
	return failure;
}

void bind_unix_close(int descriptor, const char *path) {
	pthread_mutex_lock(&bound_lock);
	struct bound **place = bound_find(path);
	if (*place)
		bound_release(place);
	pthread_mutex_unlock(&bound_lock);
	close(descriptor);
}
