// SPDX-License-Identifier: Apache-2.0
// The prefixes of prompts that a model keeps for a time, so that it needn't process them again.
#ifndef WORLD_PROMPT_CACHE_H
#define WORLD_PROMPT_CACHE_H

#include <stdbool.h>
#include <stdint.h>

enum { PROMPT_CACHE_SLOTS = 4096 };

// Zero-initialise; free with prompt_cache_free.
struct prompt_cache {
	struct prompt_cache_slot *slots; // NULL while nothing is kept
};

// Whether the prefix of that key is kept.
bool prompt_cache_has(const struct prompt_cache *cache, uint64_t key, uint64_t now_ms);

// Keeps it for `ttl_ms` from now. If two keys fall on the same of PROMPT_CACHE_SLOTS slots, the later one stays.
void prompt_cache_keep(struct prompt_cache *cache, uint64_t key, uint64_t ttl_ms, uint64_t now_ms);

// Removes all entries.
void prompt_cache_free(struct prompt_cache *cache);

#endif
