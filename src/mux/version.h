// SPDX-License-Identifier: Apache-2.0
// A policy version made ready for traffic: the policy, and for each of its models the target that requests go to.
// Immutable once published and reference-counted; a request pins the one that it began under.
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
	// Takes what nobody pins any more, on whatever thread let go of it; NULL frees it there and then.
	void (*on_unused)(void *keeper, struct mux_version *version);
	void *keeper;
	struct list link, unused_link; // of who puts versions in place, and of the keeper
	struct policy *policy;
	struct target own;      // the settings' endpoint, for operations that are on no model
	struct target *targets; // by model index
	size_t target_count;
};

// Takes the policy reference. 0, or ERROR_INVALID with a problem for each model whose endpoint or credentials don't
// resolve (the policy reference is then released).
int version_new(struct policy *policy, const struct mux_settings *settings, struct problems *problems,
                struct mux_version **version);
void version_retain(struct mux_version *version);
void version_release(struct mux_version *version);
// For who keeps unused versions: ends what version_release has handed over. Closes VMs, which takes a while.
void version_free(struct mux_version *version);

#endif
