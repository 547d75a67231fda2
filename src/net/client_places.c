// SPDX-License-Identifier: Apache-2.0
// A table of the clients that are connected, with chains. The hash has a seed that clients don't know.
#include "net/client_places.h"

#include <arpa/inet.h>
#include <assert.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/hash.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/random.h"

#define LOG_EVERY_MS 1000
#define MOST_CHAINS 65536

struct client_place {
	struct client_place *next; // in its chain
	struct client_key key;
	size_t connections;
};

struct client_places {
	size_t each, each_on_loopback;
	uint64_t seed;
	size_t chain_count;   // a power of two
	pthread_mutex_t lock; // guards what follows
	struct client_place **chains;
	uint64_t refused, refused_and_logged;
	uint64_t logged_ms; // 0: never
};

static uint64_t read_number(const uint8_t *bytes) {
	uint64_t number = 0;
	for (int i = 0; i < 8; i++)
		number = number << 8 | bytes[i];
	return number;
}

static void key_of_v4(uint32_t address, struct client_key *key) {
	*key = (struct client_key){.low = UINT64_C(0xffff) << 32 | address, .is_loopback = address >> 24 == 127};
}

static void key_of_v6(const struct in6_addr *address, struct client_key *key) {
	if (IN6_IS_ADDR_V4MAPPED(address))
		key_of_v4((uint32_t)read_number(address->s6_addr + 8), key);
	else
		*key = (struct client_key){.high = read_number(address->s6_addr), .is_loopback = IN6_IS_ADDR_LOOPBACK(address)};
}

bool client_key_of(const struct sockaddr *address, struct client_key *key) {
	if (address->sa_family == AF_INET) {
		struct sockaddr_in v4;
		memcpy(&v4, address, sizeof v4);
		key_of_v4(ntohl(v4.sin_addr.s_addr), key);
	} else if (address->sa_family == AF_INET6) {
		struct sockaddr_in6 v6;
		memcpy(&v6, address, sizeof v6);
		key_of_v6(&v6.sin6_addr, key);
	}
	return address->sa_family == AF_INET || address->sa_family == AF_INET6;
}

struct client_places *client_places_new(size_t each, size_t each_on_loopback, size_t connections) {
	struct client_places *places = memory_new(1, sizeof *places);
	struct random_source random;
	random_init_from_system(&random);
	*places = (struct client_places){
	    .each = each, .each_on_loopback = each_on_loopback, .seed = random_next(&random), .chain_count = 16};
	while (places->chain_count < connections / 2 && places->chain_count < MOST_CHAINS)
		places->chain_count *= 2;
	places->chains = memory_new(places->chain_count, sizeof(struct client_place *));
	pthread_mutex_init(&places->lock, NULL);
	return places;
}

void client_places_free(struct client_places *places) {
	if (!places)
		return;
	for (size_t i = 0; i < places->chain_count; i++)
		assert(!places->chains[i]);
	pthread_mutex_destroy(&places->lock);
	free(places->chains);
	free(places);
}

static struct client_place **chain_of(struct client_places *places, const struct client_key *key) {
	return &places->chains[hash_pair(key->high ^ places->seed, key->low) & (places->chain_count - 1)];
}

// The client's place, made if it is new; NULL if the client has all of its places. The caller holds the lock.
static struct client_place *find_place(struct client_places *places, const struct client_key *key) {
	struct client_place **chain = chain_of(places, key);
	struct client_place *place = *chain;
	while (place && (place->key.high != key->high || place->key.low != key->low))
		place = place->next;
	if (place && place->connections >= (key->is_loopback ? places->each_on_loopback : places->each))
		return NULL;
	if (!place) {
		place = memory_new(1, sizeof *place);
		*place = (struct client_place){.next = *chain, .key = *key};
		*chain = place;
	}
	place->connections++;
	return place;
}

// Whether the refusal is to be logged; then *count is how many there were since the last line.
static bool count_refusal(struct client_places *places, uint64_t now_ms, uint64_t *count) {
	places->refused++;
	if (places->logged_ms && now_ms - places->logged_ms < LOG_EVERY_MS)
		return false;
	*count = places->refused - places->refused_and_logged;
	places->refused_and_logged = places->refused;
	places->logged_ms = now_ms;
	return true;
}

static void log_refusal(const struct sockaddr_storage *address, uint64_t count) {
	char text[INET6_ADDRSTRLEN] = "";
	const void *bytes = address->ss_family == AF_INET ? (const void *)&((const struct sockaddr_in *)address)->sin_addr
	                                                  : &((const struct sockaddr_in6 *)address)->sin6_addr;
	inet_ntop(address->ss_family, bytes, text, sizeof text);
	log_entry(LOG_WARN, "a client has too many connections", LOG_C("client", text), LOG_N("refused", count));
}

bool client_places_take(struct client_places *places, int descriptor, uint64_t now_ms, struct client_place **place) {
	struct sockaddr_storage address = {0};
	socklen_t size = sizeof address;
	struct client_key key;
	uint64_t count;
	*place = NULL;
	// If the client has left already, the socket shows that soon.
	if (getpeername(descriptor, (struct sockaddr *)&address, &size) ||
	    !client_key_of((struct sockaddr *)&address, &key))
		return true;
	pthread_mutex_lock(&places->lock);
	*place = find_place(places, &key);
	bool logs = !*place && count_refusal(places, now_ms, &count);
	pthread_mutex_unlock(&places->lock);
	if (logs)
		log_refusal(&address, count);
	return *place != NULL;
}

void client_places_leave(struct client_places *places, struct client_place *place) {
	if (!place)
		return;
	pthread_mutex_lock(&places->lock);
	assert(place->connections > 0);
	if (--place->connections == 0) {
		struct client_place **link = chain_of(places, &place->key);
		while (*link != place)
			link = &(*link)->next;
		*link = place->next;
		free(place);
	}
	pthread_mutex_unlock(&places->lock);
}

uint64_t client_places_refused(struct client_places *places) {
	pthread_mutex_lock(&places->lock);
	uint64_t refused = places->refused;
	pthread_mutex_unlock(&places->lock);
	return refused;
}
