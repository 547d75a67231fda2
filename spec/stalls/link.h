// SPDX-License-Identifier: Apache-2.0
// A client's connection to a gateway on this machine, in clear or over TLS, for `probe` and `pour`.
#ifndef SPEC_STALLS_LINK_H
#define SPEC_STALLS_LINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct ssl_st;

// How long one read or write may take.
enum { LINK_TIMEOUT_MS = 3000 };

struct link {
	int fd; // -1: closed
	struct ssl_st *ssl;
};

// Connects to 127.0.0.1:port from `address` on loopback (127.0.0.1 if NULL); with `alpn` ("h2" or "http/1.1") over TLS,
// whatever the certificate. -1 if that fails.
int link_open(struct link *link, const char *address, uint16_t port, const char *alpn);
void link_close(struct link *link);

// As read(2) and write(2): bytes, 0 at the end of the stream, -1 with EAGAIN if nothing moved.
ssize_t link_read(struct link *link, void *bytes, size_t size);
ssize_t link_write(struct link *link, const void *bytes, size_t size);

// From now on link_read and link_write don't wait.
void link_stop_waiting(struct link *link);

uint64_t link_now_ns(void);

// Opens the count of how long the first thread of a process (a number, or "self") was ready to run and had no
// processor, and reads it.
int link_open_schedule(const char *process);
uint64_t link_queued_ns(int schedule);

#endif
