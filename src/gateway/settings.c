// SPDX-License-Identifier: Apache-2.0
#include "gateway/settings.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "aws/endpoint.h"
#include "base/memory.h"
#include "base/problem.h"
#include "config/address.h"
#include "config/engine_options.h"
#include "config/setting_readers.h"
#include "sandbox/table_file.h"

#define DEFAULT_LISTEN "127.0.0.1:8080"
#define DEFAULT_ADMIN "127.0.0.1:9090"
#define DEFAULT_POLICY "policies/weighted.lua"

enum { FIELD_BYTES = 32 };

#define OFFSET(key) offsetof(struct settings, key)
#define INTEGER(...) KEY_INTEGER(struct settings, __VA_ARGS__)
#define BOOLEAN(...) KEY_BOOLEAN(struct settings, __VA_ARGS__)
#define CUSTOM(...) KEY_CUSTOM(struct settings, __VA_ARGS__)

static const struct schema_key timeouts_keys[] = {
    ENGINE_OPTIONS_KEYS(struct settings, engine, engine_timeouts_keys),
    INTEGER(timeouts, header_ms, 10000, 10, 10 * MINUTE_MS, "a client's whole request head"),
    INTEGER(timeouts, body_ms, 30000, 10, 10 * MINUTE_MS, "a silence while a client's body comes"),
    INTEGER(timeouts, write_ms, 60000, 10, 10 * MINUTE_MS, "a silence while the client doesn't read"),
    INTEGER(timeouts, min_rate, 500, 0, 1e6,
            "bytes a second at which clients send bodies and read; slower for twice 10 s, they are cut off"),
    INTEGER(timeouts, client_idle_ms, 75000, 10, HOUR_MS, "an idle client connection is closed after"),
    INTEGER(timeouts, drain_ms, 30000, 0, HOUR_MS, "requests in flight at SIGTERM are cancelled after"),
    {0},
};

static const struct schema_key limits_keys[] = {
    ENGINE_OPTIONS_KEYS(struct settings, engine, engine_limits_keys),
    INTEGER(limits, connections, 10000, 1, 1e6, "open client connections"),
    INTEGER(limits, connections_per_client, 0, 1, 1e6,
            "those of one address (IPv6: of a /64); a quarter where absent, and on loopback all"),
    INTEGER(limits, memory_bytes, 1024.0 * MEBI, MEBI, 1024.0 * 1024.0 * MEBI,
            "bodies, held responses and unsent output of all requests; beyond it new ones get 429"),
    {0},
};

static const struct schema_key tls_keys[] = {
    {.name = "cert",
     .type = SCHEMA_STRING,
     .offset = OFFSET(tls.cert),
     .meaning = "file of the certificate and its chain, PEM"},
    {.name = "key", .type = SCHEMA_STRING, .offset = OFFSET(tls.key), .meaning = "file of its key, PEM, unencrypted"},
    {0},
};

static const struct schema_key log_keys[] = {
    {.name = "level",
     .type = SCHEMA_CUSTOM,
     .offset = OFFSET(log.level),
     .parse = setting_read_log_level,
     .meaning = "least level that is written; access lines are \"info\""},
    {.name = "format",
     .type = SCHEMA_CUSTOM,
     .offset = OFFSET(log.format),
     .parse = setting_read_log_format,
     .meaning = "of a line on stderr"},
    {.name = "access",
     .type = SCHEMA_BOOLEAN,
     .offset = OFFSET(log.access),
     .default_number = 1,
     .meaning = "one line a request"},
    {0},
};

const struct schema_key settings_keys[] = {
    CUSTOM(listen, setting_read_listen, "one address or a list of them", "where Bedrock's API is served"),
    KEY_TABLE(tls, tls_keys, "makes the data listeners TLS; read again at SIGHUP"),
    CUSTOM(admin, setting_read_admin, "an address", "where the admin API is served"),
    CUSTOM(allowed_hosts, setting_read_hosts, "a list of names",
           "what requests may have as their host, without a port, beside localhost and loopback addresses"),
    BOOLEAN(allow_unauthenticated,
            "listen beyond loopback and Unix sockets, though every client that connects may use the credentials"),
    CUSTOM(workers, setting_read_workers, "a whole number or \"auto\"", "threads; \"auto\" is one per core"),
    ENGINE_OPTIONS_KEYS(struct settings, engine, engine_base_keys),
    KEY_TABLE(timeouts, timeouts_keys, "time limits"),
    KEY_TABLE(limits, limits_keys, "size limits"),
    KEY_TABLE(log, log_keys, "the log"),
    {0},
};

static void set_defaults(struct settings *settings) {
	*settings = (struct settings){0};
	schema_defaults(settings_keys, settings);
	address_list_append(&settings->listen, SLICE(DEFAULT_LISTEN));
	settings->admin = memory_string(SLICE(DEFAULT_ADMIN));
	settings->workers = 1;
	settings->log.level = LOG_INFO;
	settings->log.format = LOG_TEXT;
}

void settings_free(struct settings *settings) {
	schema_free(settings_keys, settings);
	address_list_free(&settings->listen);
	address_list_free(&settings->allowed_hosts);
	free(settings->file);
	free(settings->admin);
	free(settings->notify_socket);
	engine_options_free(&settings->engine);
	*settings = (struct settings){0};
}

static void add_flag(struct document *table, const char *key, const char *text) {
	if (text)
		document_set_string(document_add_entry(table, slice_from(key)), slice_from(text));
}

static void add_workers_flag(struct document *table, const char *text) {
	uint64_t number;
	if (text && slice_parse_u64(slice_from(text), UINT32_MAX, &number))
		*document_add_entry(table, SLICE("workers")) =
		    (struct document){.kind = DOCUMENT_NUMBER, .number = (double)number};
	else
		add_flag(table, "workers", text);
}

// Puts the flags into a table with the settings' own keys, so that one definition reads both.
static void read_flags(const struct settings_flags *flags, struct problems *problems, struct settings *settings) {
	struct document table = {.kind = DOCUMENT_TABLE};
	add_flag(&table, "policy", flags->policy);
	add_flag(&table, "admin", flags->admin);
	add_flag(&table, "region", flags->region);
	add_flag(&table, "endpoint", flags->endpoint);
	add_workers_flag(&table, flags->workers);
	if (flags->listen_count) {
		struct document *list = document_add_entry(&table, SLICE("listen"));
		for (size_t i = 0; i < flags->listen_count; i++)
			document_set_string(document_add_item(list), slice_from(flags->listen[i]));
	}
	if (flags->log_level || flags->log_format) {
		struct document *log_table = document_add_entry(&table, SLICE("log"));
		log_table->kind = DOCUMENT_TABLE;
		add_flag(log_table, "level", flags->log_level);
		add_flag(log_table, "format", flags->log_format);
	}
	struct schema_place place = {SETTINGS_COMMAND_LINE, "", problems};
	schema_read(settings_keys, &table, settings, &place);
	document_free(&table);
	settings->flagged.listen = flags->listen_count > 0;
	settings->flagged.admin = flags->admin != NULL;
	settings->flagged.endpoint = flags->endpoint != NULL;
}

// The key of our listener that the endpoint reaches, or NULL. `endpoint`: a URL, or NULL.
static const char *own_listener(const struct settings *settings, const char *endpoint) {
	struct endpoint parsed;
	struct address address;
	const char *expected;
	if (!endpoint || endpoint_parse(slice_from(endpoint), &parsed, &expected) != 0)
		return NULL;
	struct slice host = slice_from(parsed.host);
	for (size_t i = 0; i < settings->listen.count; i++)
		if (address_parse(slice_from(settings->listen.list[i]), &address) &&
		    address_receives(&address, host, parsed.port, address_is_of_this_machine(host)))
			return "listen";
	bool is_admin =
	    address_parse(slice_from(settings->admin), &address) && address_receives(&address, host, parsed.port, false);
	return is_admin ? "admin" : NULL;
}

static void add_loop(const char *file, int line, const char *field, const char *endpoint, struct problems *problems) {
	problems_add(problems, file, line, field, "another server than this one (requests would go round in a loop)",
	             endpoint);
}

void settings_refuse_own_endpoint(const struct settings *settings, const char *file, int line, const char *field,
                                  const char *endpoint, struct problems *problems) {
	if (own_listener(settings, endpoint))
		add_loop(file, line, field, endpoint, problems);
}

void settings_refuse_loop(const struct settings *settings, struct problems *problems) {
	const char *endpoint = settings->engine.endpoint, *listener = own_listener(settings, endpoint);
	if (!listener)
		return;
	bool is_flagged = strcmp(listener, "listen") == 0 ? settings->flagged.listen : settings->flagged.admin;
	if (settings->flagged.endpoint || !is_flagged)
		add_loop(settings->flagged.endpoint ? SETTINGS_COMMAND_LINE : NULL, 0, "endpoint", endpoint, problems);
	else
		add_loop(SETTINGS_COMMAND_LINE, 0, listener, endpoint, problems);
}

void settings_refuse_remote(const struct settings *settings, const char *file, struct problems *problems) {
	struct address address;
	for (size_t i = 0; i < settings->listen.count && !settings->allow_unauthenticated; i++) {
		char field[FIELD_BYTES] = "listen";
		if (!address_parse(slice_from(settings->listen.list[i]), &address) || address_is_local(&address))
			continue;
		if (settings->listen.count > 1)
			snprintf(field, sizeof field, "listen[%zu]", i + 1);
		problems_add(problems, file, 0, field,
		             "a loopback address or a Unix socket (clients are not authenticated yet; with "
		             "allow_unauthenticated = true whoever can connect may use the models)",
		             settings->listen.list[i]);
	}
}

// Whether one of the first `count` data listeners takes the address.
static bool is_taken(const struct settings *settings, size_t count, const struct address *address) {
	struct address other;
	for (size_t i = 0; i < count; i++)
		if (address_parse(slice_from(settings->listen.list[i]), &other) && address_clashes(&other, address))
			return true;
	return false;
}

static void refuse_repeated_listeners(const char *file, const struct settings *settings, struct problems *problems) {
	for (size_t i = 0; i < settings->listen.count; i++) {
		struct address address;
		char field[FIELD_BYTES];
		if (!address_parse(slice_from(settings->listen.list[i]), &address) || !is_taken(settings, i, &address))
			continue;
		snprintf(field, sizeof field, "listen[%zu]", i + 1);
		problems_add(problems, file, 0, field, "each address once", settings->listen.list[i]);
	}
}

// Checks keys against each other. A mistake that a flag brought in is the command line's.
static void check_combinations(const char *file, const struct settings *settings, struct problems *problems) {
	const char *listen_file = settings->flagged.listen ? SETTINGS_COMMAND_LINE : file;
	const char *admin_file = settings->flagged.admin ? SETTINGS_COMMAND_LINE : listen_file;
	struct address address;
	refuse_repeated_listeners(listen_file, settings, problems);
	if (address_parse(slice_from(settings->admin), &address) && is_taken(settings, settings->listen.count, &address)) {
		bool by_listen = settings->flagged.listen && !settings->flagged.admin;
		problems_add(problems, admin_file, 0, by_listen ? "listen" : "admin",
		             by_listen ? "other addresses than that of admin" : "another address than those of listen",
		             settings->admin);
	}
	settings_refuse_remote(settings, listen_file, problems);
	if (!settings->tls.cert != !settings->tls.key)
		problems_add(problems, file, 0, "tls", "both cert and key", settings->tls.cert ? "no key" : "no cert");
	if (settings->limits.memory_bytes < settings->engine.limits.body_bytes + settings->engine.limits.response_bytes)
		problems_add(problems, file, 0, "limits.memory_bytes", "at least body_bytes and response_bytes together", NULL);
}

int settings_read(const char *file, const struct document *document, const struct settings_flags *flags,
                  const struct environment *environment, struct problems *problems, struct settings *settings) {
	size_t before = problems->count;
	set_defaults(settings);
	if (document) {
		struct schema_place place = {file, "", problems};
		schema_read(settings_keys, document, settings, &place);
	}
	read_flags(flags, problems, settings);
	engine_options_complete(settings->flagged.endpoint ? SETTINGS_COMMAND_LINE : file, environment, problems,
	                        &settings->engine);
	check_combinations(file, settings, problems);
	struct slice notify = environment_get(environment, "NOTIFY_SOCKET");
	if (notify.len)
		settings->notify_socket = memory_string(notify);
	return problems->count == before ? 0 : ERROR_INVALID;
}

int settings_load(const struct settings_flags *flags, const struct environment *environment, struct problems *problems,
                  struct settings *settings) {
	const char *file = flags->config;
	if (!file && access(SETTINGS_FILE, F_OK) == 0)
		file = SETTINGS_FILE;
	struct document document = {0};
	if (file && table_file_read(file, true, problems, &document) != 0) {
		document_free(&document);
		*settings = (struct settings){0};
		return ERROR_INVALID;
	}
	int rc = settings_read(file, file ? &document : NULL, flags, environment, problems, settings);
	document_free(&document);
	if (file)
		settings->file = memory_string(slice_from(file));
	if (!settings->engine.policy && access(DEFAULT_POLICY, R_OK) == 0)
		settings->engine.policy = memory_string(SLICE(DEFAULT_POLICY));
	return rc;
}

struct server_timeouts settings_server_timeouts(const struct settings *settings) {
	return (struct server_timeouts){
	    .header_ms = settings->timeouts.header_ms,
	    .body_ms = settings->timeouts.body_ms,
	    .write_ms = settings->timeouts.write_ms,
	    .client_idle_ms = settings->timeouts.client_idle_ms,
	};
}

struct request_hosts settings_request_hosts(const struct settings *settings) {
	bool are_all_local = true;
	struct address address;
	for (size_t i = 0; i < settings->listen.count; i++)
		are_all_local &= address_parse(slice_from(settings->listen.list[i]), &address) && address_is_local(&address);
	return (struct request_hosts){
	    .are_checked = are_all_local || settings->allowed_hosts.count > 0,
	    .listed = &settings->allowed_hosts,
	};
}
