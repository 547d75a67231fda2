// SPDX-License-Identifier: Apache-2.0
// Keys for requests that share a prompt or a conversation, and the choice of a model by such a key: the C behind
// signalbox.hash and select.rendezvous.
#ifndef POLICY_PROMPT_HASH_H
#define POLICY_PROMPT_HASH_H

#include <stdbool.h>
#include <stdint.h>

#include <lua.h>

#include "policy/body_reader.h"

// Hashes the beginning of the prompt: the bytes of system prompt and tools, in any order. Includes the first message
// when there are neither, or when `conversation` is set. False, with *key unchanged, when there is none of these.
bool prompt_hash_key(const struct request_content *content, bool conversation, uint64_t *key);

// Lua's hash.text, hash.prompt, hash.conversation and select.rendezvous.
int prompt_hash_text(lua_State *lua);
int prompt_hash_prompt(lua_State *lua);
int prompt_hash_conversation(lua_State *lua);
int prompt_hash_rendezvous(lua_State *lua);

#endif
