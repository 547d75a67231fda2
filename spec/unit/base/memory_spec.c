// SPDX-License-Identifier: Apache-2.0
// A meter follows buffers and arenas as they grow, change their meter and are freed, and returns to exactly 0.
#include "../check.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/buffer.h"
#include "base/memory.h"

TEST(a_meter_is_full_at_its_limit) {
	struct memory_meter meter;
	memory_meter_init(&meter, 100);
	memory_meter_charge(&meter, 99);
	CHECK(!memory_meter_is_full(&meter));
	memory_meter_charge(&meter, 1);
	CHECK(memory_meter_is_full(&meter));
	memory_meter_release(&meter, 1);
	CHECK(!memory_meter_is_full(&meter));
	memory_meter_release(&meter, 99);
	CHECK_INT(memory_meter_held(&meter), 0);
	CHECK(!memory_meter_is_full(NULL));
	memory_meter_charge(NULL, 5);
	memory_meter_release(NULL, 5);
}

TEST(a_buffer_charges_its_capacity) {
	struct memory_meter meter;
	struct buffer buffer;
	char bytes[1000] = {0};
	memory_meter_init(&meter, 4096);
	buffer_init(&buffer, 1 << 20);
	buffer_set_meter(&buffer, &meter);
	CHECK_INT(memory_meter_held(&meter), 0);
	for (int i = 0; i < 7; i++) {
		CHECK_INT(buffer_append(&buffer, slice_of(bytes, sizeof bytes)), 0);
		CHECK_INT(memory_meter_held(&meter), buffer.capacity);
	}
	CHECK(memory_meter_is_full(&meter));
	buffer_consume(&buffer, 7000);
	CHECK_INT(memory_meter_held(&meter), buffer.capacity);
	buffer_free(&buffer);
	CHECK_INT(memory_meter_held(&meter), 0);
	CHECK_INT(buffer_append_byte(&buffer, 'x'), 0);
	CHECK_INT(memory_meter_held(&meter), buffer.capacity);
	buffer_free_secret(&buffer);
	CHECK_INT(memory_meter_held(&meter), 0);
}

TEST(a_buffer_past_its_limit_charges_nothing_more) {
	struct memory_meter meter;
	struct buffer buffer;
	char bytes[300] = {0};
	memory_meter_init(&meter, 4096);
	buffer_init(&buffer, 256);
	buffer_set_meter(&buffer, &meter);
	CHECK(buffer_append(&buffer, slice_of(bytes, sizeof bytes)) != 0);
	CHECK_INT(memory_meter_held(&meter), 0);
	buffer_free(&buffer);
}

TEST(a_charge_moves_from_meter_to_meter) {
	struct memory_meter one, other;
	struct buffer buffer;
	memory_meter_init(&one, 4096);
	memory_meter_init(&other, 4096);
	buffer_init(&buffer, 4096);
	buffer_append_byte(&buffer, 'x');
	buffer_set_meter(&buffer, &one);
	CHECK_INT(memory_meter_held(&one), buffer.capacity);
	buffer_set_meter(&buffer, &one);
	CHECK_INT(memory_meter_held(&one), buffer.capacity);
	buffer_set_meter(&buffer, &other);
	CHECK_INT(memory_meter_held(&one), 0);
	CHECK_INT(memory_meter_held(&other), buffer.capacity);
	buffer_set_meter(&buffer, NULL);
	CHECK_INT(memory_meter_held(&other), 0);
	buffer_free(&buffer);
}

TEST(an_arena_charges_its_blocks) {
	struct memory_meter meter;
	struct arena arena;
	memory_meter_init(&meter, 1 << 20);
	arena_init(&arena, 1 << 20);
	arena.meter = &meter;
	for (int i = 0; i < 100; i++)
		CHECK(arena_alloc(&arena, 333) != NULL);
	CHECK(memory_meter_held(&meter) >= arena.used_bytes);
	arena_free(&arena);
	CHECK_INT(memory_meter_held(&meter), 0);
	CHECK(arena_alloc(&arena, 10000) != NULL);
	CHECK(memory_meter_held(&meter) >= 10000);
	arena_free_secret(&arena);
	CHECK_INT(memory_meter_held(&meter), 0);
}

static void *fill_and_free(void *owner) {
	for (int i = 0; i < 2000; i++) {
		struct buffer buffer;
		buffer_init(&buffer, 1 << 16);
		buffer_set_meter(&buffer, owner);
		buffer_reserve(&buffer, (size_t)(i * 7 % 5000 + 1));
		buffer_free(&buffer);
	}
	return NULL;
}

TEST(threads_share_a_meter) {
	struct memory_meter meter;
	pthread_t threads[3];
	memory_meter_init(&meter, 1 << 20);
	for (int i = 0; i < 3; i++)
		CHECK_INT(pthread_create(&threads[i], NULL, fill_and_free, &meter), 0);
	for (int i = 0; i < 3; i++)
		pthread_join(threads[i], NULL);
	CHECK_INT(memory_meter_held(&meter), 0);
}

static void fill_pipe(int descriptor) {
	static const char bytes[4096];
	fcntl(descriptor, F_SETFL, O_NONBLOCK);
	while (write(descriptor, bytes, sizeof bytes) > 0)
		continue;
	fcntl(descriptor, F_SETFL, 0);
}

// Asks for more memory than there can be, with `log` as its stderr. Returns the process's end.
static int run_out_of_memory(int log) {
	int status = 0;
	pid_t child = fork();
	if (child == 0) {
		setrlimit(RLIMIT_CORE, &(struct rlimit){0});
		dup2(log, STDERR_FILENO);
		volatile size_t count = SIZE_MAX / 2;
		free(memory_new(count, 1));
		_exit(0);
	}
	waitpid(child, &status, 0);
	return status;
}

TEST(without_memory_the_process_ends_whatever_becomes_of_its_log) {
	int log[2];
	char text[64] = "";
	CHECK_INT(pipe(log), 0);
	CHECK_INT(WTERMSIG(run_out_of_memory(log[1])), SIGABRT);
	CHECK(read(log[0], text, sizeof text - 1) > 0);
	CHECK_STRING(text, "signalbox: out of memory\n");
	fill_pipe(log[1]);
	CHECK_INT(WTERMSIG(run_out_of_memory(log[1])), SIGABRT);
	close(log[0]);
	close(log[1]);
}

int main(void) {
	RUN(a_meter_is_full_at_its_limit);
	RUN(a_buffer_charges_its_capacity);
	RUN(a_buffer_past_its_limit_charges_nothing_more);
	RUN(a_charge_moves_from_meter_to_meter);
	RUN(an_arena_charges_its_blocks);
	RUN(threads_share_a_meter);
	if (!IS_SANITIZED) // a sanitizer's allocator ends the process itself
		RUN(without_memory_the_process_ends_whatever_becomes_of_its_log);
	return check_summary();
}
