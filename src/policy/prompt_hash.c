// SPDX-License-Identifier: Apache-2.0
// Keys depend on the request's bytes alone, so every worker and every gateway sends the same prompt to the same model.
#include "policy/prompt_hash.h"

#include <math.h>

#include <lauxlib.h>

#include "base/hash.h"
#include "policy/view.h"
#include "sandbox/vm.h"

// One seed for each part of a body, so that equal bytes in different parts hash differently.
enum { SEED_NONE, SEED_SYSTEM, SEED_TOOLS, SEED_MESSAGE, SEED_MODEL };

// Shorter values, such as "null" and "[]", count as absent: unrelated requests must not share a key because of them.
enum { VALUE_BYTES_MIN = 5 };

// Of a longer part its beginning and its length count, so that a key takes little time whatever a client sends.
enum { HASHED_BYTES_MAX = 64 << 10 };

static bool add_part(struct slice part, uint64_t seed, uint64_t *sum) {
	if (part.len < VALUE_BYTES_MIN)
		return false;
	uint64_t hash = hash_bytes(part.len > HASHED_BYTES_MAX ? slice_of(part.ptr, HASHED_BYTES_MAX) : part, seed);
	*sum ^= part.len > HASHED_BYTES_MAX ? hash_pair(hash, part.len) : hash; // independent of the order
	return true;
}

bool prompt_hash_key(const struct request_content *content, bool conversation, uint64_t *key) {
	uint64_t sum = 0;
	bool has_system = add_part(content->system, SEED_SYSTEM, &sum);
	bool has_tools = add_part(content->tools, SEED_TOOLS, &sum);
	bool has_tool_config = add_part(content->tool_config, SEED_TOOLS, &sum);
	bool found = has_system || has_tools || has_tool_config;
	if (conversation || !found)
		found = add_part(content->first_message, SEED_MESSAGE, &sum) || found;
	if (found)
		*key = sum;
	return found;
}

static int push_key(lua_State *lua, bool conversation) {
	const struct request_content *content = view_content_at(lua, 1);
	uint64_t key;
	if (prompt_hash_key(content, conversation, &key))
		lua_pushinteger(lua, (lua_Integer)key);
	else
		lua_pushnil(lua);
	return 1;
}

int prompt_hash_prompt(lua_State *lua) {
	return push_key(lua, false);
}

int prompt_hash_conversation(lua_State *lua) {
	return push_key(lua, true);
}

int prompt_hash_text(lua_State *lua) {
	size_t bytes;
	const char *text = luaL_checklstring(lua, 1, &bytes);
	vm_charge_bytes(lua, bytes);
	lua_pushinteger(lua, (lua_Integer)hash_bytes(slice_of(text, bytes), SEED_NONE));
	return 1;
}

// A model's score for a key. The scores of the models are independent, and the probability that a model's is the
// highest equals its share of the weights (Schindelhauer and Schomaker 2005, the logarithmic method).
static double model_score(const struct model *model, double weight, uint64_t key) {
	uint64_t draw = hash_pair(key, hash_bytes(slice_from(model->name), SEED_MODEL));
	double unit = ((double)(draw >> 11) + 0.5) * 0x1.0p-53; // in (0, 1)
	return weight / -log(unit);
}

int prompt_hash_rendezvous(lua_State *lua) {
	struct model_argument models = view_check_models(lua);
	uint64_t key = (uint64_t)luaL_checkinteger(lua, 2);
	size_t best = 0;
	double most = 0, weight;
	vm_charge(lua, models.count + 1);
	for (size_t i = 0; i < models.count; i++) {
		const struct model *model = view_model_of(lua, models, i, &weight);
		double own = model_score(model, weight, key);
		if (own > most) {
			most = own;
			best = i + 1;
		}
	}
	if (best)
		lua_geti(lua, 1, (lua_Integer)best);
	else
		lua_pushnil(lua);
	return 1;
}
