// SPDX-License-Identifier: Apache-2.0
// A policy version made ready for traffic: the policy, and for each of its models the target that requests go to. Built
// off the workers' loops. Immutable once published and reference-counted; a request pins the one that it began under.
#ifndef MUX_VERSION_H
#define MUX_VERSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "aws/credentials.h"
#include "base/error.h"
#include "base/list.h"
#include "base/problem.h"
#include "mux/mux.h"
#include "policy/policy.h"

struct reloader;

// Where a model's requests go and who signs them. Strings are owned by the version.
struct target {
	bool tls;
	char *host; // as connected to; IPv6 without brackets
	uint16_t port;
	char *authority;                        // the host header: with the port where it isn't the scheme's own
	char *base_path;                        // "" or "/prefix"
	char *region;                           // to sign for
	struct credentials_source *credentials; // borrowed
};

struct mux_version {
	_Atomic unsigned references;
	uint64_t number; // counts from 1; 0 before it is published
	char hash[VERSION_HASH_BYTES];
	struct reloader *reloader; // frees it once nothing pins it; NULL before it is published
	struct list link;          // of mux->old
	struct list unused_link;   // of the reloader
	struct policy *policy;
	struct target own;      // the settings' endpoint, for operations that are on no model
	struct target *targets; // by model index
	size_t target_count;
};

// Builds the first version and publishes it. 0, or a status with every mistake in `problems`. Of this and the next two
// one runs at a time: on the caller's thread at the start, then on the reloader's.
int version_first(struct mux *mux, struct problems *problems);

// Carries an order out: builds a version as a whole and publishes it by one swap, or not at all, and logs which.
// `result` is filled; its problems are to be freed by the caller.
void version_renew(struct mux *mux, const struct mux_reload_order *order, struct mux_reloaded *result);

// Frees a version that nothing pins any more. Closes VMs, which takes a while.
void version_free(struct mux_version *version);

// Releases the running version and all that is kept of others; no request is left, no reload runs.
void versions_free(struct mux *mux);

// From any thread. The last release hands a version that was published to the reloader.
void version_retain(struct mux_version *version);
void version_release(struct mux_version *version);

#endif
