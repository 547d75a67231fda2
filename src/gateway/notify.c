// SPDX-License-Identifier: Apache-2.0
#include "gateway/notify.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/log.h"

// 0 or an errno.
static int send_state(const char *path, const char *state) {
	struct sockaddr_un name = {.sun_family = AF_UNIX};
	size_t length = strlen(path);
	if (length < 2 || length >= sizeof name.sun_path || (path[0] != '/' && path[0] != '@'))
		return EINVAL;
	memcpy(name.sun_path, path, length);
	if (path[0] == '@')
		name.sun_path[0] = '\0';
	int descriptor = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (descriptor < 0)
		return errno;
	socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length);
	ssize_t sent =
	    sendto(descriptor, state, strlen(state), MSG_NOSIGNAL | MSG_DONTWAIT, (const struct sockaddr *)&name, size);
	int failure = sent < 0 ? errno : 0;
	close(descriptor);
	return failure;
}

void notify_send(const char *path, const char *state) {
	int failure = path ? send_state(path, state) : 0;
	if (failure)
		log_entry(LOG_WARN, "the service manager can't be told", LOG_C("state", state),
		          LOG_C("cause", strerror(failure)));
}
