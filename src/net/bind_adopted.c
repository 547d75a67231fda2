// SPDX-License-Identifier: Apache-2.0
// The inherited descriptors, by address.
#include "net/bind_adopted.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"

struct adopted {
	struct adopted *next;
	char *address;
	int descriptor;
};

static pthread_mutex_t adopted_lock = PTHREAD_MUTEX_INITIALIZER; // guards the list
static struct adopted *adopted_list;

static struct adopted *adopted_find(const char *address) {
	struct adopted *adopted = adopted_list;
	while (adopted && strcmp(adopted->address, address) != 0)
		adopted = adopted->next;
	return adopted;
}

void bind_adopted_add(const char *address, int descriptor) {
	pthread_mutex_lock(&adopted_lock);
	struct adopted *adopted = adopted_find(address);
	if (adopted) {
		close(adopted->descriptor);
	} else {
		adopted = memory_new(1, sizeof *adopted);
		adopted->address = memory_string(slice_from(address));
		adopted->next = adopted_list;
		adopted_list = adopted;
	}
	adopted->descriptor = descriptor;
	pthread_mutex_unlock(&adopted_lock);
}

int bind_adopted_take(const char *address, int *descriptor) {
	int failure = ENOENT;
	pthread_mutex_lock(&adopted_lock);
	const struct adopted *adopted = adopted_find(address);
	if (adopted) {
		*descriptor = fcntl(adopted->descriptor, F_DUPFD_CLOEXEC, 0);
		failure = *descriptor < 0 ? errno : 0;
	}
	pthread_mutex_unlock(&adopted_lock);
	return failure;
}
