// SPDX-License-Identifier: Apache-2.0
// How many connections each client has, by its address: one client must not take all places. IPv6 clients are told
// apart by their first 64 bits, since a client has all addresses that share them. Clients of Unix sockets don't count.
//
// Shared by all servers of a process. Thread-safe.
#ifndef NET_CLIENT_PLACES_H
#define NET_CLIENT_PLACES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct client_places;
struct client_place; // of all connections of one client
struct sockaddr;

struct client_key {
	uint64_t high, low; // IPv4 as mapped to IPv6
	bool is_loopback;
};

// The key of an address; false if it is neither IPv4 nor IPv6.
bool client_key_of(const struct sockaddr *address, struct client_key *key);

// At most `each` connections a client, and `each_on_loopback` one of this machine, whose address all its processes
// share; SIZE_MAX is no limit. `connections` is how many there may be in all.
struct client_places *client_places_new(size_t each, size_t each_on_loopback, size_t connections);
// Every place has been left. NULL is fine.
void client_places_free(struct client_places *places);

// Takes a place for the client that is connected to the descriptor; *place is NULL if it doesn't count. False if it has
// all of its places already, which is logged at most once a second.
bool client_places_take(struct client_places *places, int descriptor, uint64_t now_ms, struct client_place **place);

// Leaves a place; NULL is fine.
void client_places_leave(struct client_places *places, struct client_place *place);

// How many connections were refused.
uint64_t client_places_refused(struct client_places *places);

#endif
