// SPDX-License-Identifier: Apache-2.0
// The shared store: values, times to live, bounds, atomicity; and its functions in Lua.
#include "fixture.h"

#include <pthread.h>

static struct slice key_of(size_t number) {
	static char key[32];
	snprintf(key, sizeof key, "key-%zu", number);
	return slice_from(key);
}

static struct shared_value number(int64_t integer) {
	struct shared_value value;
	value.kind = SHARED_INTEGER;
	value.boolean = false;
	value.integer = integer;
	value.number = (double)integer;
	value.text_bytes = 0;
	return value;
}

static struct shared_value text(char byte, size_t bytes) {
	struct shared_value value;
	value.kind = SHARED_TEXT;
	value.boolean = false;
	value.integer = 0;
	value.number = 0;
	value.text_bytes = bytes;
	memset(value.text, byte, bytes);
	return value;
}

// The key's integer, or -1.
static int64_t integer_at(struct shared_store *store, struct slice key, uint64_t now_ms) {
	struct shared_value value;
	return shared_get(store, key, now_ms, &value) ? value.integer : -1;
}

TEST(a_value_expires_after_its_time_to_live) {
	struct shared_store *store = shared_new();
	struct shared_value value = number(7), found;
	CHECK(!shared_get(store, SLICE("a"), 0, &found));
	CHECK_INT(shared_set(store, SLICE("a"), &value, 100, 1000), 0);
	CHECK_INT(integer_at(store, SLICE("a"), 1099), 7);
	CHECK_INT(integer_at(store, SLICE("a"), 1100), -1);
	// Setting a value replaces its time to live; without one the value never expires.
	CHECK_INT(shared_set(store, SLICE("a"), &value, 0, 1050), 0);
	CHECK_INT(integer_at(store, SLICE("a"), UINT64_MAX), 7);
	value = text('x', 5);
	CHECK_INT(shared_set(store, SLICE("a"), &value, 50, 2000), 0);
	CHECK(shared_get(store, SLICE("a"), 2049, &found));
	CHECK_SLICE(slice_of(found.text, found.text_bytes), SLICE("xxxxx"));
	CHECK(!shared_get(store, SLICE("a"), 2050, &found));
	shared_remove(store, SLICE("a"));
	shared_remove(store, SLICE("never there"));
	CHECK(!shared_get(store, SLICE("a"), 2001, &found));
	shared_free(store);
}

TEST(a_sum_keeps_its_first_expiry) {
	struct shared_store *store = shared_new();
	struct shared_value by = number(2), sum, word = text('x', 1);
	CHECK_INT(shared_add(store, SLICE("n"), &by, 100, 1000, &sum), 0);
	CHECK_INT(sum.integer, 2);
	CHECK_INT(shared_add(store, SLICE("n"), &by, 100, 1099, &sum), 0);
	CHECK_INT(sum.integer, 4);
	CHECK_INT(integer_at(store, SLICE("n"), 1100), -1);
	CHECK_INT(shared_add(store, SLICE("n"), &by, 100, 1100, &sum), 0);
	CHECK_INT(sum.integer, 2);
	by = number(INT64_MAX);
	CHECK_INT(shared_add(store, SLICE("n"), &by, 0, 1100, &sum), 0);
	CHECK(sum.integer == INT64_MIN + 1);
	by.kind = SHARED_NUMBER;
	by.number = 0.5;
	CHECK_INT(shared_add(store, SLICE("half"), &by, 0, 1100, &sum), 0);
	by = number(1);
	CHECK_INT(shared_add(store, SLICE("half"), &by, 0, 1100, &sum), 0);
	CHECK(sum.kind == SHARED_NUMBER && sum.number > 1.4 && sum.number < 1.6);
	CHECK_INT(shared_set(store, SLICE("word"), &word, 0, 1100), 0);
	CHECK_INT(shared_add(store, SLICE("word"), &by, 0, 1100, &sum), ERROR_INVALID);
	shared_free(store);
}

TEST(a_full_store_accepts_no_key_until_one_expires) {
	struct shared_store *store = shared_new();
	struct shared_value one = number(1), sum;
	for (size_t i = 0; i < SHARED_KEYS_MAX; i++)
		CHECK_INT(shared_set(store, key_of(i), &one, i % 2 ? 1000 + i : 0, 0), 0);
	CHECK_INT(shared_set(store, SLICE("more"), &one, 0, 999), ERROR_LIMIT);
	CHECK_INT(shared_add(store, SLICE("more"), &one, 0, 999, &sum), ERROR_LIMIT);
	// Existing keys can still be changed.
	CHECK_INT(shared_add(store, key_of(0), &one, 0, 999, &sum), 0);
	CHECK_INT(sum.integer, 2);
	// key-1 expires at 1001, key-3 at 1003: room for two.
	CHECK_INT(shared_set(store, SLICE("more"), &one, 0, 1001), 0);
	CHECK_INT(shared_set(store, SLICE("most"), &one, 0, 1002), ERROR_LIMIT);
	CHECK_INT(shared_set(store, SLICE("most"), &one, 0, 1003), 0);
	for (size_t i = 0; i < SHARED_KEYS_MAX; i++)
		CHECK_INT(integer_at(store, key_of(i), 6000) > 0, i % 2 == 0 || i >= 5000);
	shared_free(store);
}

TEST(bytes_are_bounded) {
	struct shared_store *store = shared_new();
	struct shared_value large = text('x', SHARED_TEXT_BYTES_MAX), small = text('y', 1), found;
	size_t fitting = 0;
	while (fitting < 1000 && shared_set(store, key_of(fitting), &large, 0, 0) == 0)
		fitting++;
	CHECK_INT(fitting, 63);
	CHECK_INT(shared_set(store, key_of(0), &small, 0, 0), 0);
	CHECK_INT(shared_set(store, SLICE("room"), &large, 0, 0), 0);
	// A value that doesn't fit leaves the former one.
	CHECK_INT(shared_set(store, key_of(0), &large, 0, 0), ERROR_LIMIT);
	CHECK(shared_get(store, key_of(0), 0, &found) && found.text_bytes == 1 && *found.text == 'y');
	shared_free(store);
}

// Random calls, compared with a plain array.
TEST(random_calls_agree_with_an_array) {
	enum { KEYS = 50, CALLS = 20000 };
	int64_t values[KEYS] = {0};
	uint64_t ends[KEYS] = {0}; // 0: absent
	struct shared_store *store = shared_new();
	struct random_source random;
	random_init(&random, 11);
	for (uint64_t now_ms = 1; now_ms < CALLS; now_ms++) {
		size_t k = (size_t)random_below(&random, KEYS);
		uint64_t ttl_ms = random_below(&random, 3) ? random_below(&random, 300) + 1 : 0;
		struct shared_value value = number((int64_t)random_below(&random, 100)), sum;
		bool there = ends[k] > now_ms;
		CHECK_INT(integer_at(store, key_of(k), now_ms), there ? values[k] : -1);
		uint64_t end = ttl_ms ? now_ms + ttl_ms : UINT64_MAX;
		switch (random_below(&random, 3)) {
		case 0:
			CHECK_INT(shared_set(store, key_of(k), &value, ttl_ms, now_ms), 0);
			values[k] = value.integer;
			ends[k] = end;
			break;
		case 1:
			CHECK_INT(shared_add(store, key_of(k), &value, ttl_ms, now_ms, &sum), 0);
			values[k] = value.integer + (there ? values[k] : 0);
			ends[k] = there ? ends[k] : end;
			CHECK_INT(sum.integer, values[k]);
			break;
		default:
			shared_remove(store, key_of(k));
			ends[k] = 0;
		}
	}
	shared_free(store);
}

enum { THREADS = 4, ADDITIONS = 5000 };

static void *add_ones(void *argument) {
	struct shared_value one = number(1), sum;
	for (size_t i = 0; i < ADDITIONS; i++)
		shared_add(argument, i % 2 ? SLICE("even") : SLICE("odd"), &one, 0, 0, &sum);
	return NULL;
}

TEST(sums_by_many_threads_are_exact) {
	struct shared_store *store = shared_new();
	pthread_t threads[THREADS];
	for (size_t i = 0; i < THREADS; i++)
		if (pthread_create(&threads[i], NULL, add_ones, store))
			abort();
	for (size_t i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	CHECK_INT(integer_at(store, SLICE("even"), 0), THREADS * ADDITIONS / 2);
	CHECK_INT(integer_at(store, SLICE("odd"), 0), THREADS * ADDITIONS / 2);
	shared_free(store);
}

#define POLICY(body)                                                                                                   \
	"local shared = require 'signalbox.shared' return { models = { { id = 'm' } }, select = function(_, "              \
	"models)\n" body " end }"

// The reason of a selection, or the detail of the error.
static const char *reason_of(const char *policy) {
	static char found[512];
	struct fixture fixture;
	struct selection selection;
	fixture_init(&fixture);
	fixture_load(&fixture, policy);
	CHECK_STRING(fixture_problems(&fixture), "");
	fixture_select(&fixture, &selection);
	snprintf(found, sizeof found, "%.*s%s", SLICE_ARGS(selection.reason), fixture.detail);
	fixture_free(&fixture);
	return found;
}

TEST(the_functions_in_lua) {
	static const struct {
		const char *policy, *reason;
	} rows[] = {
	    {POLICY("return models[1], nil, tostring(shared.get('x'))"), "nil"},
	    {POLICY("assert(shared.set('x', 'text')) return models[1], nil, shared.get('x')"), "text"},
	    {POLICY("shared.set('x', '') return models[1], nil, '<' .. shared.get('x') .. '>'"), "<>"},
	    {POLICY("shared.set('x', false) return models[1], nil, tostring(shared.get('x'))"), "false"},
	    {POLICY("shared.set('x', 2.5) return models[1], nil, tostring(shared.get('x'))"), "2.5"},
	    {POLICY("shared.set('x', 5) shared.set('x', nil) return models[1], nil, tostring(shared.get('x'))"), "nil"},
	    {POLICY("shared.incr('x') shared.incr('x', 4) return models[1], nil, tostring(shared.incr('x', 0.5))"), "5.5"},
	    {POLICY("shared.set('x', 'a') local _, why = shared.incr('x') return models[1], nil, why"),
	     "the value is no number"},
	    {POLICY("local text = ('x'):rep(16000) for i = 1, 2000 do if not shared.set('k' .. i, text) then\n"
	            "local _, why = shared.set('more', text) return models[1], nil, why end end"),
	     "full"},
	    {POLICY("return models[1], nil, select(2, pcall(shared.set, ('x'):rep(257), 1)):match('1 to 256')"),
	     "1 to 256"},
	    {POLICY("return models[1], nil, select(2, pcall(shared.set, '', 1)):match('1 to 256')"), "1 to 256"},
	    {POLICY("return models[1], nil, select(2, pcall(shared.get, 5)):match('string expected')"), "string expected"},
	    {POLICY("return models[1], nil, select(2, pcall(shared.set, 'x', {})):match('string, number, boolean or nil')"),
	     "string, number, boolean or nil"},
	    {POLICY("return models[1], nil, select(2, pcall(shared.set, 'x', ('x'):rep(16385))):match('at most 16384')"),
	     "at most 16384"},
	    {POLICY("return models[1], nil, select(2, pcall(shared.set, 'x', 1, 0)):match('time to live')"),
	     "time to live"},
	    {POLICY("return models[1], nil, select(2, pcall(shared.incr, 'x', '1')):match('number expected')"),
	     "number expected"},
	    {POLICY("return models[1], nil, tostring(pcall(function() shared.get = 5 end))"), "false"},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		CHECK_STRING(reason_of(rows[i].policy), rows[i].reason);
}

TEST(versions_and_workers_share_the_store) {
	static const char policy[] = "local shared = require 'signalbox.shared' shared.incr('loads', 1, 60000)\n"
	                             "return { models = { { id = 'm' } }, select = function(_, models)\n"
	                             "return models[1], nil, shared.get('loads') .. ' ' .. shared.incr('calls') end }";
	struct fixture fixture;
	struct selection selection;
	fixture_init(&fixture);
	fixture_load_limited(&fixture, policy, 2, 100000, 16 << 20);
	CHECK_STRING(fixture_problems(&fixture), "");
	fixture_select(&fixture, &selection);
	CHECK_SLICE(selection.reason, SLICE("2 1"));
	struct policy *first = fixture.policy;
	fixture_load(&fixture, NULL);
	fixture_select(&fixture, &selection);
	CHECK_SLICE(selection.reason, SLICE("3 2"));
	policy_release(first);
	fixture_free(&fixture);
}

int main(void) {
	RUN(a_value_expires_after_its_time_to_live);
	RUN(a_sum_keeps_its_first_expiry);
	RUN(a_full_store_accepts_no_key_until_one_expires);
	RUN(bytes_are_bounded);
	RUN(random_calls_agree_with_an_array);
	RUN(sums_by_many_threads_are_exact);
	RUN(the_functions_in_lua);
	RUN(versions_and_workers_share_the_store);
	return check_summary();
}
