// SPDX-License-Identifier: Apache-2.0
// What an operator may set. One definition of the keys serves reading, checking, defaults and documentation; flags are
// read by the same definition and override the file. Credentials never appear in problems or logs.
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
#include "gateway/request_routes.h"
#include "http/server.h"
#include "mux/engine_options.h"

// Looked for in the working directory when no file is named.
#define SETTINGS_FILE "signalbox.lua"

// Named as the file by problems that a flag brought in; their field is the key that the flag sets.
#define SETTINGS_COMMAND_LINE "command line"

struct settings {
	char *file; // that was read; NULL: none was
	struct address_list listen;
	struct {
		char *cert, *key; // files; both NULL without TLS
	} tls;
	char *admin;
	struct address_list allowed_hosts; // that requests may name, beside local ones
	bool allow_unauthenticated;        // data listeners may be reached from other machines
	uint64_t workers;                  // "auto" has become the number of cores
	struct engine_options engine;
	struct {
		uint64_t header_ms, body_ms, write_ms, client_idle_ms, drain_ms;
		uint64_t min_rate; // bytes a second
	} timeouts;
	struct {
		uint64_t connections, memory_bytes;
		uint64_t connections_per_client; // 0: not given
	} limits;
	char *notify_socket; // NOTIFY_SOCKET, of a service manager; NULL for none
	struct {
		enum log_level level;
		enum log_format format;
		bool access;
	} log;
	struct {
		bool listen, admin, endpoint;
	} flagged; // set by a flag
};

// The flags of the command line; NULL for one that wasn't given. Borrowed for settings_load.
struct settings_flags {
	const char *config; // file; NULL: SETTINGS_FILE if it exists, else the defaults
	const char *policy, *admin, *workers, *region, *endpoint, *log_level, *log_format;
	const char *const *listen;
	size_t listen_count;
};

// Fills `settings` (release with settings_free, whatever the result) from defaults, the file and the flags; region,
// endpoint, proxy and notify_socket also from the environment. 0, or ERROR_INVALID with every mistake in `problems`.
int settings_load(const struct settings_flags *flags, const struct environment *environment, struct problems *problems,
                  struct settings *settings);

// The same from a parsed document; `file` is its name for messages. NULL document: no file.
int settings_read(const char *file, const struct document *document, const struct settings_flags *flags,
                  const struct environment *environment, struct problems *problems, struct settings *settings);

// Adds a problem if `endpoint` (a URL, or NULL) is one of our own listeners: requests would loop. Only for a program
// that is going to listen; `ask` may send requests to a gateway that runs beside it.
void settings_refuse_own_endpoint(const struct settings *settings, const char *file, int line, const char *field,
                                  const char *endpoint, struct problems *problems);

// The same for the settings' own endpoint.
void settings_refuse_loop(const struct settings *settings, struct problems *problems);

// Adds a problem for each address of `listen` that other machines can reach, unless allow_unauthenticated is set.
void settings_refuse_remote(const struct settings *settings, const char *file, struct problems *problems);

// The time limits of the listeners.
struct server_timeouts settings_server_timeouts(const struct settings *settings);

// Which hosts requests may name. They are checked unless other machines may connect; with allowed_hosts always.
struct request_hosts settings_request_hosts(const struct settings *settings);

// Wipes and frees what it holds.
void settings_free(struct settings *settings);

// The definition of the keys. Also tells a settings file from a policy.
extern const struct schema_key settings_keys[];

#endif
