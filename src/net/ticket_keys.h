// SPDX-License-Identifier: Apache-2.0
// The keys of a server's session tickets. A new key every twelve hours bounds what one key can decrypt, even if the
// certificate is never reloaded. The previous key still decrypts tickets; its clients get a new ticket.
#ifndef NET_TICKET_KEYS_H
#define NET_TICKET_KEYS_H

#include <stdint.h>

struct ssl_ctx_st;

enum { TICKET_KEY_LIFE_MS = 12 * 60 * 60 * 1000 };

// Gives the context keys of its own, which live as long as it does. `now_ms` is called from every thread that has
// connections of the context.
void ticket_keys_attach(struct ssl_ctx_st *context, uint64_t (*now_ms)(void));

#endif
