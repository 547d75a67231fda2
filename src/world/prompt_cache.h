// SPDX-License-Identifier: Apache-2.0
// Which beginnings of prompts a model has worked on lately, and so needn't work on again.
#ifndef WORLD_PROMPT_CACHE_H
#define WORLD_PROMPT_CACHE_H

#include <stdbool.h>
#include <stdint.h>

enum { PROMPT_CACHE_SLOTS = 4096 };

// Zero-initialise; release with prompt_cache_free.
struct prompt_cache {
	struct prompt_cache_slot *slots; // NULL while nothing is kept
};

// Whether the beginning of that key is kept.
bool prompt_cache_has(const struct prompt_cache *cache, uint64_t key, uint64_t now_ms);

// Keeps it for `ttl_ms` from now on. Of two that fall on the same of PROMPT_CACHE_SLOTS places the later one stays.
void prompt_cache_keep(struct prompt_cache *cache, uint64_t key, uint64_t ttl_ms, uint64_t now_ms);

// Forgets all.
void prompt_cache_free(struct prompt_cache *cache);

#endif
