// SPDX-License-Identifier: Apache-2.0
// Accepts a few clients a turn, so that connected clients get their share of the loop.
#include "net/listener.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/error.h"
#include "base/memory.h"
#include "net/bind.h"
#include "net/lack.h"
#include "net/loop_uv.h"

// Clients that are accepted in one turn.
#define ACCEPTED_AT_ONCE 32
// The default limit of the kernel's queue.
#define WAITING_AT_MOST 4096
// The pause of accepting when there is no descriptor or memory for a client.
#define PAUSE_MS 100

struct listener {
	uv_poll_t poll;
	struct bound_socket bound;
	bool wanted;
	bool polling;
	bool closed;
	int descriptors_below;   // see listener_keep_back
	bool is_crowded;         // a client's descriptor has been in the upper half of those
	char *requested_address; // the argument of listener_new
	char address[BIND_TEXT_BYTES];
	listener_accepted on_accepted;
	void *owner;
	struct timer pause;
};

static void listener_on_poll(uv_poll_t *poll, int status, int happened);

static void listener_update(struct listener *listener) {
	bool polling = listener->wanted && !timer_is_running(&listener->pause);
	if (listener->closed || polling == listener->polling)
		return;
	listener->polling = polling;
	if (polling)
		uv_poll_start(&listener->poll, UV_READABLE, listener_on_poll);
	else
		uv_poll_stop(&listener->poll);
}

static void listener_pause(struct listener *listener, enum lack kind, int failure) {
	lack_log(kind, failure);
	timer_start(&listener->pause, PAUSE_MS);
	listener_update(listener);
}

static void listener_on_pause_over(void *owner) {
	listener_update(owner);
}

// Descriptors are given out from the lowest, so one that is free shows how many are in use. Looking for it takes two
// system calls, which only a process pays that has had half of them in use.
static bool listener_has_descriptors(struct listener *listener) {
	if (!listener->is_crowded)
		return true;
	int lowest = fcntl(listener->bound.descriptor, F_DUPFD_CLOEXEC, 0);
	if (lowest >= 0)
		close(lowest);
	if (lowest < listener->descriptors_below)
		return true;
	listener_pause(listener, LACK_KEEPING_BACK, EMFILE);
	return false;
}

static void listener_accept(struct listener *listener, int at_most) {
	for (int i = 0; i < at_most && listener->polling && listener_has_descriptors(listener); i++) {
		int descriptor = accept4(listener->bound.descriptor, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (descriptor >= 0) {
			listener->is_crowded |= listener->descriptors_below > 0 && descriptor >= listener->descriptors_below / 2;
			listener->on_accepted(listener->owner, descriptor);
		} else if (errno == EAGAIN || errno == EWOULDBLOCK) {
			return;
		} else if (lack_is(errno)) {
			listener_pause(listener, LACK_ACCEPTING, errno);
			return;
		}
		// Any other failure concerns only that client, which has left already.
	}
}

static void listener_on_poll(uv_poll_t *poll, int status, int happened) {
	struct listener *listener = poll->data;
	(void)happened;
	if (status < 0) {
		listener->polling = false;
		listener_pause(listener, LACK_ACCEPTING, -status);
		return;
	}
	listener_accept(listener, ACCEPTED_AT_ONCE);
}

int listener_new(struct loop *loop, const char *address, bool shared, listener_accepted on_accepted, void *owner,
                 struct listener **listener, const char **message) {
	struct bound_socket bound;
	int rc = bind_listen(address, shared, &bound, message);
	if (rc)
		return rc;
	struct listener *made = memory_new(1, sizeof *made);
	if (uv_poll_init(loop_uv(loop), &made->poll, bound.descriptor)) {
		bind_close(bound, address);
		free(made);
		*message = "the loop can't watch another socket";
		return ERROR_IO;
	}
	made->poll.data = made;
	made->bound = bound;
	made->requested_address = memory_string(slice_from(address));
	made->on_accepted = on_accepted;
	made->owner = owner;
	bind_address(bound.descriptor, address, made->address);
	timer_init(&made->pause, loop, listener_on_pause_over, made);
	listener_want(made, true);
	*listener = made;
	return 0;
}

const char *listener_address(const struct listener *listener) {
	return listener->address;
}

bool listener_is_adopted(const struct listener *listener) {
	return listener->bound.is_adopted;
}

void listener_keep_back(struct listener *listener, int below) {
	listener->descriptors_below = below;
}

void listener_want(struct listener *listener, bool wanted) {
	listener->wanted = wanted;
	listener_update(listener);
}

void listener_drain(struct listener *listener) {
	if (!listener->bound.is_adopted)
		listener_accept(listener, WAITING_AT_MOST);
}

static void listener_on_closed(uv_handle_t *handle) {
	free(handle->data);
}

void listener_close(struct listener *listener) {
	listener_want(listener, false);
	listener->closed = true;
	timer_stop(&listener->pause);
	uv_close((uv_handle_t *)&listener->poll, listener_on_closed);
	bind_close(listener->bound, listener->requested_address);
	free(listener->requested_address);
}
