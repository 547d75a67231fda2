// SPDX-License-Identifier: Apache-2.0
// The signer's state, shared by signing (sigv4.c) and verification (sigv4_verify.c), which run the same stages.
#ifndef AWS_SIGV4_STATE_H
#define AWS_SIGV4_STATE_H

#include "aws/canonical.h"
#include "aws/digest.h"
#include "aws/signing_keys.h"
#include "aws/sigv4.h"

struct sigv4_signer {
	struct digest *digest;
	struct signing_keys keys;
	struct sigv4_stages stages;
	struct header headers[CANONICAL_HEADERS]; // of the current request
	size_t header_count;
};

// Adds a header to be signed. 0 or ERROR_LIMIT.
int sigv4_add_header(struct sigv4_signer *signer, struct slice name, struct slice value);

// Runs the stages from the request, whose headers are in the signer, and stages.date to the signature. 0, or an error
// as in sigv4_sign.
int sigv4_run_stages(struct sigv4_signer *signer, struct canonical_request *request, struct credentials *credentials,
                     struct sigv4_scope scope);

// Wipes the stages.
void sigv4_wipe_stages(struct sigv4_signer *signer);

#endif
