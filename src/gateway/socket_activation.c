// SPDX-License-Identifier: Apache-2.0
#include "gateway/socket_activation.h"

#include <stdio.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/problem.h"
#include "config/address.h"
#include "net/bind.h"

enum { FIRST_DESCRIPTOR = 3, PASSED_MAX = 64 };

// The number of descriptors that were passed to this process.
static uint64_t count_passed(const struct environment *environment, struct problems *problems) {
	struct slice pid = environment_get(environment, "LISTEN_PID");
	struct slice count = environment_get(environment, "LISTEN_FDS");
	uint64_t number;
	if (count.len == 0 || !slice_parse_u64(pid, INT32_MAX, &number) || number != (uint64_t)getpid())
		return 0;
	if (slice_parse_u64(count, PASSED_MAX, &number))
		return number;
	problems_add(problems, NULL, 0, "LISTEN_FDS", "a number up to 64", environment_text(environment, "LISTEN_FDS"));
	return 0;
}

// Takes the next name from a list separated by colons; empty after the last.
static struct slice next_name(struct slice *names) {
	size_t colon = slice_find(*names, ':');
	struct slice name = slice_of(names->ptr, colon);
	*names = slice_from_offset(*names, colon < names->len ? colon + 1 : colon);
	return name;
}

static void adopt_admin(struct settings *settings, const char *text, struct problems *problems) {
	struct address address;
	if (!address_parse(slice_from(text), &address) || !address_is_local(&address)) {
		problems_add(problems, NULL, 0, "admin", "a loopback address or a Unix socket", text);
		return;
	}
	memory_replace_string(&settings->admin, slice_from(text));
}

static void adopt_data(struct settings *settings, size_t place, const char *text) {
	struct address_list *listen = &settings->listen;
	if (place < listen->count)
		memory_replace_string(&listen->list[place], slice_from(text));
	else
		address_list_append(listen, slice_from(text));
}

int socket_activation_adopt(const struct environment *environment, struct settings *settings,
                            struct problems *problems) {
	size_t before = problems->count;
	uint64_t count = count_passed(environment, problems);
	struct slice names = environment_get(environment, "LISTEN_FDNAMES");
	size_t data = 0;
	for (uint64_t i = 0; i < count; i++) {
		char text[BIND_TEXT_BYTES], field[32];
		const char *message;
		struct slice name = next_name(&names);
		snprintf(field, sizeof field, "LISTEN_FDS[%u]", (unsigned)(i + 1));
		if (bind_adopt(FIRST_DESCRIPTOR + (int)i, text, &message))
			problems_add(problems, NULL, 0, field, NULL, message);
		else if (slice_equal(name, SLICE("admin")))
			adopt_admin(settings, text, problems);
		else
			adopt_data(settings, data++, text);
	}
	if (data)
		settings_refuse_remote(settings, NULL, problems);
	return problems->count == before ? 0 : ERROR_INVALID;
}
