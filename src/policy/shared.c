// SPDX-License-Identifier: Apache-2.0
// A hash table, and a heap of the entries that expire. Keys may come from clients, so the hash is a universal one with
// a random key: a client can't choose keys that collide. No Lua runs with the lock held; the longest work under it, to
// drop all entries when all expire at once, takes about 2 ms.
#include "policy/shared.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "base/random.h"

enum { BUCKETS = 16384, WORD_BYTES = 4, HASH_WORDS = SHARED_KEY_BYTES_MAX / WORD_BYTES + 2 };

struct entry {
	struct entry *next; // in its bucket
	uint64_t expires_ms;
	size_t place; // in the heap, from 1; 0 for an entry that doesn't expire
	size_t key_bytes;
	enum shared_kind kind;
	bool boolean;
	int64_t integer;
	double number;
	size_t text_bytes;
	char *text;
	char key[];
};

struct shared_store {
	pthread_mutex_t lock; // guards everything below
	struct entry **buckets;
	struct entry **heap; // heap[1..expiring], a binary heap by expires_ms
	size_t expiring;
	size_t count;
	size_t bytes;
	uint64_t hash_key[HASH_WORDS]; // never changes
};

struct shared_store *shared_new(void) {
	struct shared_store *store = memory_new(1, sizeof *store);
	struct random_source random;
	pthread_mutex_init(&store->lock, NULL);
	store->buckets = memory_new(BUCKETS, sizeof *store->buckets);
	store->heap = memory_new(SHARED_KEYS_MAX + 1, sizeof *store->heap);
	random_init_from_system(&random);
	for (size_t i = 0; i < HASH_WORDS; i++)
		store->hash_key[i] = random_next(&random);
	return store;
}

static void free_entry(struct entry *entry) {
	free(entry->text);
	free(entry);
}

void shared_free(struct shared_store *store) {
	if (!store)
		return;
	for (size_t i = 0; i < BUCKETS; i++) {
		for (struct entry *entry = store->buckets[i], *next; entry; entry = next) {
			next = entry->next;
			free_entry(entry);
		}
	}
	free(store->buckets);
	free(store->heap);
	pthread_mutex_destroy(&store->lock);
	free(store);
}

// Multilinear hashing: any two different keys collide with a probability of 1 / BUCKETS.
static size_t bucket_of(const struct shared_store *store, struct slice key) {
	uint64_t sum = store->hash_key[0] + store->hash_key[1] * key.len;
	size_t word_index = 2;
	for (size_t at = 0; at < key.len; at += WORD_BYTES) {
		uint32_t word = 0;
		memcpy(&word, key.ptr + at, key.len - at < WORD_BYTES ? key.len - at : WORD_BYTES);
		sum += store->hash_key[word_index++] * word;
	}
	return (size_t)(sum >> 32) % BUCKETS;
}

// The link that points to the key's entry, or the one to which to add it.
static struct entry **link_of(struct shared_store *store, struct slice key) {
	struct entry **link = &store->buckets[bucket_of(store, key)];
	while (*link && !slice_equal(slice_of((*link)->key, (*link)->key_bytes), key))
		link = &(*link)->next;
	return link;
}

static void heap_put(struct shared_store *store, size_t place, struct entry *entry) {
	store->heap[place] = entry;
	entry->place = place;
}

static void heap_sift(struct shared_store *store, size_t place, struct entry *entry) {
	for (; place > 1 && store->heap[place / 2]->expires_ms > entry->expires_ms; place /= 2)
		heap_put(store, place, store->heap[place / 2]);
	for (size_t child; (child = place * 2) <= store->expiring; place = child) {
		if (child < store->expiring && store->heap[child + 1]->expires_ms < store->heap[child]->expires_ms)
			child++;
		if (store->heap[child]->expires_ms >= entry->expires_ms)
			break;
		heap_put(store, place, store->heap[child]);
	}
	heap_put(store, place, entry);
}

static void heap_remove(struct shared_store *store, struct entry *entry) {
	size_t place = entry->place;
	if (!place)
		return;
	struct entry *last = store->heap[store->expiring--];
	if (last != entry)
		heap_sift(store, place, last);
	entry->place = 0;
}

static void set_expiry(struct shared_store *store, struct entry *entry, uint64_t ttl_ms, uint64_t now_ms) {
	heap_remove(store, entry);
	entry->expires_ms = now_ms + ttl_ms;
	if (ttl_ms)
		heap_sift(store, ++store->expiring, entry);
}

static void drop_entry(struct shared_store *store, struct entry **link) {
	struct entry *entry = *link;
	*link = entry->next;
	heap_remove(store, entry);
	store->count--;
	store->bytes -= entry->key_bytes + entry->text_bytes;
	free_entry(entry);
}

static void drop_expired(struct shared_store *store, uint64_t now_ms) {
	while (store->expiring && store->heap[1]->expires_ms <= now_ms)
		drop_entry(store, link_of(store, slice_of(store->heap[1]->key, store->heap[1]->key_bytes)));
}

static struct entry *add_entry(struct shared_store *store, struct entry **link, struct slice key) {
	struct entry *entry = memory_new(1, sizeof *entry + key.len);
	memcpy(entry->key, key.ptr, key.len);
	entry->key_bytes = key.len;
	*link = entry;
	store->count++;
	store->bytes += key.len;
	return entry;
}

static void write_value(struct shared_store *store, struct entry *entry, const struct shared_value *value) {
	size_t text_bytes = value->kind == SHARED_TEXT ? value->text_bytes : 0;
	store->bytes = store->bytes - entry->text_bytes + text_bytes;
	if (text_bytes != entry->text_bytes) {
		free(entry->text);
		entry->text = text_bytes ? memory_new(1, text_bytes) : NULL;
		entry->text_bytes = text_bytes;
	}
	if (text_bytes)
		memcpy(entry->text, value->text, text_bytes);
	entry->kind = value->kind;
	entry->boolean = value->boolean;
	entry->integer = value->integer;
	entry->number = value->number;
}

static void read_value(const struct entry *entry, struct shared_value *value) {
	value->kind = entry->kind;
	value->boolean = entry->boolean;
	value->integer = entry->integer;
	value->number = entry->number;
	value->text_bytes = entry->text_bytes;
	if (entry->text_bytes)
		memcpy(value->text, entry->text, entry->text_bytes);
}

// Whether the store has room for the value in place of the key's former entry (NULL for none).
static bool has_room(const struct shared_store *store, const struct entry *former, struct slice key,
                     const struct shared_value *value) {
	size_t bytes = store->bytes + (value->kind == SHARED_TEXT ? value->text_bytes : 0);
	bytes = former ? bytes - former->text_bytes : bytes + key.len;
	return bytes <= SHARED_BYTES_MAX && store->count + (former ? 0 : 1) <= SHARED_KEYS_MAX;
}

bool shared_get(struct shared_store *store, struct slice key, uint64_t now_ms, struct shared_value *value) {
	pthread_mutex_lock(&store->lock);
	const struct entry *entry = *link_of(store, key);
	bool found = entry && !(entry->place && entry->expires_ms <= now_ms);
	if (found)
		read_value(entry, value);
	pthread_mutex_unlock(&store->lock);
	return found;
}

int shared_set(struct shared_store *store, struct slice key, const struct shared_value *value, uint64_t ttl_ms,
               uint64_t now_ms) {
	pthread_mutex_lock(&store->lock);
	drop_expired(store, now_ms);
	struct entry **link = link_of(store, key);
	bool fits = has_room(store, *link, key, value);
	if (fits) {
		struct entry *entry = *link ? *link : add_entry(store, link, key);
		write_value(store, entry, value);
		set_expiry(store, entry, ttl_ms, now_ms);
	}
	pthread_mutex_unlock(&store->lock);
	return fits ? 0 : ERROR_LIMIT;
}

void shared_remove(struct shared_store *store, struct slice key) {
	pthread_mutex_lock(&store->lock);
	struct entry **link = link_of(store, key);
	if (*link)
		drop_entry(store, link);
	pthread_mutex_unlock(&store->lock);
}

// Integers wrap around, as in Lua.
static void add_numbers(const struct entry *entry, const struct shared_value *by, struct shared_value *sum) {
	bool whole = entry->kind == SHARED_INTEGER && by->kind == SHARED_INTEGER;
	double first = entry->kind == SHARED_INTEGER ? (double)entry->integer : entry->number;
	double second = by->kind == SHARED_INTEGER ? (double)by->integer : by->number;
	sum->kind = whole ? SHARED_INTEGER : SHARED_NUMBER;
	sum->integer = whole ? (int64_t)((uint64_t)entry->integer + (uint64_t)by->integer) : 0;
	sum->number = whole ? 0 : first + second;
	sum->boolean = false;
	sum->text_bytes = 0;
}

int shared_add(struct shared_store *store, struct slice key, const struct shared_value *by, uint64_t ttl_ms,
               uint64_t now_ms, struct shared_value *sum) {
	int rc = 0;
	pthread_mutex_lock(&store->lock);
	drop_expired(store, now_ms);
	struct entry **link = link_of(store, key);
	struct entry *entry = *link;
	if (entry && entry->kind != SHARED_INTEGER && entry->kind != SHARED_NUMBER) {
		rc = ERROR_INVALID;
	} else if (entry) {
		add_numbers(entry, by, sum);
		write_value(store, entry, sum);
	} else if (has_room(store, NULL, key, by)) {
		entry = add_entry(store, link, key);
		write_value(store, entry, by);
		set_expiry(store, entry, ttl_ms, now_ms);
		read_value(entry, sum);
	} else {
		rc = ERROR_LIMIT;
	}
	pthread_mutex_unlock(&store->lock);
	return rc;
}
