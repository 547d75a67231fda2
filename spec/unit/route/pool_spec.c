// SPDX-License-Identifier: Apache-2.0
// Finding models, and which names a model serves.
#include "fixture.h"

TEST(models_are_found_by_name) {
	struct fixture f;
	fixture_init(&f, "a b");
	CHECK(pool_find(&f.pool, SLICE("b")) == &f.pool.models[1]);
	CHECK(pool_find(&f.pool, SLICE("B")) == NULL);
	CHECK(pool_find(&f.pool, SLICE("")) == NULL);
	CHECK(pool_find(&f.pool, slice_of("abc", 1)) == &f.pool.models[0]);
	fixture_free(&f);
}

TEST(globs) {
	static const struct {
		const char *glob, *asked;
		bool serves;
	} rows[] = {
	    {"chat", "chat", true},
	    {"chat", "chats", false},
	    {"chat", "Chat", false},
	    {"chat", "", false},
	    {"*", "", true},
	    {"*", "anything/at:all", true},
	    {"anthropic.claude-*", "anthropic.claude-3", true},
	    {"anthropic.claude-*", "anthropic.claude-", true},
	    {"anthropic.claude-*", "anthropic.claude", false},
	    {"*claude", "us.claude", true},
	    {"*claude", "us.claude-3", false},
	    {"arn:*:foundation-model/*", "arn:aws:bedrock:us-east-1::foundation-model/a/b", true},
	    {"a*a", "a", false},
	    {"a*a", "aa", true},
	    {"a*b*c", "abbc", true},
	    {"a*b*c", "acb", false},
	    {"a*ab", "aab", true},
	    {"a*ab", "ab", false},
	    {"*ab*ab*", "abxab", true},
	    {"*ab*ab*", "abab", true},
	    {"*ab*ab*", "aba", false},
	    {"**", "x", true},
	    {"a**b", "ab", true},
	    {"***", "", true},
	    {"a?c", "abc", false},
	    {"a?c", "a?c", true},
	    {"[ab]", "a", false},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct fixture f;
		fixture_init(&f, "model");
		fixture_serves(&f, "model", rows[i].glob);
		bool serves = model_serves(fixture_model(&f, "model"), slice_from(rows[i].asked));
		if (serves != rows[i].serves)
			printf("glob %s, asked %s\n", rows[i].glob, rows[i].asked);
		CHECK_INT(serves, rows[i].serves);
		fixture_free(&f);
	}
}

TEST(a_model_serves_its_id_and_name) {
	struct fixture f;
	fixture_init(&f, "model");
	struct model *model = fixture_model(&f, "model");
	CHECK(model_serves(model, SLICE("anything")));
	free(model->id);
	model->id = memory_string(SLICE("us.amazon.nova-pro-v1:0"));
	model->serves = memory_new(0, sizeof *model->serves);
	CHECK(model_serves(model, SLICE("model")));
	CHECK(model_serves(model, SLICE("us.amazon.nova-pro-v1:0")));
	CHECK(!model_serves(model, SLICE("anything")));
	fixture_serves(&f, "model", "chat");
	fixture_serves(&f, "model", "talk-*");
	CHECK(model_serves(model, SLICE("model")));
	CHECK(model_serves(model, SLICE("us.amazon.nova-pro-v1:0")));
	CHECK(model_serves(model, SLICE("chat")));
	CHECK(model_serves(model, SLICE("talk-1")));
	CHECK(!model_serves(model, SLICE("other")));
	fixture_free(&f);
}

// The text `count` times, then `end`; the caller frees it.
static char *repeat(const char *text, size_t count, const char *end) {
	size_t length = strlen(text);
	char *out = memory_new(count * length + strlen(end) + 1, 1);
	for (size_t i = 0; i < count; i++)
		memcpy(out + i * length, text, length);
	memcpy(out + count * length, end, strlen(end));
	return out;
}

// A matcher that backtracks to each star would not finish these.
TEST(hostile_patterns_take_linear_time) {
	enum { ASKED = 1 << 20 };
	static const struct {
		const char *text;
		size_t count;
		const char *end;
	} globs[] = {{"*aa", 512, "b"}, {"*a", 2000, "*b"}, {"*a*", 2000, "b"}, {"*aaaaaaaaaaaaaaaaaaab", 50, ""}};
	char *asked = memory_new(ASKED, 1);
	for (size_t i = 0; i < sizeof globs / sizeof *globs; i++) {
		struct fixture f;
		fixture_init(&f, "model");
		char *glob = repeat(globs[i].text, globs[i].count, globs[i].end);
		fixture_serves(&f, "model", glob);
		memset(asked, 'a', ASKED);
		CHECK(!model_serves(fixture_model(&f, "model"), slice_of(asked, ASKED)));
		asked[ASKED - 1] = 'b';
		CHECK_INT(model_serves(fixture_model(&f, "model"), slice_of(asked, ASKED)), globs[i].end[0] != '\0');
		free(glob);
		fixture_free(&f);
	}
	free(asked);
}

int main(void) {
	RUN(models_are_found_by_name);
	RUN(globs);
	RUN(a_model_serves_its_id_and_name);
	RUN(hostile_patterns_take_linear_time);
	return check_summary();
}
