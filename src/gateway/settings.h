// SPDX-License-Identifier: Apache-2.0
// What an operator may set: one definition of the keys, from which reading, checking, defaults and the reference table
// come. Flags are read by the same definition, over the file. Credentials never get into problems or logs.
#ifndef GATEWAY_SETTINGS_H
#define GATEWAY_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/document.h"
#include "base/environment.h"
#include "base/error.h"
#include "base/log.h"
#include "base/problem.h"
#include "base/schema.h"
#include "config/address.h"
#include "http/server.h"
#include "mux/engine_options.h"

// Looked for in the working directory when no file is named.
#define SETTINGS_FILE "signalbox.lua"

struct settings {
	struct address_list listen;
	struct {
		char *cert, *key; // files; both or, in clear, NULL
	} tls;
	char *admin;
	bool allow_unauthenticated; // listeners that others than this machine can reach
	uint64_t workers;           // "auto" is the number of cores
	struct engine_options engine;
	struct {
		uint64_t header_ms, body_ms, write_ms, client_idle_ms, drain_ms;
	} timeouts;
	struct {
		uint64_t connections, memory_bytes;
	} limits;
	char *notify_socket; // NOTIFY_SOCKET: a service manager that wants to know how we stand; NULL for none
	struct {
		enum log_level level;
		enum log_format format;
		bool access;
	} log;
};

// What the command line says; NULL where it says nothing. Borrowed for settings_load.
struct settings_flags {
	const char *config; // file; NULL: SETTINGS_FILE where there is one, else the defaults
	const char *policy, *admin, *workers, *region, *endpoint, *log_level, *log_format;
	const char *const *listen;
	size_t listen_count;
};

// Whether each flag by itself may be that: 0, or ERROR_INVALID with a problem for each that may not, whose field is the
// settings' key. What flags and file say together is for settings_load to judge.
int settings_check_flags(const struct settings_flags *flags, struct problems *problems);

// Fills `settings` (release with settings_free, whatever the result): defaults, the file, flags, and for region,
// endpoint, proxy and notify_socket the environment. 0, or ERROR_INVALID with every mistake in `problems`.
int settings_load(const struct settings_flags *flags, const struct environment *environment, struct problems *problems,
                  struct settings *settings);

// The same from a document that was read already; `file` is its name for messages. NULL document: no file.
int settings_read(const char *file, const struct document *document, const struct settings_flags *flags,
                  const struct environment *environment, struct problems *problems, struct settings *settings);

// Adds a problem when `endpoint` (a URL; NULL is fine) is one of our own listeners: requests would go round in a loop.
// For who is going to listen; `ask` may well ask the gateway that runs beside it.
void settings_refuse_own_endpoint(const struct settings *settings, const char *file, int line, const char *field,
                                  const char *endpoint, struct problems *problems);

// Adds a problem for each of `listen` that others than this machine can reach, unless allow_unauthenticated is set.
void settings_refuse_strangers(const struct settings *settings, const char *file, struct problems *problems);

// The time limits of the listeners.
struct server_timeouts settings_server_timeouts(const struct settings *settings);

// Wipes and frees what it holds.
void settings_free(struct settings *settings);

// The definition, for the documents and for telling a settings file from a policy.
extern const struct schema_key settings_keys[];

#endif
