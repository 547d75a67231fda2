// SPDX-License-Identifier: Apache-2.0
// Settings, policies and scenarios, as text in the sandbox and as trees against their keys: each gives a value, or at
// least one problem.
#include "../unit/variables.h"
#include "fuzz.h"

#include "base/document.h"
#include "base/log.h"
#include "base/problem.h"
#include "gateway/settings.h"
#include "mux/body_reader.h"
#include "policy/policy.h"
#include "policy/shared.h"
#include "policy/validate.h"
#include "route/state.h"
#include "sandbox/table_file.h"
#include "world/scenario.h"

enum { DEPTH_MAX = 5, ITEMS_MAX = 5, WORD_BYTES = 32, INSTRUCTIONS = 100000, MEMORY_BYTES = 4 << 20 };

static struct fuzz_file file;
static struct policy_host host;

// Checks that a reader returns 0 if and only if it reports no problem.
static void settle(int rc, struct problems *problems) {
	PROMISE((rc == 0) == (problems->count == 0));
	struct buffer text;
	buffer_init(&text, 1 << 20);
	problems_format(problems, &text);
	buffer_free(&text);
	problems_free(problems);
}

static void read_settings(const struct document *document) {
	struct environment environment = environment_of(NULL);
	struct settings_flags flags = {0};
	struct settings settings;
	struct problems problems = {0};
	settle(settings_read("settings.lua", document, &flags, &environment, &problems, &settings), &problems);
	settings_free(&settings);
}

static void read_policy(const struct document *document) {
	struct pool pool;
	struct problems problems = {0};
	settle(validate_policy(document, "policy.lua", host.registry, &problems, &pool), &problems);
	pool_free(&pool);
}

static void read_scenario(const struct document *document) {
	static const char *const names[] = {"ThrottlingException", "ServiceUnavailableException", NULL};
	struct scenario scenario;
	struct problems problems = {0};
	int rc = scenario_read(document, "scenario.lua", names, &problems, &scenario);
	settle(rc, &problems);
	if (rc == 0)
		scenario_free(&scenario);
}

static void read_any(const struct document *document, uint8_t which) {
	static void (*const readers[])(const struct document *document) = {read_settings, read_policy, read_scenario};
	readers[which % (sizeof readers / sizeof *readers)](document);
}

static const struct schema_key *keys_of(uint8_t which) {
	return which & 1 ? settings_keys : scenario_keys();
}

// The key number *at of a list and of the lists within it. Beyond the last it returns NULL, with *at less their number.
static const struct schema_key *key_at(const struct schema_key *keys, uint8_t *at) {
	for (; keys->name; keys++) {
		const struct schema_key *inner = keys->type == SCHEMA_KEYS ? key_at(keys->keys, at) : NULL;
		if (inner)
			return inner;
		if (keys->type != SCHEMA_KEYS && (*at)-- == 0)
			return keys;
	}
	return NULL;
}

// A key: one of the settings', one of a scenario's, or the input's own bytes.
static struct slice take_key(struct fuzz_input *input, struct slice *spelt) {
	uint8_t which = fuzz_byte(input), at = fuzz_byte(input);
	if (which & 4) {
		*spelt = fuzz_copy(input, at % WORD_BYTES);
		return *spelt;
	}
	const struct schema_key *key = key_at(keys_of(which), &at);
	return key ? slice_from(key->name) : (struct slice){0};
}

static void build(struct fuzz_input *input, struct document *document, int depth);

static void build_table(struct fuzz_input *input, struct document *document, int depth) {
	document->kind = DOCUMENT_TABLE;
	uint8_t shape = fuzz_byte(input);
	unsigned items = depth < DEPTH_MAX ? (shape & 15u) % ITEMS_MAX : 0, entries = depth < DEPTH_MAX ? shape / 16u : 0;
	for (unsigned i = 0; i < items && input->size; i++)
		build(input, document_add_item(document), depth + 1);
	for (unsigned i = 0; i < entries && input->size; i++) {
		struct slice spelt = {0};
		struct slice key = take_key(input, &spelt);
		// A Lua table has a name only once.
		char name[WORD_BYTES + 1] = "";
		snprintf(name, sizeof name, "%.*s", SLICE_ARGS(key));
		if (!document_get(document, name))
			build(input, document_add_entry(document, slice_from(name)), depth + 1);
		if (spelt.ptr)
			fuzz_free(spelt);
	}
}

static void build(struct fuzz_input *input, struct document *document, int depth) {
	static const double numbers[] = {0, 1, -1, 0.5, 100, 1000, 1e15, 1e300, -1e300, 65536, 4294967296.0, 30000};
	static const char *const words[] = {"127.0.0.1:0", "unix:/tmp/x", "auto", "http://127.0.0.1:1",  "us-east-1",
	                                    "hang",        "info",        "flex", "https://example.com", "*",
	                                    "default",     "reset",       "",     "[::1]:8080"};
	uint8_t kind = fuzz_byte(input), which = fuzz_byte(input);
	switch (kind % 6) {
	case 0:
		document->kind = DOCUMENT_BOOLEAN;
		document->boolean = which & 1;
		break;
	case 1:
		document->kind = DOCUMENT_NUMBER;
		document->number = which & 128 ? which & 127 : numbers[which % (sizeof numbers / sizeof *numbers)];
		break;
	case 2:
		document_set_string(document, slice_from(words[which % (sizeof words / sizeof *words)]));
		break;
	case 3: {
		struct slice text = fuzz_copy(input, which % WORD_BYTES);
		document_set_string(document, text);
		fuzz_free(text);
		break;
	}
	case 4:
		document->kind = DOCUMENT_FUNCTION;
		break;
	default:
		build_table(input, document, depth);
	}
}

static void read_tree(struct fuzz_input *input) {
	struct document document = {0};
	uint8_t which = fuzz_byte(input);
	build_table(input, &document, 0);
	read_any(&document, which);
	document_free(&document);
}

// Runs a text, and reads its result.
static void read_text(struct fuzz_input *input) {
	uint8_t which = fuzz_byte(input);
	struct slice text = fuzz_copy(input, SIZE_MAX);
	struct document document;
	struct problems problems = {0};
	fuzz_file_write(&file, text);
	int rc = table_file_read(file.path, true, &problems, &document);
	settle(rc, &problems);
	if (rc == 0)
		read_any(&document, which);
	document_free(&document);
	fuzz_free(text);
}

static void load_policy(struct fuzz_input *input) {
	struct policy_limits limits = {INSTRUCTIONS, MEMORY_BYTES};
	struct policy *policy;
	struct problems problems = {0};
	struct slice text = fuzz_copy(input, SIZE_MAX);
	fuzz_file_write(&file, text);
	settle(policy_load(file.path, &limits, 2, &host, &problems, &policy), &problems);
	policy_release(policy);
	fuzz_free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
	static void (*const readers[])(struct fuzz_input * input) = {read_tree, read_text, load_policy};
	struct fuzz_input input = {data, size};
	if (!host.registry) {
		host = (struct policy_host){
		    .registry = registry_new(), .shared = shared_new(), .bodies = &mux_body_reader, .now_ms = 1000};
		log_configure(LOG_OFF, LOG_TEXT);
		fuzz_file_open(&file);
	}
	readers[fuzz_byte(&input) % (sizeof readers / sizeof *readers)](&input);
	return 0;
}
