// SPDX-License-Identifier: Apache-2.0
// A hash table with one possible slot for each key: bounded. Like the service's cache, it sometimes loses an entry.
#include "world/prompt_cache.h"

#include <stdlib.h>

#include "base/memory.h"

struct prompt_cache_slot {
	uint64_t key;
	uint64_t until_ms;
};

bool prompt_cache_has(const struct prompt_cache *cache, uint64_t key, uint64_t now_ms) {
	const struct prompt_cache_slot *slot = cache->slots ? &cache->slots[key % PROMPT_CACHE_SLOTS] : NULL;
	return slot && slot->key == key && now_ms < slot->until_ms;
}

void prompt_cache_keep(struct prompt_cache *cache, uint64_t key, uint64_t ttl_ms, uint64_t now_ms) {
	if (!cache->slots)
		cache->slots = memory_new(PROMPT_CACHE_SLOTS, sizeof *cache->slots);
	cache->slots[key % PROMPT_CACHE_SLOTS] = (struct prompt_cache_slot){key, now_ms + ttl_ms};
}

void prompt_cache_free(struct prompt_cache *cache) {
	free(cache->slots);
	cache->slots = NULL;
}
