// SPDX-License-Identifier: Apache-2.0
#include "net/lack.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"

enum { LOG_INTERVAL_MS = 1000 };

bool lack_is(int failure) {
	switch (failure) {
	case EMFILE:
	case ENFILE:
	case ENOMEM:
	case ENOBUFS:
	case ENOSPC: // of what epoll may watch
	case EAGAIN: // of threads; of connect, ports
		return true;
	default:
		return false;
	}
}

int lack_of_descriptors(void) {
	int descriptor = open("/dev/null", O_RDONLY | O_CLOEXEC);
	if (descriptor < 0)
		return lack_is(errno) ? errno : 0;
	close(descriptor);
	return 0;
}

void lack_log(enum lack kind, int failure) {
	static const char *const messages[] = {
	    [LACK_ACCEPTING] = "a client can't be accepted",
	    [LACK_KEEPING_BACK] = "no clients are accepted, to keep descriptors back for upstreams",
	    [LACK_CONNECTING] = "an upstream can't be connected to",
	    [LACK_USING] = "an upstream's connection can't be used",
	    [LACK_RELOADING] = "nothing is reloaded, since no thread can be started",
	};
	static _Atomic uint64_t next_ms[sizeof messages / sizeof *messages];
	uint64_t now_ms = clock_now_ms(), due_ms = atomic_load_explicit(&next_ms[kind], memory_order_relaxed);
	if (now_ms >= due_ms && atomic_compare_exchange_strong(&next_ms[kind], &due_ms, now_ms + LOG_INTERVAL_MS))
		log_entry(LOG_WARN, messages[kind], LOG_C("cause", strerror(failure)));
}
