// SPDX-License-Identifier: Apache-2.0
// What signalbox.new takes: those of the gateway's settings that make sense without listeners, by the same names, with
// the same defaults and ranges.
#ifndef MODULE_OPTIONS_H
#define MODULE_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/document.h"
#include "base/error.h"
#include "base/schema.h"
#include "config/credentials_config.h"
#include "mux/mux.h"

// The name of the table in messages.
#define OPTIONS_NAME "signalbox.new"

struct options {
	char *policy; // path; NULL: the built-in one
	struct {
		uint64_t instructions, memory_bytes;
	} policy_limits;
	char *region;
	char *endpoint; // NULL: the region's own
	bool allow_plaintext;
	struct credentials_config credentials;
	struct credentials_config_sets credential_sets;
	struct {
		uint64_t connect_ms, pool_idle_ms;
	} timeouts;
	struct {
		uint64_t body_bytes, response_bytes, header_bytes, frame_bytes, hold_bytes;
	} limits;
};

// Fills `options` (release with options_free, whatever the result) from the table, and for region and endpoint from the
// environment. 0, or ERROR_INVALID with every mistake in `problems`.
int options_read(const struct document *document, struct problems *problems, struct options *options);
// Wipes and frees what it holds.
void options_free(struct options *options);

// The engine's settings; borrows from both.
struct mux_settings options_for_mux(const struct options *options, const struct credentials_sources *sources);

#endif
