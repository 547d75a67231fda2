// SPDX-License-Identifier: Apache-2.0
// A policy version that is ready for traffic: the policy, and the target of each of its models. Built off the workers'
// loops, immutable once published, and reference-counted; a request pins the version that it began under.
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

// Where a model's requests are sent, and the credentials that sign them. Strings are owned by the version.
struct target {
	bool tls;
	char *host; // to connect to; IPv6 without brackets
	uint16_t port;
	char *authority;                        // the host header: with the port unless it is the scheme's default
	char *base_path;                        // "" or "/prefix"
	char *region;                           // of the signature
	struct credentials_source *credentials; // borrowed
};

struct mux_version {
	_Atomic unsigned references;
	uint64_t number; // counts from 1; 0 before it is published
	char hash[VERSION_HASH_BYTES];
	struct reloader *reloader; // frees it after the last release; NULL before it is published
	struct list link;          // of mux->old
	struct list unused_link;   // of the reloader
	struct policy *policy;
	struct target own;      // the endpoint of the settings, for operations without a model
	struct target *targets; // by model index
	size_t target_count;
};

// Builds and publishes the first version. Returns 0, or an error code with every mistake in `problems`. This function
// and version_renew must not run at the same time: this one runs on the caller's thread at start, the other on the
// reloader's.
int version_first(struct mux *mux, struct problems *problems);

// Executes an order: builds a whole version and publishes it in one swap, or not at all, and logs the result. Fills
// `result`; the caller frees its problems.
void version_renew(struct mux *mux, const struct mux_reload_order *order, struct mux_reloaded *result);

// Frees a version that has no references left. Closes its VMs, which takes a while.
void version_free(struct mux_version *version);

// Releases the running version, the history and the last texts read. No request may be left and no reload run.
void versions_free(struct mux *mux);

// From any thread. The last release of a published version passes it to the reloader.
void version_retain(struct mux_version *version);
void version_release(struct mux_version *version);

#endif
