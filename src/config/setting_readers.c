// SPDX-License-Identifier: Apache-2.0
#include "config/setting_readers.h"

#include <sched.h>
#include <stdio.h>

#include "base/log.h"
#include "base/memory.h"
#include "config/address.h"

enum { FIELD_BYTES = 256, LISTENERS_MAX = 64, HOSTS_MAX = 64, HOST_BYTES = 253, WORKERS_MAX = 1024 };

static bool check_address(const struct document *value, const struct schema_place *place) {
	struct address address;
	if (!document_is_text(value) || !address_parse(value->string, &address)) {
		schema_complain(place, "\"HOST:PORT\", \"[V6]:PORT\" or \"unix:/path\"", value);
		return false;
	}
	return true;
}

void setting_read_admin(const struct document *value, void *target, const struct schema_place *place) {
	struct address address;
	if (!check_address(value, place))
		return;
	address_parse(value->string, &address);
	if (address_is_local(&address))
		memory_replace_string(target, value->string);
	else
		schema_complain(place, "a loopback address or a Unix socket (the admin API is for this machine alone)", value);
}

static bool read_addresses(const struct document *value, const struct schema_place *place,
                           struct address_list *listen) {
	bool good = true;
	for (size_t i = 0; i < value->item_count; i++) {
		char field[FIELD_BYTES];
		snprintf(field, sizeof field, "%s[%zu]", place->field, i + 1);
		struct schema_place item = {place->file, field, place->problems};
		if (check_address(&value->items[i], &item))
			address_list_append(listen, value->items[i].string);
		else
			good = false;
	}
	return good;
}

void setting_read_listen(const struct document *value, void *target, const struct schema_place *place) {
	struct address_list read = {0};
	bool good = false;
	if (value->kind == DOCUMENT_STRING) {
		good = check_address(value, place);
		if (good)
			address_list_append(&read, value->string);
	} else if (value->kind != DOCUMENT_TABLE || value->entry_count || !value->item_count ||
	           value->item_count > LISTENERS_MAX) {
		schema_complain(place, "one address or a list of 1 to 64 of them", value);
	} else {
		good = read_addresses(value, place, &read);
	}
	if (!good) {
		address_list_free(&read);
		return;
	}
	address_list_free(target);
	*(struct address_list *)target = read;
}

// A name or an address without a port; a V6 one within brackets, as in requests.
static bool check_host(const struct document *value, const struct schema_place *place) {
	struct slice host = value->kind == DOCUMENT_STRING ? value->string : (struct slice){0};
	bool is_bracketed = host.len > 2 && host.ptr[0] == '[' && host.ptr[host.len - 1] == ']';
	bool good = host.len > 0 && host.len <= HOST_BYTES;
	for (size_t i = is_bracketed; good && i < host.len - is_bracketed; i++) {
		char c = host.ptr[i];
		good = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '-' ||
		       c == '_' || (c == ':' && is_bracketed);
	}
	if (!good)
		schema_complain(place, "the name of a host, without scheme and port", value);
	return good;
}

void setting_read_hosts(const struct document *value, void *target, const struct schema_place *place) {
	struct address_list read = {0};
	bool good = value->kind == DOCUMENT_TABLE && !value->entry_count && value->item_count <= HOSTS_MAX;
	if (!good)
		schema_complain(place, "a list of at most 64 names", value);
	for (size_t i = 0; good && i < value->item_count; i++) {
		char field[FIELD_BYTES];
		snprintf(field, sizeof field, "%s[%zu]", place->field, i + 1);
		good = check_host(&value->items[i], &(struct schema_place){place->file, field, place->problems});
		if (good)
			address_list_append(&read, value->items[i].string);
	}
	address_list_free(target);
	*(struct address_list *)target = read;
}

// The number of cores that this process may use.
static uint64_t available_cores(void) {
	cpu_set_t cores;
	int count = sched_getaffinity(0, sizeof cores, &cores) == 0 ? CPU_COUNT(&cores) : 1;
	return count < 1 ? 1 : (uint64_t)count;
}

void setting_read_workers(const struct document *value, void *target, const struct schema_place *place) {
	if (document_is_text(value) && slice_equal(value->string, SLICE("auto"))) {
		*(uint64_t *)target = available_cores();
		return;
	}
	double number = value->kind == DOCUMENT_NUMBER ? value->number : 0;
	if (number < 1 || number > WORKERS_MAX || (double)(uint64_t)number < number || (double)(uint64_t)number > number)
		schema_complain(place, "a whole number from 1 to 1024, or \"auto\"", value);
	else
		*(uint64_t *)target = (uint64_t)number;
}

void setting_write_words(const char *const *words, const char *quote, char text[SETTING_WORDS_BYTES]) {
	size_t used = 0;
	for (size_t i = 0; words[i] && used < SETTING_WORDS_BYTES; i++) {
		const char *separator = i == 0 ? "" : words[i + 1] ? ", " : " or ";
		used +=
		    (size_t)snprintf(text + used, SETTING_WORDS_BYTES - used, "%s%s%s%s", separator, quote, words[i], quote);
	}
}

// The index of a word in a list ended by NULL; or -1, with a problem added.
static int read_word(const struct document *value, const char *const *words, const struct schema_place *place) {
	char expected[SETTING_WORDS_BYTES];
	for (int i = 0; words[i]; i++)
		if (document_is_text(value) && slice_equal(value->string, slice_from(words[i])))
			return i;
	setting_write_words(words, "\"", expected);
	schema_complain(place, expected, value);
	return -1;
}

void setting_read_log_level(const struct document *value, void *target, const struct schema_place *place) {
	int word = read_word(value, log_level_names, place);
	if (word >= 0)
		*(enum log_level *)target = (enum log_level)word;
}

void setting_read_log_format(const struct document *value, void *target, const struct schema_place *place) {
	int word = read_word(value, log_format_names, place);
	if (word >= 0)
		*(enum log_format *)target = (enum log_format)word;
}
