// SPDX-License-Identifier: Apache-2.0
// `json`: encode is lua-cjson's, with fixed settings that scripts can't reach; decode is our own and keeps whole
// numbers whole. cjson's buffers are outside of the VM's memory, and a memory error inside cjson would leak them. So
// encode measures its input first, charging as it goes, and runs only when there is room for the largest result. Decode
// measures as well: a text that a client has sent must not make a call run out of memory.
#include <math.h>

#include <lauxlib.h>

#include "base/clock.h"
#include "base/json.h"
#include "sandbox/json_value.h"
#include "sandbox/sandbox.h"
#include "sandbox/vm.h"

enum {
	DEPTH_MAX = 64,
	TEXT_BYTES_MAX = 4 << 20,
	BYTES_PER_CHARGE = 16,
	// Encoding or decoding a value takes about as long as this many instructions.
	CHARGE_PER_VALUE = 4,
	// cjson walks each table up to this many times more after it has been measured.
	WALKS_OF_CJSON = 2,
	// The size of a value in JSON, without the characters of a string.
	NUMBER_BYTES = 32,
	// The most that a text takes in the state's memory once decoded: a table for each opening bracket, an element of an
	// array that has just grown for each comma, a field for each colon, half a string for each quote.
	TABLE_BYTES = 64,
	ELEMENT_BYTES = 48,
	FIELD_BYTES = 80,
	QUOTE_BYTES = 24,
	OPENING_BYTES = 64 << 10,
};

int luaopen_cjson(lua_State *lua);

struct measure {
	size_t bytes;
	size_t values;
};

static void check_size(lua_State *lua, size_t bytes) {
	if (bytes > TEXT_BYTES_MAX)
		luaL_error(lua, "too large for JSON (more than %d bytes)", TEXT_BYTES_MAX);
}

// Adds the string at `index`; a control character becomes six bytes.
static void measure_string(lua_State *lua, int index, struct measure *sum) {
	size_t bytes;
	const char *text = lua_tolstring(lua, index, &bytes);
	check_size(lua, bytes);
	vm_charge(lua, bytes / BYTES_PER_CHARGE);
	size_t before = sum->bytes;
	for (size_t i = 0; i < bytes; i++) {
		unsigned char byte = (unsigned char)text[i];
		sum->bytes += byte < ' ' || byte == 0x7f ? 6 : byte == '"' || byte == '\\' || byte == '/' ? 2 : 1;
	}
	vm_charge(lua, (sum->bytes - before - bytes) / BYTES_PER_CHARGE);
	check_size(lua, sum->bytes);
}

// Adds the size in JSON of the value at `index` and charges for it. A table that occurs twice counts twice, so a small
// value can't become a huge text. A walk over the empty places of a table that was large costs time alone.
static void measure_value(lua_State *lua, int index, int depth, struct measure *sum) {
	vm_charge(lua, CHARGE_PER_VALUE + NUMBER_BYTES / BYTES_PER_CHARGE);
	if (depth > DEPTH_MAX)
		luaL_error(lua, "tables nested too deep for JSON (more than %d)", DEPTH_MAX);
	luaL_checkstack(lua, LUA_MINSTACK, NULL);
	switch (lua_type(lua, index)) {
	case LUA_TSTRING:
		measure_string(lua, index, sum);
		break;
	case LUA_TTABLE:
		for (lua_pushnil(lua); lua_next(lua, index); lua_pop(lua, 1)) {
			if (lua_type(lua, -2) == LUA_TSTRING)
				measure_string(lua, -2, sum);
			measure_value(lua, lua_absindex(lua, -1), depth + 1, sum);
		}
		if (vm_of(lua)->large_bytes)
			vm_check_time(lua);
		break;
	case LUA_TFUNCTION:
	case LUA_TUSERDATA:
	case LUA_TTHREAD:
		luaL_error(lua, "a %s has no JSON form", luaL_typename(lua, index));
	}
	sum->bytes += NUMBER_BYTES;
	check_size(lua, sum->bytes);
}

// Calls the function below its single argument at the top and replaces both by its result of at most `bytes`.
static void call_unlimited(lua_State *lua, size_t bytes) {
	vm_enter_unlimited(lua, bytes);
	int status = lua_pcall(lua, 1, 1, 0);
	vm_leave_unlimited(lua);
	if (status == LUA_OK)
		return;
	luaL_where(lua, 1);
	lua_insert(lua, -2);
	lua_concat(lua, 2);
	lua_error(lua);
}

static int json_encode(lua_State *lua) {
	luaL_checkany(lua, 1);
	lua_settop(lua, 1);
	struct measure sum = {0};
	uint64_t start_ns = vm_of(lua)->large_bytes ? clock_now_ns() : 0;
	measure_value(lua, 1, 0, &sum);
	if (start_ns)
		vm_charge_time(lua, (clock_now_ns() - start_ns) * WALKS_OF_CJSON);
	lua_pushvalue(lua, lua_upvalueindex(1));
	lua_pushvalue(lua, 1);
	call_unlimited(lua, sum.bytes + ELEMENT_BYTES);
	return 1;
}

// The most that the text can become, if it is JSON. Counts the commas and brackets inside strings too.
static struct measure measure_text(struct slice text) {
	struct measure sum = {.bytes = 2 * text.len, .values = 1}; // strings, and room to resolve their escapes
	for (size_t i = 0; i < text.len; i++) {
		switch (text.ptr[i]) {
		case '[':
		case '{':
			sum.bytes += TABLE_BYTES;
			sum.values++;
			break;
		case ',':
			sum.values++;
			sum.bytes += ELEMENT_BYTES;
			break;
		case ':':
			sum.bytes += FIELD_BYTES;
			break;
		case '"':
			sum.bytes += QUOTE_BYTES;
			break;
		}
	}
	sum.bytes += ELEMENT_BYTES;
	return sum;
}

struct decoding {
	struct slice text;
	const char **duplicate; // see json_value_style
};

static int decode_text(lua_State *lua) {
	const struct decoding *decoding = lua_touserdata(lua, 1);
	struct json_value_style style = {.duplicate = decoding->duplicate};
	if (!json_value_push(lua, decoding->text, &style))
		return luaL_error(lua, "the text is no JSON, or nested deeper than %d", JSON_DEPTH_MAX);
	return 1;
}

static void push_decoded(lua_State *lua, struct decoding decoding, size_t bytes) {
	lua_pushcfunction(lua, decode_text);
	lua_pushlightuserdata(lua, &decoding);
	call_unlimited(lua, bytes);
}

static int json_decode(lua_State *lua) {
	luaL_checktype(lua, 1, LUA_TSTRING);
	lua_settop(lua, 1);
	size_t bytes;
	const char *text = lua_tolstring(lua, 1, &bytes);
	if (bytes > TEXT_BYTES_MAX)
		return luaL_error(lua, "JSON text too large (%d bytes, at most %d)", (int)bytes, TEXT_BYTES_MAX);
	vm_charge(lua, bytes / BYTES_PER_CHARGE + 1);
	struct measure sum = measure_text(slice_of(text, bytes));
	vm_charge(lua, sum.values * CHARGE_PER_VALUE);
	push_decoded(lua, (struct decoding){.text = slice_of(text, bytes)}, sum.bytes);
	return 1;
}

static void refuse_decoding(lua_State *lua, struct slice text) {
	luaL_error(lua, "JSON of %I bytes is too large for what is left of the budget", (lua_Integer)text.len);
}

const char *sandbox_push_decoded(lua_State *lua, struct slice text) {
	const char *duplicate = NULL;
	uint64_t charge = text.len / BYTES_PER_CHARGE + 1;
	if (text.len > TEXT_BYTES_MAX || !vm_can_afford(lua, charge, 0))
		refuse_decoding(lua, text);
	vm_charge(lua, charge); // measuring takes time, too
	struct measure sum = measure_text(text);
	charge = sum.values * CHARGE_PER_VALUE;
	if (!vm_can_afford(lua, charge, sum.bytes))
		refuse_decoding(lua, text);
	vm_charge(lua, charge);
	push_decoded(lua, (struct decoding){text, &duplicate}, sum.bytes);
	return duplicate;
}

static void configure_cjson(lua_State *lua, const char *setting, int value, bool is_boolean) {
	lua_getfield(lua, -1, setting);
	if (is_boolean)
		lua_pushboolean(lua, value);
	else
		lua_pushinteger(lua, value);
	lua_call(lua, 1, 0);
}

void sandbox_push_json(lua_State *lua) {
	lua_createtable(lua, 0, 3); /* json */
	// cjson allocates outside of the VM when it opens, too.
	vm_enter_unlimited(lua, OPENING_BYTES);
	lua_pushcfunction(lua, luaopen_cjson);
	lua_call(lua, 0, 1); /* json cjson */
	vm_leave_unlimited(lua);
	configure_cjson(lua, "encode_max_depth", DEPTH_MAX + 1, false);
	configure_cjson(lua, "encode_keep_buffer", 0, true);
	lua_getfield(lua, -1, "encode");
	lua_pushcclosure(lua, json_encode, 1);
	lua_setfield(lua, -3, "encode");
	lua_pushcfunction(lua, json_decode);
	lua_setfield(lua, -3, "decode");
	lua_getfield(lua, -1, "null");
	lua_setfield(lua, -3, "null");
	lua_pop(lua, 1);
}
