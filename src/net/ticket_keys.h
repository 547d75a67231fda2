// SPDX-License-Identifier: Apache-2.0
// The keys of a server's session tickets: fresh ones every twelve hours, so that what a key could open is bounded also
// where nobody ever loads a certificate again. The key before still opens tickets, and whoever brings one gets a new.
#ifndef NET_TICKET_KEYS_H
#define NET_TICKET_KEYS_H

#include <stdint.h>

struct ssl_ctx_st;

enum { TICKET_KEY_LIFE_MS = 12 * 60 * 60 * 1000 };

// Gives the context keys of its own, which live as long as it does. `now_ms` is asked from every thread that has
// connections of it.
void ticket_keys_attach(struct ssl_ctx_st *context, uint64_t (*now_ms)(void));

#endif
