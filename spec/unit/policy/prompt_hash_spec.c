// SPDX-License-Identifier: Apache-2.0
// Which requests share a key, and that requests with the same key go to the same model while it is available.
#include "fixture.h"
#include "policy/prompt_hash.h"

#define SYSTEM "\"system\":[{\"text\":\"Be brief.\"}]"
#define TOOLS "\"toolConfig\":{\"tools\":[{\"toolSpec\":{\"name\":\"look\"}}]}"
#define HELLO "\"messages\":[{\"role\":\"user\",\"content\":[{\"text\":\"Hello\"}]}"
#define OTHER "\"messages\":[{\"role\":\"user\",\"content\":[{\"text\":\"Other\"}]}"

static bool make_key(const char *body, bool conversation, uint64_t *key) {
	struct request_content content;
	mux_body_reader.read_request(&(struct request_attributes){.body = slice_from(body)}, &content);
	return prompt_hash_key(&content, conversation, key);
}

static uint64_t key_of(const char *body, bool conversation) {
	uint64_t key = 0;
	CHECK_INT(make_key(body, conversation, &key), true);
	return key;
}

TEST(requests_with_equal_prompts_share_a_key) {
	static const struct {
		const char *one, *other;
		bool prompt, conversation; // whether they share the key
	} cases[] = {
	    {"{" SYSTEM "," HELLO "]}", "{" SYSTEM "," OTHER "]}", true, false},
	    {"{" SYSTEM "," TOOLS "," HELLO "]}", "{" HELLO "], " TOOLS " ," SYSTEM "}", true, true},
	    {"{" SYSTEM "," HELLO "]}", "{" SYSTEM "," HELLO ",{\"role\":\"assistant\"}]}", true, true},
	    {"{" SYSTEM "," HELLO "]}", "{" SYSTEM "," TOOLS "," HELLO "]}", false, false},
	    {"{" SYSTEM "," HELLO "]}", "{" HELLO "]}", false, false},
	    {"{" HELLO "]}", "{" HELLO ",{\"role\":\"assistant\"}],\"temperature\":1}", true, true},
	    {"{" HELLO "]}", "{" OTHER "]}", false, false},
	    {"{\"system\":[]," HELLO "]}", "{\"system\":[]," OTHER "]}", false, false},
	    {"{\"system\":null," HELLO "]}", "{" HELLO "]}", true, true},
	    {"{\"tools\":[{\"name\":\"a\"}]}", "{\"tools\":[{\"name\":\"b\"}]}", false, false},
	    // The same words in another part are another prompt.
	    {"{\"system\":\"look here\"}", "{\"tools\":\"look here\"}", false, false},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		CHECK_INT(key_of(cases[i].one, false) == key_of(cases[i].other, false), cases[i].prompt);
		CHECK_INT(key_of(cases[i].one, true) == key_of(cases[i].other, true), cases[i].conversation);
	}
}

// Gateways of different versions must send the same prompt to the same model.
TEST(keys_never_change) {
	CHECK(key_of("{" SYSTEM "," HELLO "]}", false) == UINT64_C(0xf1a8412a9b6db6ef));
	CHECK(key_of("{" SYSTEM "," HELLO "]}", true) == UINT64_C(0xfce27ec3a7a7ecfc));
}

TEST(requests_without_a_key) {
	static const char *const bodies[] = {
	    "",
	    "{}",
	    "[]",
	    "Hello",
	    "{\"inputText\":\"Hello\"}",
	    "{\"messages\":[]}",
	    "{\"messages\":{\"a\":1}}",
	    "{",
	    "{\"system\":",
	    "{\"system\":\"no end",
	    "{\"messages\":[{\"role\":}]}",
	    "{\"messages\":null}",
	};
	for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++) {
		uint64_t key = 7;
		CHECK(!make_key(bodies[i], true, &key));
		CHECK_INT(key, 7);
	}
}

// The part before the syntax error counts; it is up to the service to refuse the request.
TEST(broken_bodies_are_read_up_to_the_error) {
	CHECK(key_of("{" SYSTEM ",!", false) == key_of("{" SYSTEM "}", false));
}

#define POLICY                                                                                                         \
	"local hash, select = require 'signalbox.hash', require 'signalbox.select'\n"                                      \
	"return { models = { { id = 'a' }, { id = 'b', weight = 3 }, { id = 'c', weight = 0 }, { id = 'd' } },\n"

static void load(struct fixture *fixture, const char *select, const char *body) {
	fixture_init(fixture);
	fixture->attributes.body = slice_from(body);
	char text[2048];
	snprintf(text, sizeof text, "%sselect = function(request, models)\n%s\nend }", POLICY, select);
	fixture_load_limited(fixture, text, 1, 10000000, 16 << 20);
	CHECK_INT(fixture->rc, 0);
}

TEST(a_key_always_selects_the_same_model) {
	struct fixture fixture;
	load(&fixture, "return select.rendezvous(models.primary, hash.prompt(request))", "{" SYSTEM "}");
	const char *first = fixture_select(&fixture, NULL);
	for (int i = 0; i < 20; i++)
		CHECK_STRING(fixture_select(&fixture, NULL), first);
	CHECK_INT(fixture.errors, 0);
	fixture_free(&fixture);
}

// Over many keys: a model's share follows its weight, none for weight 0; when a model is missing, only its own keys
// move; a table of models gives the same results as a list.
TEST(rendezvous_moves_only_what_it_must) {
	struct fixture fixture;
	load(&fixture,
	     "local counts, moved, total = { a = 0, b = 0, c = 0, d = 0 }, 0, 4000\n"
	     "local rest = select.where(models, function(model) return model.name ~= 'b' end)\n"
	     "for i = 1, total do\n"
	     "  local key = hash.text('prompt ' .. i)\n"
	     "  local model, other = select.rendezvous(models, key), select.rendezvous(rest, key)\n"
	     "  counts[model.name] = counts[model.name] + 1\n"
	     "  if model.name ~= 'b' and other ~= model then moved = moved + 1 end\n"
	     "end\n"
	     "if moved > 0 then error('moved ' .. moved) end\n"
	     "if counts.c > 0 or math.abs(counts.a - 800) > 120 or math.abs(counts.b - 2400) > 150 then\n"
	     "  error(counts.a .. ' ' .. counts.b .. ' ' .. counts.c .. ' ' .. counts.d)\n"
	     "end\n"
	     "return models[4]",
	     "{}");
	CHECK_STRING(fixture_select(&fixture, NULL), "d");
	CHECK_STRING(fixture.detail, "");
	fixture_free(&fixture);
}

TEST(misuse_is_an_error) {
	static const struct {
		const char *select, *error;
	} cases[] = {
	    {"return select.rendezvous(models)", "number expected"},
	    {"return select.rendezvous({ 1 }, 2)", "a list of models expected, found a number at position 1"},
	    {"return select.rendezvous('models', 2)", "list of models expected"},
	    {"return select.rendezvous(models, 0.5)", "integer"},
	    {"return select.rendezvous(models, hash.prompt(models))", "request expected"},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct fixture fixture;
		char select[512];
		snprintf(select, sizeof select,
		         "local ok, why = pcall(function() %s end)\n"
		         "return not ok and why:find('%s', 1, true) and models[4] or models[1]",
		         cases[i].select, cases[i].error);
		load(&fixture, select, "{}");
		CHECK_STRING(fixture_select(&fixture, NULL), "d");
		fixture_free(&fixture);
	}
}

TEST(no_key_and_no_models_give_nil) {
	struct fixture fixture;
	load(&fixture,
	     "if hash.prompt(request) ~= nil or hash.conversation(request) ~= nil then error 'a key' end\n"
	     "if select.rendezvous({}, 1) ~= nil or select.rendezvous({ models[3] }, 1) ~= nil then error 'a model' end",
	     "{}");
	CHECK_STRING(fixture_select(&fixture, NULL), "none");
	CHECK_STRING(fixture.detail, "");
	fixture_free(&fixture);
}

TEST(a_request_of_an_earlier_call_is_refused) {
	struct fixture fixture;
	fixture_init(&fixture);
	fixture.attributes.body = SLICE("{" SYSTEM "}");
	fixture_load(&fixture, "local hash = require 'signalbox.hash'\nlocal kept\n"
	                       "return { models = { { id = 'a' } }, select = function(request, models)\n"
	                       "  if kept then hash.prompt(kept) end\n  kept = request\n  return models[1]\nend }");
	CHECK_INT(fixture.rc, 0);
	CHECK_STRING(fixture_select(&fixture, NULL), "a");
	CHECK_INT(fixture.errors, 0);
	fixture_select(&fixture, NULL);
	CHECK_INT(fixture.errors, 1);
	CHECK_MENTIONS(fixture.detail, "policy.lua:4");
	fixture_free(&fixture);
}

// Of a long part the beginning and the length count.
TEST(long_parts_are_hashed_in_bounded_time) {
	enum { BYTES = 1 << 20, BEGINNING = 64 << 10 };
	char *system = malloc(BYTES);
	uint64_t key, other;
	memset(system, 'a', BYTES);
	struct request_content content = {.system = slice_of(system, BYTES)};
	CHECK(prompt_hash_key(&content, false, &key));
	system[BEGINNING] = 'b';
	CHECK(prompt_hash_key(&content, false, &other) && other == key);
	system[BEGINNING - 1] = 'b';
	CHECK(prompt_hash_key(&content, false, &other) && other != key);
	system[BEGINNING - 1] = 'a';
	content.system.len--;
	CHECK(prompt_hash_key(&content, false, &other) && other != key);
	free(system);
}

int main(void) {
	RUN(requests_with_equal_prompts_share_a_key);
	RUN(keys_never_change);
	RUN(requests_without_a_key);
	RUN(broken_bodies_are_read_up_to_the_error);
	RUN(a_key_always_selects_the_same_model);
	RUN(rendezvous_moves_only_what_it_must);
	RUN(misuse_is_an_error);
	RUN(no_key_and_no_models_give_nil);
	RUN(a_request_of_an_earlier_call_is_refused);
	RUN(long_parts_are_hashed_in_bounded_time);
	return check_summary();
}
