// SPDX-License-Identifier: Apache-2.0
// What requests have in common, as numbers, and which model such a number belongs to: the C behind signalbox.hash and
// select.rendezvous.
#ifndef POLICY_PROMPT_HASH_H
#define POLICY_PROMPT_HASH_H

#include <stdbool.h>
#include <stdint.h>

#include <lua.h>

#include "policy/body_reader.h"

// What a request begins with for a model: system prompt and tools, as their bytes stand, in whichever order they come.
// The first message too where there are neither, or where `conversation` asks for it. False, *key untouched, where
// there is nothing of it.
bool prompt_hash_key(const struct request_content *content, bool conversation, uint64_t *key);

// Lua's hash.text, hash.prompt, hash.conversation and select.rendezvous.
int prompt_hash_text(lua_State *lua);
int prompt_hash_prompt(lua_State *lua);
int prompt_hash_conversation(lua_State *lua);
int prompt_hash_rendezvous(lua_State *lua);

#endif
