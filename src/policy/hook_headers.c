// SPDX-License-Identifier: Apache-2.0
// Refused headers are those that would break the message (framing, hop-by-hop), the signature, or the router's own
// headers.
#include "policy/hook_headers.h"

#include <string.h>

#include "sandbox/object.h"
#include "sandbox/vm.h"

static bool is_token_byte(char byte) {
	bool is_alphanumeric = (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') || (byte >= '0' && byte <= '9');
	return is_alphanumeric || (byte && strchr("!#$%&'*+-.^_`|~", byte));
}

static bool is_token(struct slice name) {
	for (size_t i = 0; i < name.len; i++)
		if (!is_token_byte(name.ptr[i]))
			return false;
	return name.len > 0;
}

static bool has_control(struct slice value) {
	for (size_t i = 0; i < value.len; i++)
		if ((unsigned char)value.ptr[i] < ' ' || value.ptr[i] == 0x7f)
			return true;
	return false;
}

static bool starts_nocase(struct slice name, struct slice prefix) {
	return name.len >= prefix.len && slice_equal_nocase(slice_of(name.ptr, prefix.len), prefix);
}

static bool is_reserved(struct slice name) {
	static const char *const names[] = {
	    "authorization",
	    "connection",
	    "content-encoding",
	    "content-length",
	    "content-type",
	    "expect",
	    "host",
	    "keep-alive",
	    "te",
	    "trailer",
	    "transfer-encoding",
	    "upgrade",
	    "user-agent",
	    "x-amz-content-sha256",
	    "x-amz-date",
	    "x-amz-security-token",
	    "x-amzn-bedrock-service-tier",
	    NULL,
	};
	for (size_t i = 0; names[i]; i++)
		if (slice_equal_nocase(name, slice_from(names[i])))
			return true;
	return starts_nocase(name, SLICE("proxy-")) || starts_nocase(name, SLICE("x-signalbox-"));
}

static void check_header(lua_State *lua, struct slice name, struct slice value, struct headers others) {
	if (!is_token(name))
		vm_bad_result(lua, "a header's name has to be a token");
	if (is_reserved(name))
		vm_bad_result(lua, "header %.*s can't be set", SLICE_ARGS(name));
	if (headers_find(others, name))
		vm_bad_result(lua, "header %.*s is there twice", SLICE_ARGS(name));
	if (has_control(value))
		vm_bad_result(lua, "the value of header %.*s has control characters", SLICE_ARGS(name));
}

// Comes before the other checks: a text may be as long as the VM's memory.
static void check_room(lua_State *lua, const struct hook_headers *copy, struct slice name, struct slice value) {
	size_t room = sizeof copy->text - copy->text_bytes;
	if (name.len > room || value.len > room - name.len)
		vm_bad_result(lua, "headers have to have at most %d bytes in all", HOOK_HEADER_BYTES_MAX);
}

static struct slice copy_text(struct hook_headers *copy, struct slice text) {
	char *start = copy->text + copy->text_bytes;
	memcpy(start, text.ptr, text.len);
	copy->text_bytes += text.len;
	return slice_of(start, text.len);
}

static struct slice string_at(lua_State *lua, int index, const char *what) {
	size_t bytes;
	if (lua_type(lua, index) != LUA_TSTRING)
		vm_bad_result(lua, "a header's %s has to be a string, not a %s", what, object_type_name(lua, index));
	const char *text = lua_tolstring(lua, index, &bytes);
	return slice_of(text, bytes);
}

struct headers hook_headers_read(lua_State *lua, struct hook_headers *copy) {
	struct headers headers = {copy->list, 0};
	copy->text_bytes = 0;
	if (lua_type(lua, -1) != LUA_TTABLE)
		vm_bad_result(lua, "headers have to be a table, not a %s", object_type_name(lua, -1));
	for (lua_pushnil(lua); lua_next(lua, -2); lua_pop(lua, 1)) {
		struct slice name = string_at(lua, -2, "name");
		struct slice value = string_at(lua, -1, "value");
		if (headers.count == HOOK_HEADERS_MAX)
			vm_bad_result(lua, "at most %d headers can be set", HOOK_HEADERS_MAX);
		check_room(lua, copy, name, value);
		check_header(lua, name, value, headers);
		struct header *header = &copy->list[headers.count];
		header->name = copy_text(copy, name);
		header->value = copy_text(copy, value);
		headers.count++;
	}
	return headers;
}
