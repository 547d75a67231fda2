// SPDX-License-Identifier: Apache-2.0
// What a service manager receives, on a path and on an abstract socket; and that an unreachable one does no harm.
#include "../check.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/log.h"
#include "gateway/notify.h"

// A manager's socket at `path`, in the form of NOTIFY_SOCKET.
static int listen_at(const char *path) {
	struct sockaddr_un name = {.sun_family = AF_UNIX};
	int descriptor = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	memcpy(name.sun_path, path, strlen(path));
	if (path[0] == '@')
		name.sun_path[0] = '\0';
	socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(path));
	CHECK_INT(bind(descriptor, (const struct sockaddr *)&name, size), 0);
	return descriptor;
}

static void check_received(int descriptor, const char *expected) {
	char text[64];
	ssize_t length = recv(descriptor, text, sizeof text, 0);
	CHECK_SLICE(slice_of(text, length > 0 ? (size_t)length : 0), slice_from(expected));
}

TEST(a_manager_receives_each_state) {
	char folder[] = "/tmp/notify.XXXXXX", path[64], abstract[64];
	CHECK(mkdtemp(folder) != NULL);
	snprintf(path, sizeof path, "%s/notify", folder);
	snprintf(abstract, sizeof abstract, "@signalbox-notify-%d", (int)getpid());
	const char *const names[] = {path, abstract};
	for (size_t i = 0; i < 2; i++) {
		int manager = listen_at(names[i]);
		notify_send(names[i], "READY=1");
		notify_send(names[i], "STOPPING=1");
		check_received(manager, "READY=1");
		check_received(manager, "STOPPING=1");
		CHECK_INT(recv(manager, path, 0, 0), -1);
		close(manager);
	}
	unlink(path);
	rmdir(folder);
}

TEST(an_unreachable_manager_does_no_harm) {
	static const char *const rows[] = {
	    "",
	    "/",
	    "relative",
	    "/nonexistent/notify",
	    "@nobody-listens-here",
	    "/0123456789012345678901234567890123456789012345678901234567890123456789012345678"
	    "90123456789012345678901234567890"};
	notify_send(NULL, "READY=1");
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		notify_send(rows[i], "READY=1");
}

int main(void) {
	log_configure(LOG_OFF, LOG_TEXT);
	RUN(a_manager_receives_each_state);
	RUN(an_unreachable_manager_does_no_harm);
	return check_summary();
}
