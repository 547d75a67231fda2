// SPDX-License-Identifier: Apache-2.0
// Hostile and broken hooks, row by row: the default decides, the event says why, and the next call works.
#include "fixture.h"

struct row {
	const char *body;   // of the first call of `select`
	const char *detail; // a part of the event's detail
};

static void check_row(const struct row *row) {
	struct fixture fixture;
	char text[8192];
	fixture_init(&fixture);
	snprintf(text, sizeof text,
	         "local calls, kept = 0, {}\n"
	         "return { models = { { id = 'a' }, { id = 'b', fallback = true } },\n"
	         "select = function(request, models)\n"
	         "calls = calls + 1\n"
	         "if calls > 1 then return models.fallback[1] end\n"
	         "%s\n"
	         "end }",
	         row->body);
	fixture_load(&fixture, text);
	CHECK_STRING(fixture_problems(&fixture), "");
	if (fixture.rc == 0) {
		CHECK_STRING(fixture_select(&fixture, NULL), "a");
		CHECK_INT(fixture.errors, 1);
		CHECK_MENTIONS(fixture.detail, row->detail);
		CHECK_STRING(fixture_select(&fixture, NULL), "b");
		CHECK_INT(fixture.errors, 1);
	}
	if (check_failures_in_test)
		printf("  in: %s\n", row->body);
	fixture_free(&fixture);
}

static void check_rows(const struct row *rows, size_t count) {
	for (size_t i = 0; i < count && !check_failures_in_test; i++)
		check_row(&rows[i]);
}
#define CHECK_ROWS(rows) check_rows(rows, sizeof(rows) / sizeof *(rows))

TEST(endless_work_is_over_budget) {
	static const struct row rows[] = {
	    {"while true do end", "select: over budget at"},
	    {"while true do pcall(function() while true do end end) end", "over budget"},
	    {"while true do pcall(error) end", "over budget"},
	    {"local function f() return pcall(f) end while true do f() end", "over budget"},
	    {"xpcall(function() while true do end end, function() while true do end end)", "over budget"},
	    {"local t = setmetatable({}, { __index = function(t, k) while true do end end }) return t.x", "over budget"},
	    {"local t = setmetatable({}, { __eq = function() while true do end end }) return t == setmetatable({}, "
	     "getmetatable(t))",
	     "over budget"},
	    {"local t = setmetatable({}, { __concat = function() while true do end end }) return t .. 'x'", "over budget"},
	    {"for _ in pairs(setmetatable({}, { __pairs = function() while true do end end })) do end", "over budget"},
	    {"for _ in function() return 1 end do end", "over budget"},
	    {"tostring(setmetatable({}, { __tostring = function() while true do end end }))", "over budget"},
	    {"table.sort({ 3, 2, 1 }, function() while true do end end)", "over budget"},
	    {"('x'):rep(10):gsub('.', function() while true do end end)", "over budget"},
	    {"::here:: goto here", "over budget"},
	};
	CHECK_ROWS(rows);
}

TEST(work_in_c_is_charged_before_it_is_done) {
	static const struct row rows[] = {
	    {"return ('x'):rep(1e9)", "over budget"},
	    {"return (''):rep(1e15)", "over budget"},
	    {"return (''):rep(1e15, '')", "over budget"},
	    {"return ('x'):rep(1 << 62, 'yyyyyyyy')", "over budget"},
	    {"for i = 1, 1e6 do local s = ('x'):rep(1000000) end", "over budget"},
	    {"local s = ('x'):rep(100000) while true do s:upper() end", "over budget"},
	    {"local s = ('x'):rep(100000) while true do s:find('y', 1, true) end", "over budget"},
	    {"local s = ('x'):rep(100000) while true do s:byte(1, 200) end", "over budget"},
	    {"return table.concat({}, '', 1, 1e15)", "over budget"},
	    {"return table.concat(setmetatable({}, { __len = function() return 1e15 end, __index = function() return '' "
	     "end }), '', 1, 1e15)",
	     "over budget"},
	    {"return table.move({}, 1, 1e15, 2)", "over budget"},
	    {"return table.move({}, -1e15, 1e15, 2, {})", "over budget"},
	    {"return table.unpack({}, 1, 1e9)", "error"},
	    {"return table.unpack({}, 1, 1e15)", "error"},
	    {"return table.unpack({}, math.mininteger, math.maxinteger)", "error"},
	    {"local t = {} for i = 1, 2000 do t[i] = i end while true do table.insert(t, 1, 0) end", "over budget"},
	    {"local t = {} for i = 1, 2000 do t[i] = i end while true do table.sort(t, rawequal) end", "over budget"},
	    {"while true do utf8.len(('x'):rep(1000)) end", "over budget"},
	    {"local t = {} for i = 1, 40 do t = { t, t } end return json.encode(t)", "over budget"},
	    {"local s = ('x'):rep(30000) while true do local u = s .. s .. calls end", "over budget"},
	    {"local t = {} for i = 1, 9000 do t[i] = 1 end table.move(t, 1, 9000, 1) table.concat(t)", "over budget"},
	    {"local s = ('x'):rep(1e5) table.sort({ s, s, s, s, s, s, s, s, s, s })", "over budget"},
	};
	CHECK_ROWS(rows);
}

TEST(patterns_are_charged_by_their_steps) {
	static const struct row rows[] = {
	    {"return ('a'):rep(300):find('.-.-.-b')", "over budget"},
	    {"return ('a'):rep(300):match('.*.*.*.*b')", "over budget"},
	    {"return ('a'):rep(3000):gsub('a*a*a*b', '')", "over budget"},
	    {"for _ in ('a'):rep(3000):gmatch('a-a-a-b') do end", "over budget"},
	    {"return ('('):rep(20000):find('%b()')", "over budget"},
	    {"return ('a'):rep(3000):find(('a?'):rep(100) .. ('a'):rep(100) .. 'b')", "over budget"},
	    {"return ('a'):rep(10000):find('[' .. ('b'):rep(5000) .. ']')", "over budget"},
	    {"return ('x'):rep(1000):find(('(x'):rep(40))", "error"},
	    {"return ('x'):find('[a')", "error"},
	    {"return ('x'):find('%')", "error"},
	};
	CHECK_ROWS(rows);
}

TEST(memory_is_bounded) {
	static const struct row rows[] = {
	    {"local t = {} while true do t[#t + 1] = {} end", "over"},
	    {"local s = 'x' while true do s = s .. s end", "over"},
	    {"local function f(...) return f(1, ...) end f()", "over"},
	    {"local function f() return 1 + f() end f()", "over budget"},
	    {"local t = {} for i = 1, 1e6 do t[i] = ('x'):rep(1000) .. i end", "over"},
	    {"local s = '[' .. ('[],'):rep(20000) .. '[]]' while true do json.decode(s) end", "over"},
	};
	CHECK_ROWS(rows);
}

// Before each memory error Lua collects all garbage, which no count interrupts: a call may cause that once.
TEST(a_memory_error_can_t_be_caught) {
	struct fixture fixture;
	struct selection selection;
	fixture_init(&fixture);
	fixture_load_limited(&fixture,
	                     "local rounds\n"
	                     "return { models = { { id = 'a' }, { id = 'b', fallback = true } },\n"
	                     "select = function(_, models)\n"
	                     "if rounds then return models[2], nil, tostring(rounds) end\n"
	                     "rounds = 0\n"
	                     "local function fill() local t = {} for i = 1, 1e9 do t[i] = {} end end\n"
	                     "while true do pcall(fill) rounds = rounds + 1 end end }",
	                     1, 100000000, 1 << 20);
	CHECK_STRING(fixture_problems(&fixture), "");
	CHECK_STRING(fixture_select(&fixture, NULL), "a");
	CHECK_MENTIONS(fixture.detail, "select: over memory at ");
	CHECK_MENTIONS(fixture.detail, "policy.lua:");
	CHECK_STRING(fixture_select(&fixture, &selection), "b");
	CHECK_SLICE(selection.reason, SLICE("0"));
	fixture_free(&fixture);
}

TEST(the_memory_limit_ends_a_call_that_has_instructions_left) {
	struct fixture fixture;
	fixture_init(&fixture);
	fixture_load_limited(&fixture,
	                     "local first = true\n"
	                     "return { models = { { id = 'a' }, { id = 'b', fallback = true } },\n"
	                     "select = function(_, models)\n"
	                     "if not first then return models.fallback[1] end\n"
	                     "first = false\n"
	                     "local t = {} while true do t[#t + 1] = { #t } end end }",
	                     1, 100000000, 1 << 20);
	CHECK_STRING(fixture_problems(&fixture), "");
	CHECK_STRING(fixture_select(&fixture, NULL), "a");
	CHECK_MENTIONS(fixture.detail, "select: over memory at ");
	CHECK_STRING(fixture_select(&fixture, NULL), "b");
	CHECK_INT(fixture.errors, 1);
	fixture_free(&fixture);
}

TEST(errors_of_any_kind_are_errors) {
	static const struct row rows[] = {
	    {"error('no')", "select: error at"},
	    {"error()", "select: error at"},
	    {"error({ code = 1 })", "select: error at"},
	    {"error(setmetatable({}, { __tostring = function() while true do end end }))", "select: error at"},
	    {"error(setmetatable({}, { __tostring = error, __name = 1 }))", "select: error at"},
	    {"error(request)", "select: error at"},
	    {"local nothing; return nothing.x", "select: error at"},
	    {"return calls.x.y", "select: error at"},
	    {"local function f() f() end xpcall(f, f) error('end')", "select: "},
	};
	CHECK_ROWS(rows);
}

TEST(unlisted_functions_are_unreachable) {
	static const struct row rows[] = {
	    {"return io.open('/etc/passwd')", "error"},
	    {"return os.execute('true')", "error"},
	    {"return os.getenv('HOME')", "error"},
	    {"return os.exit(1)", "error"},
	    {"return debug.getregistry()", "error"},
	    {"return package.path", "error"},
	    {"return load('return 1')()", "error"},
	    {"return loadstring", "error"},
	    {"return dofile('/etc/passwd')", "error"},
	    {"return loadfile('/etc/passwd')", "error"},
	    {"return collectgarbage()", "error"},
	    {"return coroutine.create(print)", "error"},
	    {"print('x')", "error"},
	    {"warn('@on')", "error"},
	    {"return string.dump(function() end)", "error"},
	    {"return ('').dump(function() end)", "error"},
	    {"return string.pack('i', 1)", "error"},
	    {"return ('x'):pack()", "error"},
	    {"return math.randomseed(1)", "error"},
	    {"setmetatable({}, { __gc = function() end })", "error"},
	    {"setmetatable({}, { __close = function() end })", "error"},
	    {"setmetatable({}, { __mode = 'k' })", "error"},
	    {"local t = {} setmetatable(t, { __call = t })", "error"},
	    {"setmetatable({}, { __call = setmetatable({}, { __call = error }) })", "error"},
	    {"local m = {} local x = setmetatable({}, m) m.__call = x x()", "error"},
	    {"local m = {} local x = setmetatable({}, m) m.__close = error local y <close> = x", "error"},
	    {"setmetatable(request, {})", "error"},
	    {"getmetatable('').__index = nil", "error"},
	    {"getmetatable(request).__index = nil", "error"},
	    {"string.rep = nil", "error"},
	    {"math = nil", "error"},
	    {"_G.x = 1", "error"},
	    {"undeclared = 1", "error"},
	    {"return undeclared", "error"},
	    {"rawset(string, 'rep', nil)", "error"},
	    {"rawset(_G, 'x', 1)", "error"},
	    {"local _, hidden = pairs(string) hidden.rep = nil", "error"},
	    {"next(string)", "error"},
	    {"json.decode_max_depth(1000000)", "error"},
	    {"json.decode(('['):rep(2000) .. (']'):rep(2000))", "error"},
	    {"json.encode(function() end)", "error"},
	    {"local t = {} t.t = t json.encode(t)", "error"},
	    {"json.decode('{')", "error"},
	    {"require 'late'", "error"},
	    {"require '../policy'", "error"},
	    {"require '/etc/passwd'", "error"},
	    {"require 'signalbox'", "error"},
	    {"require 'signalbox.nothing'", "error"},
	    {"require 'a..b'", "error"},
	    {"require ''", "error"},
	    {"require 'a\\0b'", "error"},
	    {"require(nil)", "error"},
	};
	CHECK_ROWS(rows);
}

TEST(listed_functions_work) {
	struct fixture fixture;
	fixture_init(&fixture);
	fixture_write(&fixture, "rules.lua", "return { limit = 3, name = ... }");
	// An error here is a load error, so each line is an assertion.
	fixture_load(
	    &fixture,
	    "local rules = require 'rules'\n"
	    "assert(rules.limit == 3 and rules.name == 'rules' and require 'rules' == rules)\n"
	    "assert(('abc'):upper() == 'ABC' and ('x'):rep(3, ',') == 'x,x,x' and #('x'):rep(0) == 0)\n"
	    "assert(string.format('%d %s %5.2f', 1, 'x', 2.5) == '1 x  2.50')\n"
	    "assert(('key=value'):match('^(%w+)=(%w+)$') == 'key')\n"
	    "assert(table.concat({ 1, 'b', 2.5 }, '-') == '1-b-2.5')\n"
	    "local t = { 3, 1, 2 } table.sort(t) assert(t[1] == 1 and t[3] == 3)\n"
	    "table.sort(t, function(a, b) return a > b end) assert(t[1] == 3)\n"
	    "assert(not pcall(table.sort, setmetatable({ 2, 1 }, {})))\n"
	    "table.insert(t, 9) table.insert(t, 1, 8) assert(t[1] == 8 and t[5] == 9 and #t == 5)\n"
	    "assert(table.remove(t, 1) == 8 and table.remove(t) == 9 and #t == 3)\n"
	    "assert(select('#', table.unpack({ 1, 2, 3 })) == 3 and table.pack(1, nil, 3).n == 3)\n"
	    "local m = table.move({ 1, 2, 3 }, 1, 3, 2) assert(m[1] == 1 and m[2] == 1 and m[4] == 3)\n"
	    "m = table.move({ 1, 2, 3 }, 2, 3, 1) assert(m[1] == 2 and m[2] == 3 and m[3] == 3)\n"
	    "assert(math.floor(2.5) == 2 and math.max(1, 3) == 3 and math.pi > 3)\n"
	    "for _ = 1, 100 do local r = math.random() assert(r >= 0 and r < 1) end\n"
	    "for _ = 1, 100 do local r = math.random(3) assert(r >= 1 and r <= 3) end\n"
	    "for _ = 1, 100 do local r = math.random(-2, 2) assert(r >= -2 and r <= 2) end\n"
	    "assert(math.type(math.random(0, math.maxinteger)) == 'integer')\n"
	    "assert(not pcall(math.random, 2, 1))\n"
	    "assert(utf8.len('\\u{e9}') == 1 and utf8.char(233) == '\\u{e9}')\n"
	    "assert(os.time() > 1600000000 and #os.date('%Y') == 4 and os.clock() >= 0)\n"
	    "assert(json.encode({ 1, 2 }) == '[1,2]' and json.decode('{\"a\":[1,null]}').a[2] == json.null)\n"
	    "assert(not pcall(json.decode, 'NaN') and not pcall(json.encode, 0 / 0))\n"
	    "assert(tostring(json.decode('5')) == '5' and tostring(json.decode('-0')) == '0')\n"
	    "assert(json.decode('9223372036854775807') == math.maxinteger and json.decode('1e2') == 100)\n"
	    "assert(math.type(json.decode('9223372036854775808')) == 'float' and tostring(json.decode('5.0')) == '5.0')\n"
	    "assert(json.decode('\"a\\\\u00e9\\\\n\"') == 'a\\u{e9}\\n' and json.decode('[]')[1] == nil)\n"
	    "local ok, sum = xpcall(function(a, b) return a + b end, error, 2, 3) assert(ok and sum == 5)\n"
	    "assert(select(2, xpcall(error, function(e) return e .. '!' end, 'x')) == 'x!')\n"
	    "assert(xpcall(error, tostring, 'x') == false)\n"
	    "assert(not pcall(xpcall, error, 'x') and not pcall(xpcall, error, error, 'x'))\n"
	    "assert(_G.string == string and type(_VERSION) == 'string')\n"
	    "local n = 0 for k, v in pairs(math) do n = n + 1 end assert(n > 20)\n"
	    "assert(setmetatable({}, { __index = { x = 1 } }).x == 1)\n"
	    "local class = {} class.__index = class local object = setmetatable({}, class)\n"
	    "assert(getmetatable(object) == class and rawequal(setmetatable(object, class), object))\n"
	    "function class.method() return 7 end assert(object.method() == 7)\n"
	    "class.__call = function() return 8 end assert(not pcall(object))\n"
	    "assert(setmetatable(object, class)() == 8 and setmetatable(object, nil) and not getmetatable(object))\n"
	    "assert(not pcall(setmetatable, setmetatable({}, { __metatable = 1 }), {}))\n"
	    "assert(select(2, pcall(error, 'x')) == 'x' and tonumber('0x10') == 16 and tostring(nil) == 'nil')\n"
	    "assert(require('signalbox.select').weighted and not pcall(function() require('signalbox.select').x = 1 end))\n"
	    "return { models = { { id = 'a' } } }");
	CHECK_STRING(fixture_problems(&fixture), "");
	fixture_free(&fixture);
}

// Every name that a policy can reach from its globals; adding one must be a decision.
TEST(nothing_but_the_list_is_reachable) {
	struct fixture fixture;
	fixture_init(&fixture);
	fixture_load(
	    &fixture,
	    "local known = {}\n"
	    "for name in ([[_G _VERSION assert error getmetatable ipairs json json.decode json.encode json.null math\n"
	    "math.abs math.acos math.asin math.atan math.ceil math.cos math.deg math.exp math.floor math.fmod math.huge\n"
	    "math.log math.max math.maxinteger math.min math.mininteger math.modf math.pi math.rad math.random math.sin\n"
	    "math.sqrt math.tan math.tointeger math.type math.ult next os os.clock os.date os.time pairs pcall rawequal\n"
	    "rawget rawlen rawset require select setmetatable string string.byte string.char string.find string.format\n"
	    "string.gmatch string.gsub string.len string.lower string.match string.rep string.reverse string.sub\n"
	    "string.upper table table.concat table.insert table.move table.pack table.remove table.sort table.unpack\n"
	    "tonumber tostring type utf8 utf8.char utf8.charpattern utf8.codepoint utf8.codes utf8.len utf8.offset\n"
	    "xpcall]]):gmatch('%S+') do known[name] = true end\n"
	    "local function meet(name) assert(known[name], name) known[name] = nil end\n"
	    "for name, value in pairs(_G) do\n"
	    "  meet(name)\n"
	    "  if type(value) == 'userdata' and name ~= '_G' then\n"
	    "    for inner in pairs(value) do meet(name .. '.' .. inner) end\n"
	    "  end\n"
	    "end\n"
	    "assert(next(known) == nil, next(known))\n"
	    "return { models = { { id = 'a' } } }");
	CHECK_STRING(fixture_problems(&fixture), "");
	fixture_free(&fixture);
}

// Each comparison of two long strings is one instruction that takes some hundred microseconds.
TEST(uncounted_work_ends_by_processor_time) {
	struct fixture fixture;
	struct selection selection;
	uint64_t rounds = UINT64_MAX;
	fixture_init(&fixture);
	fixture_load(&fixture, "local line, n = ('x'):rep(1000):rep(4000), nil\n"
	                       "local one, other = line .. 'a', line .. 'b' line = nil\n"
	                       "return { models = { { id = 'a' }, { id = 'b', fallback = true } },\n"
	                       "select = function(_, models)\n"
	                       "if n then return models[2], nil, tostring(n) end\n"
	                       "n = 0 while true do if one == other then return models[2] end n = n + 1 end end }");
	CHECK_STRING(fixture_problems(&fixture), "");
	CHECK_STRING(fixture_select(&fixture, NULL), "a");
	CHECK_MENTIONS(fixture.detail, "select: over budget at ");
	CHECK_STRING(fixture_select(&fixture, &selection), "b");
	CHECK(slice_parse_u64(selection.reason, UINT64_MAX, &rounds));
	// The instruction budget alone would end it after some ten thousand rounds.
	CHECK(rounds < 5000);
	fixture_free(&fixture);
}

// Joining a long string is one instruction too; the memory that it allocates ends the call before the next one.
TEST(allocated_memory_is_charged_at_once) {
	struct fixture fixture;
	struct selection selection;
	fixture_init(&fixture);
	fixture_load(&fixture, "local line, n = ('x'):rep(1000):rep(3000), nil\n"
	                       "return { models = { { id = 'a' }, { id = 'b', fallback = true } },\n"
	                       "select = function(_, models)\n"
	                       "if n then return models[2], nil, tostring(n) end\n"
	                       "n = 0 while true do local joined = line .. n n = n + 1 end end }");
	CHECK_STRING(fixture_problems(&fixture), "");
	CHECK_STRING(fixture_select(&fixture, NULL), "a");
	CHECK_MENTIONS(fixture.detail, "select: over budget at ");
	CHECK_STRING(fixture_select(&fixture, &selection), "b");
	CHECK_SLICE(selection.reason, SLICE("2"));
	fixture_free(&fixture);
}

int main(void) {
	RUN(endless_work_is_over_budget);
	RUN(work_in_c_is_charged_before_it_is_done);
	RUN(patterns_are_charged_by_their_steps);
	RUN(memory_is_bounded);
	RUN(a_memory_error_can_t_be_caught);
	RUN(the_memory_limit_ends_a_call_that_has_instructions_left);
	RUN(errors_of_any_kind_are_errors);
	RUN(unlisted_functions_are_unreachable);
	RUN(listed_functions_work);
	RUN(nothing_but_the_list_is_reachable);
	RUN(uncounted_work_ends_by_processor_time);
	if (!IS_THREAD_SANITIZED) // time would end the call first
		RUN(allocated_memory_is_charged_at_once);
	return check_summary();
}
