// SPDX-License-Identifier: Apache-2.0
// One pass over a body, which keeps nothing but the places of its members. Numbers depend on bytes alone, so that every
// worker and every gateway sends the same prompt to the same model.
#include "policy/prompt_hash.h"

#include <math.h>

#include <lauxlib.h>

#include "base/hash.h"
#include "base/json.h"
#include "policy/body.h"
#include "policy/view.h"
#include "sandbox/vm.h"

// Seeds that tell the parts of a body apart.
enum { SEED_NONE, SEED_SYSTEM, SEED_TOOLS, SEED_MESSAGE, SEED_MODEL };

// "null", "[]" and the like are as good as absent: they must not bring strangers together.
enum { VALUE_BYTES_MIN = 5 };

static uint64_t seed_of(struct slice member) {
	if (slice_equal(member, SLICE("system")))
		return SEED_SYSTEM;
	if (slice_equal(member, SLICE("toolConfig")) || slice_equal(member, SLICE("tools")))
		return SEED_TOOLS;
	return SEED_NONE;
}

static struct slice first_item(struct slice list) {
	struct json_reader reader;
	struct slice item = {0};
	json_reader_init(&reader, list);
	if (json_next(&reader).kind != JSON_ARRAY || !json_take_value(&reader, &item))
		return (struct slice){0};
	return item;
}

bool prompt_hash_key(struct slice body, bool conversation, uint64_t *key) {
	struct json_reader reader;
	struct slice value, message = {0};
	uint64_t sum = 0;
	bool found = false;
	json_reader_init(&reader, body);
	if (json_next(&reader).kind != JSON_OBJECT)
		return false;
	for (;;) {
		struct json_token member = json_next(&reader);
		if (member.kind != JSON_KEY || !json_take_value(&reader, &value))
			break;
		uint64_t seed = seed_of(member.text);
		if (seed != SEED_NONE && value.len >= VALUE_BYTES_MIN) {
			sum ^= hash_bytes(value, seed); // in any order the same
			found = true;
		} else if (slice_equal(member.text, SLICE("messages"))) {
			message = first_item(value);
		}
	}
	if (message.len >= VALUE_BYTES_MIN && (conversation || !found)) {
		sum ^= hash_bytes(message, SEED_MESSAGE);
		found = true;
	}
	if (found)
		*key = sum;
	return found;
}

static int push_key(lua_State *lua, bool conversation) {
	struct slice body = view_attributes_at(lua, 1)->body;
	vm_charge_bytes(lua, body.len);
	uint64_t key;
	if (prompt_hash_key(body, conversation, &key))
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

// How much a model of that weight wants the key: the draws of all models are independent, and the largest of them is
// each model's with the probability of its weight's share (Schindelhauer and Schomaker 2005, the logarithmic method).
static double score(const struct model *model, double weight, uint64_t key) {
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
		double own = score(model, weight, key);
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
