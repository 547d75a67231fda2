// SPDX-License-Identifier: Apache-2.0
// Edits of bodies: tables of replaced, inserted and refused values; and edits of generated bodies, whose results are
// checked with another JSON library.
#include "aws/body_edit.h"

#include <lauxlib.h>
#include <lualib.h>
#include <stdlib.h>

#include "../check.h"
#include "base/error.h"
#include "base/random.h"

enum { OUT_BYTES = 1 << 20, BODIES = 20000 };

static const struct body_edit TIER = {.tier = {"priority", 8}};
static const struct body_edit TOKENS = {.max_tokens = 64};
static const struct body_edit GUARDRAIL = {.guardrail_identifier = {"gr\"1", 4}, .guardrail_version = {"2", 1}};
static const struct body_edit TRACED = {
    .guardrail_identifier = {"gr", 2}, .guardrail_version = {"DRAFT", 5}, .guardrail_trace = {"Enabled_Full", 12}};
static const struct body_edit ALL = {
    .tier = {"flex", 4}, .guardrail_identifier = {"g", 1}, .guardrail_version = {"1", 1}, .max_tokens = 9};

// Plans the edit and writes it in slices of `bytes`.
static int write_edit(const struct body_edit *edit, enum operation operation, struct slice body, size_t bytes,
                      struct buffer *out, char *reason) {
	struct request_shape shape;
	struct json_patches patches;
	struct json_patch_cursor cursor = {0};
	bool is_over = false;
	request_shape_read(body, &shape);
	if (shape.flaw.kind != FLAW_NONE) {
		request_flaw_describe(&shape.flaw, reason);
		return ERROR_INVALID;
	}
	int status = body_edit_plan(edit, operation, body, &shape, &patches, reason);
	while (status == 0 && !is_over)
		status = json_patches_write(&patches, body, &cursor, bytes, out, &is_over);
	json_patches_free(&patches);
	return status;
}

// Copies the body to an allocation of its exact size, so that a sanitizer sees every read past its end. However the
// writing is sliced, the result is the same.
static int edit_body(const struct body_edit *edit, enum operation operation, struct slice body, struct buffer *out,
                     char *reason) {
	struct buffer sliced;
	char *copy = malloc(body.len ? body.len : 1);
	memcpy(copy, body.ptr, body.len);
	buffer_clear(out);
	buffer_init(&sliced, OUT_BYTES);
	int status = write_edit(edit, operation, slice_of(copy, body.len), SIZE_MAX, out, reason);
	for (size_t bytes = 1; status == 0 && bytes < 20; bytes += 3) {
		buffer_clear(&sliced);
		CHECK_INT(write_edit(edit, operation, slice_of(copy, body.len), bytes, &sliced, reason), 0);
		CHECK_SLICE(buffer_slice(&sliced), buffer_slice(out));
	}
	buffer_free(&sliced);
	free(copy);
	return status;
}

struct row {
	const struct body_edit *edit;
	const char *body;
	const char *edited; // NULL: refused
	const char *reason;
};

static void check_rows(const struct row *rows, size_t count, enum operation operation) {
	struct buffer out;
	buffer_init(&out, OUT_BYTES);
	for (size_t i = 0; i < count; i++) {
		char reason[BODY_EDIT_REASON_BYTES];
		int before = check_failures_in_test;
		int status = edit_body(rows[i].edit, operation, slice_from(rows[i].body), &out, reason);
		CHECK_INT(status, rows[i].edited ? 0 : ERROR_INVALID);
		CHECK_STRING(reason, rows[i].reason ? rows[i].reason : "");
		if (rows[i].edited)
			CHECK_SLICE(buffer_slice(&out), slice_from(rows[i].edited));
		if (check_failures_in_test > before)
			printf("  for %s\n", rows[i].body);
	}
	buffer_free(&out);
}
#define CHECK_ROWS(rows, operation) check_rows(rows, sizeof(rows) / sizeof(rows)[0], operation)

static const char NO_OBJECT[] = "The body is no JSON object.";
#define NO_JSON(offset) "The body is not valid JSON, at offset " offset "."

static const struct row CONVERSE[] = {
    // Inserted at the front if it is absent.
    {&TIER, "{}", "{\"serviceTier\":{\"type\":\"priority\"}}", NULL},
    {&TIER, " { \n} ", " {\"serviceTier\":{\"type\":\"priority\"} \n} ", NULL},
    {&TIER, "{\"a\" : 1}", "{\"serviceTier\":{\"type\":\"priority\"},\"a\" : 1}", NULL},
    {&TIER, "{\n  \"a\": [1, 2]\n}\n", "{\"serviceTier\":{\"type\":\"priority\"},\n  \"a\": [1, 2]\n}\n", NULL},
    // Replaced if it is there, whatever its value.
    {&TIER, "{\"serviceTier\":{\"type\":\"flex\"}}", "{\"serviceTier\":{\"type\":\"priority\"}}", NULL},
    {&TIER, "{\"a\":1, \"serviceTier\" : null , \"b\":2}",
     "{\"a\":1, \"serviceTier\" : {\"type\":\"priority\"} , \"b\":2}", NULL},
    {&TIER, "{\"serviceTier\": \"x\\\"}\"}", "{\"serviceTier\": {\"type\":\"priority\"}}", NULL},
    {&TIER, "{\"serviceTier\":-1.5e3}", "{\"serviceTier\":{\"type\":\"priority\"}}", NULL},
    {&TIER, "{\"serviceTier\":[{\"type\":[]}],\"b\":0}", "{\"serviceTier\":{\"type\":\"priority\"},\"b\":0}", NULL},
    {&TIER, "{\"service\\u0054ier\":true}", "{\"service\\u0054ier\":{\"type\":\"priority\"}}", NULL},
    // Members that only look like it.
    {&TIER, "{\"a\":{\"serviceTier\":1},\"b\":\"\\\"serviceTier\\\":1\"}",
     "{\"serviceTier\":{\"type\":\"priority\"},\"a\":{\"serviceTier\":1},\"b\":\"\\\"serviceTier\\\":1\"}", NULL},
    {&TIER, "{\"servicetier\":1,\"serviceTier \":1,\"\\\\u0073erviceTier\":1}",
     "{\"serviceTier\":{\"type\":\"priority\"},\"servicetier\":1,\"serviceTier \":1,\"\\\\u0073erviceTier\":1}", NULL},
    // Twice on the path, and twice elsewhere.
    {&TIER, "{\"serviceTier\":1,\"serviceTier\":1}", NULL,
     "The body has \"serviceTier\" twice, the second time at offset 31."},
    {&TIER, "{\"serviceTier\":1,\"a\":{},\"serviceTi\\u0065r\":1}", NULL,
     "The body has \"serviceTier\" twice, the second time at offset 43."},
    {&TIER, "{\"a\":1,\"a\":2}", "{\"serviceTier\":{\"type\":\"priority\"},\"a\":1,\"a\":2}", NULL},
    // A guardrail replaces the previous one completely.
    {&GUARDRAIL, "{\"guardrailConfig\":{\"guardrailIdentifier\":\"x\",\"streamProcessingMode\":\"async\"}}",
     "{\"guardrailConfig\":{\"guardrailIdentifier\":\"gr\\\"1\",\"guardrailVersion\":\"2\"}}", NULL},
    {&TRACED, "{}",
     "{\"guardrailConfig\":{\"guardrailIdentifier\":\"gr\",\"guardrailVersion\":\"DRAFT\",\"trace\":\"enabled_full\"}}",
     NULL},
    // The token limit is one level down.
    {&TOKENS, "{}", "{\"inferenceConfig\":{\"maxTokens\":64}}", NULL},
    {&TOKENS, "{\"inferenceConfig\":null}", NULL, "The body's \"inferenceConfig\" is no object, at offset 19."},
    {&TOKENS, "{\"inferenceConfig\":{ }}", "{\"inferenceConfig\":{\"maxTokens\":64 }}", NULL},
    {&TOKENS, "{\"inferenceConfig\":{\"topP\":0.5}}", "{\"inferenceConfig\":{\"maxTokens\":64,\"topP\":0.5}}", NULL},
    {&TOKENS, "{\"x\":[],\"inferenceConfig\":{\"topP\":0.5, \"maxTokens\" :1000},\"y\":{\"maxTokens\":3}}",
     "{\"x\":[],\"inferenceConfig\":{\"topP\":0.5, \"maxTokens\" :64},\"y\":{\"maxTokens\":3}}", NULL},
    {&TOKENS, "{\"inferenceConfig\":{\"a\":{\"maxTokens\":3},\"b\":[{\"maxTokens\":4}]}}",
     "{\"inferenceConfig\":{\"maxTokens\":64,\"a\":{\"maxTokens\":3},\"b\":[{\"maxTokens\":4}]}}", NULL},
    {&TOKENS, "{\"maxTokens\":1}", "{\"inferenceConfig\":{\"maxTokens\":64},\"maxTokens\":1}", NULL},
    {&TOKENS, "{\"inferenceConfig\":{\"maxTokens\":1,\"\\u006daxTokens\":1}}", NULL,
     "The body has \"maxTokens\" twice, the second time at offset 51."},
    {&TOKENS, "{\"inferenceConfig\":{},\"inferenceConfig\":{}}", NULL,
     "The body has \"inferenceConfig\" twice, the second time at offset 40."},
    {&TOKENS, "{\"inferenceConfig\":[]}", NULL, "The body's \"inferenceConfig\" is no object, at offset 19."},
    {&TOKENS, "{\"inferenceConfig\":\"\"}", NULL, "The body's \"inferenceConfig\" is no object, at offset 19."},
    // All at once.
    {&ALL, "{}",
     "{\"inferenceConfig\":{\"maxTokens\":9},"
     "\"guardrailConfig\":{\"guardrailIdentifier\":\"g\",\"guardrailVersion\":\"1\"},"
     "\"serviceTier\":{\"type\":\"flex\"}}",
     NULL},
    {&ALL, "{\"guardrailConfig\":0,\"inferenceConfig\":{\"maxTokens\":0}}",
     "{\"serviceTier\":{\"type\":\"flex\"},"
     "\"guardrailConfig\":{\"guardrailIdentifier\":\"g\",\"guardrailVersion\":\"1\"},"
     "\"inferenceConfig\":{\"maxTokens\":9}}",
     NULL},
    // No JSON, or no object.
    {&TIER, "", NULL, NO_JSON("0")},
    {&TIER, "  ", NULL, NO_JSON("2")},
    {&TIER, "[]", NULL, NO_OBJECT},
    {&TIER, "\"{}\"", NULL, NO_OBJECT},
    {&TIER, "\xef\xbb\xbf{}", NULL, "The body begins with a byte order mark, at offset 0."},
    {&TIER, "{", NULL, NO_JSON("1")},
    {&TIER, "{\"a\"}", NULL, NO_JSON("4")},
    {&TIER, "{\"a\":1,}", NULL, NO_JSON("7")},
    {&TIER, "{\"serviceTier\":", NULL, NO_JSON("15")},
    {&TIER, "{\"serviceTier\":1", NULL, NO_JSON("16")},
    {&TIER, "{\"serviceTier\":01}", NULL, NO_JSON("15")},
    {&TIER, "{\"a\":\"\n\"}", NULL, NO_JSON("5")},
    {&TIER, "{\"a\":\"\\u12\"}", NULL, NO_JSON("5")},
    {&TIER, "{'a':1}", NULL, NO_JSON("1")},
    {&TIER, "{} {}", NULL, "The body has text behind its JSON value, at offset 3."},
    {&TIER, "{\"a\":1}\\", NULL, "The body has text behind its JSON value, at offset 7."},
};

TEST(edits_converse_bodies) {
	CHECK_ROWS(CONVERSE, OPERATION_CONVERSE);
	CHECK_ROWS(CONVERSE, OPERATION_CONVERSE_STREAM);
}

static const char NO_LIMIT[] = "The body has no limit of tokens of a known name.";

static const struct row INVOKE[] = {
    {&TOKENS, "{\"anthropic_version\":\"b\",\"max_tokens\": 5 ,\"messages\":[]}",
     "{\"anthropic_version\":\"b\",\"max_tokens\": 64 ,\"messages\":[]}", NULL},
    {&TOKENS, "{\"prompt\":\"p\",\"max_tokens_to_sample\":5}", "{\"prompt\":\"p\",\"max_tokens_to_sample\":64}", NULL},
    {&TOKENS, "{\"max_completion_tokens\":5}", "{\"max_completion_tokens\":64}", NULL},
    {&TOKENS, "{\"max_gen_len\":5}", "{\"max_gen_len\":64}", NULL},
    {&TOKENS, "{\"maxTokens\":5}", "{\"maxTokens\":64}", NULL},
    {&TOKENS, "{\"inferenceConfig\":{\"maxTokens\":5}}", "{\"inferenceConfig\":{\"maxTokens\":64}}", NULL},
    {&TOKENS, "{\"inferenceConfig\":{\"max_new_tokens\":5}}", "{\"inferenceConfig\":{\"max_new_tokens\":64}}", NULL},
    {&TOKENS, "{\"textGenerationConfig\":{\"maxTokenCount\":5}}", "{\"textGenerationConfig\":{\"maxTokenCount\":64}}",
     NULL},
    // The tier and the guardrail are headers.
    {&ALL, "{\"max_tokens\":1}", "{\"max_tokens\":9}", NULL},
    // Nothing is inserted, since the model family is unknown.
    {&TOKENS, "{}", NULL, NO_LIMIT},
    {&TOKENS, "{\"inferenceConfig\":{}}", NULL, NO_LIMIT},
    {&TOKENS, "{\"inferenceConfig\":5}", NULL, NO_LIMIT},
    {&TOKENS, "{\"textGenerationConfig\":0}", NULL, NO_LIMIT},
    {&TOKENS, "{\"max_tokens\":\"5\"}", NULL, NO_LIMIT},
    {&TOKENS, "{\"tools\":[{\"max_tokens\":5}]}", NULL, NO_LIMIT},
    {&TOKENS, "{\"max_tokens\":5,\"max_gen_len\":5}", NULL,
     "The body limits its tokens twice: \"max_tokens\" and \"max_gen_len\"."},
    {&TOKENS, "{\"max_tokens\":5,\"max_tokens\":5}", NULL,
     "The body has \"max_tokens\" twice, the second time at offset 29."},
    {&TOKENS, "{\"inferenceConfig\":{\"maxTokens\":5},\"inferenceConfig\":{}}", NULL,
     "The body has \"inferenceConfig\" twice, the second time at offset 53."},
    {&TOKENS, "not JSON", NULL, NO_JSON("0")},
};

TEST(edits_invoke_bodies) {
	CHECK_ROWS(INVOKE, OPERATION_INVOKE_MODEL);
	CHECK_ROWS(INVOKE, OPERATION_INVOKE_MODEL_STREAM);
}

TEST(knows_which_edits_change_the_body) {
	static const struct body_edit none = {.guardrail_version = {"1", 1}};
	CHECK(!body_edit_is_in_body(&none, OPERATION_CONVERSE));
	CHECK(body_edit_is_in_body(&TIER, OPERATION_CONVERSE));
	CHECK(body_edit_is_in_body(&GUARDRAIL, OPERATION_CONVERSE_STREAM));
	CHECK(body_edit_is_in_body(&TOKENS, OPERATION_CONVERSE));
	CHECK(!body_edit_is_in_body(&TIER, OPERATION_INVOKE_MODEL));
	CHECK(!body_edit_is_in_body(&GUARDRAIL, OPERATION_INVOKE_MODEL_STREAM));
	CHECK(body_edit_is_in_body(&TOKENS, OPERATION_INVOKE_MODEL_STREAM));
	CHECK(!body_edit_is_in_body(&ALL, OPERATION_COUNT_TOKENS));
}

TEST(lists_edits_in_headers) {
	struct header list[BODY_EDIT_HEADERS_MAX];
	char trace[BODY_EDIT_TRACE_BYTES];
	CHECK_INT(body_edit_headers(&ALL, OPERATION_CONVERSE, trace, list), 0);
	CHECK_INT(body_edit_headers(&ALL, OPERATION_COUNT_TOKENS, trace, list), 0);
	CHECK_INT(body_edit_headers(&TOKENS, OPERATION_INVOKE_MODEL, trace, list), 0);
	CHECK_INT(body_edit_headers(&TIER, OPERATION_INVOKE_MODEL_STREAM, trace, list), 1);
	CHECK_SLICE(list[0].name, SLICE("x-amzn-bedrock-service-tier"));
	CHECK_SLICE(list[0].value, SLICE("priority"));
	CHECK_INT(body_edit_headers(&TRACED, OPERATION_INVOKE_MODEL, trace, list), 3);
	CHECK_SLICE(list[0].name, SLICE("x-amzn-bedrock-guardrailidentifier"));
	CHECK_SLICE(list[0].value, SLICE("gr"));
	CHECK_SLICE(list[1].name, SLICE("x-amzn-bedrock-guardrailversion"));
	CHECK_SLICE(list[1].value, SLICE("DRAFT"));
	CHECK_SLICE(list[2].name, SLICE("x-amzn-bedrock-trace"));
	CHECK_SLICE(list[2].value, SLICE("ENABLED_FULL"));
	// An edit without a trace removes the client's.
	CHECK_INT(body_edit_headers(&ALL, OPERATION_INVOKE_MODEL, trace, list), 4);
	CHECK_SLICE(list[3].name, SLICE("x-amzn-bedrock-trace"));
	CHECK(list[3].value.ptr == NULL);
}

TEST(fails_when_the_buffer_is_full) {
	struct buffer out;
	char reason[BODY_EDIT_REASON_BYTES];
	buffer_init(&out, 20);
	CHECK_INT(edit_body(&TIER, OPERATION_CONVERSE, SLICE("{}"), &out, reason), ERROR_LIMIT);
	buffer_free(&out);
}

// Fifty thousand brackets, and as many escaped keys, take one pass.
TEST(handles_depth_and_escapes) {
	enum { COUNT = 50000 };
	struct buffer body, out;
	char reason[BODY_EDIT_REASON_BYTES];
	buffer_init(&body, OUT_BYTES);
	buffer_init(&out, OUT_BYTES);
	buffer_append(&body, SLICE("{\"a\":"));
	for (int i = 0; i < COUNT; i++)
		buffer_append(&body, SLICE("["));
	CHECK_INT(edit_body(&TIER, OPERATION_CONVERSE, buffer_slice(&body), &out, reason), ERROR_INVALID);
	CHECK_STRING(reason, "The body is nested too deep, at offset 68.");
	buffer_clear(&body);
	for (int i = 0; i < COUNT; i++)
		buffer_printf(&body, "%c\"\\u0073%d\":0", i ? ',' : '{', i);
	buffer_append(&body, SLICE("}"));
	CHECK_INT(edit_body(&TIER, OPERATION_CONVERSE, buffer_slice(&body), &out, reason), 0);
	CHECK_INT(out.len, body.len + strlen("\"serviceTier\":{\"type\":\"priority\"},"));
	buffer_free(&body);
	buffer_free(&out);
}

// A random body of edited keys, similar keys and other keys.
struct generator {
	struct random_source random;
	struct buffer text;
	unsigned tiers;                         // the number of those keys on their path
	unsigned guardrails, configs, messages; // likewise
	unsigned own_limits, limits, types;     // likewise: maxTokens at the top and in inferenceConfig, serviceTier.type
	bool config_is_odd;                     // inferenceConfig is no object
};

static uint64_t below(struct generator *generator, uint64_t bound) {
	return random_below(&generator->random, bound);
}

static void append_space(struct generator *generator) {
	static const char spaces[] = " \t\n\r";
	while (below(generator, 4) == 0)
		buffer_append_byte(&generator->text, spaces[below(generator, 4)]);
}

// Escapes some characters of the name, which does not change its meaning.
static void append_name(struct generator *generator, const char *name) {
	buffer_append_byte(&generator->text, '"');
	for (; *name; name++) {
		if (below(generator, 8) == 0)
			buffer_printf(&generator->text, below(generator, 2) ? "\\u%04x" : "\\u%04X", (unsigned)*name);
		else
			buffer_append_byte(&generator->text, *name);
	}
	buffer_append_byte(&generator->text, '"');
	append_space(generator);
	buffer_append_byte(&generator->text, ':');
}

static void append_scalar(struct generator *generator) {
	static const char *const scalars[] = {"0",    "-1.5e+3",    "true",     "false",        "null",
	                                      "\"\"", "\"}\\\"{\"", "\"\\\\\"", "\"\xc3\xa9\"", "\"serviceTier\""};
	buffer_append(&generator->text, slice_from(scalars[below(generator, 10)]));
}

static void append_value(struct generator *generator, int depth, const char *parent);

static void append_object(struct generator *generator, int depth, const char *parent) {
	static const char *const names[] = {
	    "serviceTier", "guardrailConfig", "inferenceConfig", "maxTokens", "a", "type", "", "serviceTie",
	    "b",           "messages"};
	uint64_t members = below(generator, depth == 0 ? 8 : 4);
	buffer_append_byte(&generator->text, '{');
	append_space(generator);
	for (uint64_t i = 0; i < members; i++) {
		const char *name = names[below(generator, 10)];
		append_name(generator, name);
		if (depth == 0) {
			generator->tiers += strcmp(name, "serviceTier") == 0;
			generator->guardrails += strcmp(name, "guardrailConfig") == 0;
			generator->configs += strcmp(name, "inferenceConfig") == 0;
			generator->messages += strcmp(name, "messages") == 0;
			generator->own_limits += strcmp(name, "maxTokens") == 0;
		}
		if (depth == 1 && strcmp(parent, "serviceTier") == 0)
			generator->types += strcmp(name, "type") == 0;
		if (depth == 1 && strcmp(parent, "inferenceConfig") == 0)
			generator->limits += strcmp(name, "maxTokens") == 0;
		append_space(generator);
		append_value(generator, depth + 1, name);
		append_space(generator);
		if (i + 1 < members)
			buffer_append_byte(&generator->text, ',');
		append_space(generator);
	}
	buffer_append_byte(&generator->text, '}');
}

static void append_array(struct generator *generator, int depth) {
	uint64_t items = below(generator, 4);
	buffer_append_byte(&generator->text, '[');
	for (uint64_t i = 0; i < items; i++) {
		append_value(generator, depth + 1, "");
		append_space(generator);
		if (i + 1 < items)
			buffer_append_byte(&generator->text, ',');
	}
	buffer_append_byte(&generator->text, ']');
}

static void append_value(struct generator *generator, int depth, const char *parent) {
	uint64_t kind = depth > 4 ? 3 : below(generator, 4);
	if (kind < 2)
		append_object(generator, depth, parent);
	else if (kind == 2)
		append_array(generator, depth);
	else
		append_scalar(generator);
	if (depth == 1 && strcmp(parent, "inferenceConfig") == 0 && kind >= 2)
		generator->config_is_odd = true;
}

static void generate(struct generator *generator, uint64_t seed) {
	random_init(&generator->random, seed);
	buffer_clear(&generator->text);
	generator->tiers = generator->guardrails = generator->configs = generator->messages = 0;
	generator->own_limits = generator->limits = generator->types = 0;
	generator->config_is_odd = false;
	append_space(generator);
	append_object(generator, 0, "");
	append_space(generator);
}

// Checks the meaning of an edit by decoding both bodies with lua-cjson.
static const char CHECKER[] =
    "local cjson = require('cjson')\n"
    "cjson.decode_invalid_numbers(false)\n"
    "decode = cjson.decode\n"
    "local function same(a, b)\n"
    "  if type(a) ~= 'table' or type(b) ~= 'table' then return a == b end\n"
    "  for key in pairs(b) do if a[key] == nil then return false end end\n"
    "  for key, value in pairs(a) do if not same(value, b[key]) then return false end end\n"
    "  return true\n"
    "end\n"
    "return function(before, after, tier, guardrail, version, max_tokens)\n"
    "  local expected = decode(before)\n"
    "  if tier then expected.serviceTier = { type = tier } end\n"
    "  if guardrail then\n"
    "    expected.guardrailConfig = { guardrailIdentifier = guardrail, guardrailVersion = version }\n"
    "  end\n"
    "  if max_tokens then\n"
    "    expected.inferenceConfig = expected.inferenceConfig or {}\n"
    "    expected.inferenceConfig.maxTokens = max_tokens\n"
    "  end\n"
    "  return same(expected, decode(after))\n"
    "end";

int luaopen_cjson(lua_State *lua);

// A Lua state with the function on top of its stack.
static lua_State *open_checker(void) {
	lua_State *lua = luaL_newstate();
	luaL_openlibs(lua);
	luaL_requiref(lua, "cjson", luaopen_cjson, 0);
	if (luaL_dostring(lua, CHECKER) != LUA_OK) {
		printf("%s\n", lua_tostring(lua, -1));
		abort();
	}
	return lua;
}

static void push_text(lua_State *lua, struct slice text) {
	if (text.len)
		lua_pushlstring(lua, text.ptr, text.len);
	else
		lua_pushnil(lua);
}

static size_t common_start(struct slice a, struct slice b) {
	size_t i = 0;
	while (i < a.len && i < b.len && a.ptr[i] == b.ptr[i])
		i++;
	return i;
}

static size_t common_end(struct slice a, struct slice b) {
	size_t i = 0;
	while (i < a.len && i < b.len && a.ptr[a.len - 1 - i] == b.ptr[b.len - 1 - i])
		i++;
	return i;
}

static void check_with_cjson(lua_State *lua, struct slice body, const struct body_edit *edit, struct slice edited) {
	lua_pushvalue(lua, -1);
	push_text(lua, body);
	push_text(lua, edited);
	push_text(lua, edit->tier);
	push_text(lua, edit->guardrail_identifier);
	push_text(lua, edit->guardrail_version);
	if (edit->max_tokens)
		lua_pushinteger(lua, edit->max_tokens);
	else
		lua_pushnil(lua);
	bool is_read = lua_pcall(lua, 6, 1, 0) == LUA_OK;
	CHECK(is_read && lua_toboolean(lua, -1));
	if (!is_read)
		printf("  %s\n", lua_tostring(lua, -1));
	lua_pop(lua, 1);
}

// If nothing was replaced, the result without the inserted bytes is the original body.
static void check_bytes(const struct generator *generator, struct slice edited) {
	struct slice body = buffer_slice(&generator->text);
	CHECK(edited.len > body.len);
	CHECK(common_start(body, edited) + common_end(body, edited) >= body.len);
}

TEST(changes_only_the_edited_path) {
	static const struct body_edit *const edits[] = {&TIER, &GUARDRAIL, &TOKENS, &ALL};
	struct generator generator = {.tiers = 0};
	struct buffer out;
	unsigned refused = 0, inserted = 0;
	lua_State *lua = open_checker();
	buffer_init(&generator.text, OUT_BYTES);
	buffer_init(&out, OUT_BYTES);
	for (uint64_t seed = 1; seed <= BODIES && check_failures_in_test == 0; seed++) {
		const struct body_edit *edit = edits[seed % 4];
		char reason[BODY_EDIT_REASON_BYTES];
		generate(&generator, seed);
		bool is_ambiguous = generator.tiers > 1 || generator.guardrails > 1 || generator.configs > 1 ||
		                    generator.messages > 1 || generator.own_limits > 1 || generator.limits > 1 ||
		                    generator.types > 1;
		bool is_refused = is_ambiguous || (edit->max_tokens && generator.config_is_odd);
		int status = edit_body(edit, OPERATION_CONVERSE, buffer_slice(&generator.text), &out, reason);
		CHECK_INT(status, is_refused ? ERROR_INVALID : 0);
		refused += is_refused;
		if (!is_refused)
			check_with_cjson(lua, buffer_slice(&generator.text), edit, buffer_slice(&out));
		if (!is_refused && edit == &TIER && generator.tiers == 0) {
			inserted++;
			check_bytes(&generator, buffer_slice(&out));
		}
		if (check_failures_in_test)
			printf("  seed %d: %.*s\n", (int)seed, SLICE_ARGS(buffer_slice(&generator.text)));
	}
	CHECK(refused > 100 && inserted > 100);
	lua_close(lua);
	buffer_free(&generator.text);
	buffer_free(&out);
}

// A changed byte or a cut never causes a read or write out of bounds, and an accepted body is JSON.
TEST(handles_broken_bodies) {
	struct generator generator = {.tiers = 0};
	lua_State *lua = open_checker();
	struct buffer out;
	buffer_init(&generator.text, OUT_BYTES);
	buffer_init(&out, OUT_BYTES);
	for (uint64_t seed = 1; seed <= BODIES / 4 && check_failures_in_test == 0; seed++) {
		char reason[BODY_EDIT_REASON_BYTES];
		generate(&generator, seed);
		size_t at = below(&generator, generator.text.len);
		if (seed % 2 && (generator.text.ptr[at] & 0x80) == 0)
			generator.text.ptr[at] = "{}[]\",:\\0u "[below(&generator, 11)];
		else
			generator.text.len = at;
		struct slice body = buffer_slice(&generator.text);
		if (edit_body(&ALL, OPERATION_CONVERSE, body, &out, reason) == 0) {
			lua_getglobal(lua, "decode");
			push_text(lua, buffer_slice(&out));
			CHECK(lua_pcall(lua, 1, 1, 0) == LUA_OK);
			lua_pop(lua, 1);
		} else {
			CHECK(reason[0]);
		}
	}
	lua_close(lua);
	buffer_free(&generator.text);
	buffer_free(&out);
}

int main(void) {
	RUN(edits_converse_bodies);
	RUN(edits_invoke_bodies);
	RUN(knows_which_edits_change_the_body);
	RUN(lists_edits_in_headers);
	RUN(fails_when_the_buffer_is_full);
	RUN(handles_depth_and_escapes);
	RUN(changes_only_the_edited_path);
	RUN(handles_broken_bodies);
	return check_summary();
}
