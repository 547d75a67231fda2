// SPDX-License-Identifier: Apache-2.0
// An option of the same name as a key of the policy file has that key's range.
#include "policy/hook_option.h"

#include <math.h>
#include <string.h>

#include "base/schema.h"
#include "sandbox/object.h"
#include "sandbox/vm.h"

enum { OPTIONS_MAX = 8 };

static void refuse_unknown(lua_State *lua, const struct hook_option *options) {
	const char *names[OPTIONS_MAX + 1] = {0};
	for (size_t i = 0; options[i].name && i < OPTIONS_MAX; i++)
		names[i] = options[i].name;
	if (lua_type(lua, -2) != LUA_TSTRING)
		vm_bad_result(lua, "options have names, not a %s", lua_typename(lua, lua_type(lua, -2)));
	const char *name = lua_tostring(lua, -2);
	const char *nearest = schema_nearest(names, slice_from(name));
	vm_bad_result(lua, "unknown option %.64s%s%s%s", name, nearest ? " (did you mean " : "", nearest ? nearest : "",
	              nearest ? "?)" : "");
}

void hook_option_read_all(lua_State *lua, int index, const struct hook_option *options, void *target) {
	if (lua_type(lua, index) != LUA_TTABLE)
		vm_bad_result(lua, "options have to be a table, not a %s", object_type_name(lua, index));
	for (lua_pushnil(lua); lua_next(lua, index); lua_pop(lua, 1)) {
		const struct hook_option *option = options;
		while (option->name && !(lua_type(lua, -2) == LUA_TSTRING && strcmp(option->name, lua_tostring(lua, -2)) == 0))
			option++;
		if (!option->name)
			refuse_unknown(lua, options);
		option->set(lua, option, target);
	}
}

double hook_option_number(lua_State *lua, const struct hook_option *option) {
	if (lua_type(lua, -1) != LUA_TNUMBER)
		vm_bad_result(lua, "option %s has to be a number, not a %s", option->name, object_type_name(lua, -1));
	double number = lua_tonumber(lua, -1);
	if (!(number >= option->minimum && number <= option->maximum))
		vm_bad_result(lua, "option %s has to be from %.14g to %.14g, not %.14g", option->name, option->minimum,
		              option->maximum, number);
	return number;
}

uint64_t hook_option_integer(lua_State *lua, const struct hook_option *option) {
	double number = hook_option_number(lua, option);
	if (floor(number) != number)
		vm_bad_result(lua, "option %s has to be a whole number, not %.14g", option->name, number);
	return (uint64_t)number;
}

struct slice hook_option_string(lua_State *lua, const struct hook_option *option) {
	size_t bytes;
	if (lua_type(lua, -1) != LUA_TSTRING)
		vm_bad_result(lua, "option %s has to be a string, not a %s", option->name, object_type_name(lua, -1));
	const char *text = lua_tolstring(lua, -1, &bytes);
	if ((double)bytes < option->minimum || (double)bytes > option->maximum)
		vm_bad_result(lua, "option %s has to have %.14g to %.14g bytes, not %zu", option->name, option->minimum,
		              option->maximum, bytes);
	return slice_of(text, bytes);
}

int hook_option_word(lua_State *lua, const struct hook_option *option, const char *const *names) {
	const char *word = lua_type(lua, -1) == LUA_TSTRING ? lua_tostring(lua, -1) : NULL;
	if (!word)
		vm_bad_result(lua, "option %s has to be a string, not a %s", option->name, object_type_name(lua, -1));
	for (int i = 0; names[i]; i++)
		if (*word && strcmp(names[i], word) == 0)
			return i;
	const char *nearest = schema_nearest(names, slice_from(word));
	vm_bad_result(lua, "option %s can't be \"%.64s\"%s%s%s", option->name, word,
	              nearest && *nearest ? " (did you mean \"" : "", nearest ? nearest : "",
	              nearest && *nearest ? "\"?)" : "");
	return 0;
}

enum service_tier hook_option_tier(lua_State *lua, const struct hook_option *option) {
	return (enum service_tier)hook_option_word(lua, option, service_tier_names);
}
