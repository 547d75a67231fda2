// SPDX-License-Identifier: Apache-2.0
// slice, buffer and arena: comparison, numbers, limits, failed appends.
#include <stdlib.h>

#include "../check.h"
#include "base/arena.h"
#include "base/buffer.h"
#include "base/error.h"
#include "base/slice.h"

TEST(a_number_is_the_whole_slice) {
	static const struct {
		const char *text;
		bool good;
		uint64_t value;
	} rows[] = {
	    {"0", true, 0},
	    {"00017", true, 17},
	    {"1000", true, 1000},
	    {"1001", false, 0},
	    {"", false, 0},
	    {"-1", false, 0},
	    {"+1", false, 0},
	    {" 1", false, 0},
	    {"1 ", false, 0},
	    {"0x10", false, 0},
	    {"18446744073709551616", false, 0},
	    {"99999999999999999999999999", false, 0},
	};
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		uint64_t value = 77;
		CHECK_INT(slice_parse_u64(slice_from(rows[i].text), 1000, &value), rows[i].good);
		CHECK_INT(value, rows[i].good ? rows[i].value : 77);
	}
	uint64_t most = 0;
	CHECK(slice_parse_u64(SLICE("18446744073709551615"), UINT64_MAX, &most));
	CHECK(most == UINT64_MAX);
}

TEST(slices_compare_and_trim) {
	CHECK(slice_equal_nocase(SLICE("Content-Type"), SLICE("content-tYPE")));
	CHECK(!slice_equal_nocase(SLICE("a"), SLICE("ab")));
	CHECK(!slice_equal_nocase(SLICE("@"), SLICE("`")));
	CHECK_SLICE(slice_trim(SLICE(" \t a b\t ")), SLICE("a b"));
	CHECK_INT(slice_trim(SLICE(" \t ")).len, 0);
	CHECK_INT(slice_find(SLICE("abc"), 'c'), 2);
	CHECK_INT(slice_find(SLICE("abc"), 'd'), 3);
	CHECK_INT(slice_find((struct slice){NULL, 0}, 'd'), 0);
	CHECK(slice_starts(SLICE("abc"), SLICE("ab")) && !slice_starts(SLICE("a"), SLICE("ab")));
	CHECK(slice_ends(SLICE("abc"), SLICE("bc")) && !slice_ends(SLICE("c"), SLICE("bc")));
	CHECK_SLICE(slice_from_offset(SLICE("abc"), 2), SLICE("c"));
	CHECK_INT(slice_from_offset(SLICE("abc"), 9).len, 0);
}

TEST(a_list_of_slices_is_taken_apart) {
	struct slice list = SLICE("a, b\t,,c,"), item = {0};
	static const char *const items[] = {"a", "b", "", "c", ""};
	for (size_t i = 0; i < 5; i++) {
		CHECK(slice_next_item(&list, &item));
		CHECK_SLICE(item, slice_from(items[i]));
	}
	CHECK(!slice_next_item(&list, &item));
}

TEST(a_buffer_never_passes_its_limit) {
	struct buffer buffer;
	buffer_init(&buffer, 10);
	CHECK_INT(buffer_append(&buffer, SLICE("0123456")), 0);
	CHECK_INT(buffer_append(&buffer, SLICE("789x")), ERROR_LIMIT);
	CHECK(buffer.failed);
	CHECK_SLICE(buffer_slice(&buffer), SLICE("0123456"));
	CHECK_INT(buffer_append(&buffer, SLICE("789")), 0);
	CHECK_INT(buffer_append_byte(&buffer, '!'), ERROR_LIMIT);
	CHECK_INT(buffer_reserve(&buffer, SIZE_MAX), ERROR_LIMIT);
	buffer_consume(&buffer, 4);
	CHECK_SLICE(buffer_slice(&buffer), SLICE("456789"));
	buffer_consume(&buffer, 100);
	CHECK_INT(buffer.len, 0);
	buffer_clear(&buffer);
	CHECK(!buffer.failed);
	CHECK_INT(buffer_printf(&buffer, "%s-%d", "ab", 12), 0);
	CHECK_SLICE(buffer_slice(&buffer), SLICE("ab-12"));
	buffer_free_secret(&buffer);
	CHECK_INT(buffer.len, 0);
}

TEST(an_arena_allocates_zeroed_aligned_memory_up_to_its_limit) {
	struct arena arena;
	arena_init(&arena, 100000);
	size_t total = 0;
	for (size_t size = 1; total + size < 90000; size = size * 3 % 7001 + 1) {
		unsigned char *ptr = arena_alloc(&arena, size);
		CHECK(ptr != NULL && (uintptr_t)ptr % 16 == 0);
		if (!ptr)
			break;
		for (size_t i = 0; i < size; i++)
			CHECK(ptr[i] == 0);
		memset(ptr, 0xa5, size);
		total += size + 16;
	}
	CHECK(!arena.is_exhausted);
	CHECK(arena_alloc(&arena, 100001) == NULL);
	CHECK(arena.is_exhausted);
	CHECK(arena_alloc(&arena, SIZE_MAX) == NULL);
	CHECK_INT(arena_copy(&arena, slice_of(NULL, 0)).len, 0);
	CHECK_SLICE(arena_printf(&arena, "%d-%s", 5, "x"), SLICE("5-x"));
	arena_free_secret(&arena);
	CHECK_INT(arena.used_bytes, 0);
	CHECK(!arena.is_exhausted);
	CHECK_SLICE(arena_copy(&arena, SLICE("again")), SLICE("again"));
	arena_free(&arena);
}

int main(void) {
	RUN(a_number_is_the_whole_slice);
	RUN(slices_compare_and_trim);
	RUN(a_list_of_slices_is_taken_apart);
	RUN(a_buffer_never_passes_its_limit);
	RUN(an_arena_allocates_zeroed_aligned_memory_up_to_its_limit);
	return check_summary();
}
