// SPDX-License-Identifier: Apache-2.0
// Whom requests are signed as: credentials sources made of the settings, or of the environment where they have none.
#ifndef GATEWAY_IDENTITY_H
#define GATEWAY_IDENTITY_H

#include "aws/credentials.h"
#include "gateway/settings.h"
#include "mux/mux.h"

struct identity {
	struct credentials_source *source;
	struct mux_credential_set *sets;
	size_t set_count;
};

// `settings` is borrowed for the identity's life.
void identity_init(struct identity *identity, const struct settings *settings);
void identity_free(struct identity *identity);

#endif
