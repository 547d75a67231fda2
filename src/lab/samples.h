// SPDX-License-Identifier: Apache-2.0
// Sample requests, well-formed and not, and sample responses of models.
#ifndef LAB_SAMPLES_H
#define LAB_SAMPLES_H

#include <stddef.h>

#include "base/buffer.h"
#include "policy/body_reader.h"
#include "route/decide.h"
#include "route/model.h"

enum sample_kind {
	REQUEST_PLAIN,
	REQUEST_STREAM,
	REQUEST_INVOKE,
	REQUEST_INVOKE_STREAM,
	REQUEST_COUNT,
	REQUEST_LARGE, // the largest that the gateway accepts
	REQUEST_EMPTY,
	REQUEST_BROKEN,          // not JSON
	REQUEST_MISSHAPEN,       // JSON with members of the wrong types
	REQUEST_DEEP,            // nested deeper than any reader's limit
	REQUEST_ODD_NAME,        // of the model
	REQUEST_ODD_HEADERS,     // many, with values of any bytes
	REQUEST_ODD_METADATA,    // names with a meaning in Lua or printf
	REQUEST_BROKEN_METADATA, // with half a surrogate pair, which the service refuses
	REQUEST_UNKNOWN,         // for a model that no pool names
};

enum { SAMPLE_HEADERS = 64, SAMPLE_NAMES = 16 };

// A request, with what it borrows.
struct sample {
	struct request_attributes attributes;
	struct buffer body, asked; // if generated
	struct header headers[SAMPLE_HEADERS];
};

// Makes a request for `asked`, which is borrowed. `body_bytes` is the size of a REQUEST_LARGE.
void sample_init(struct sample *sample, enum sample_kind kind, const struct pool *pool,
                 const struct body_reader *bodies, struct slice asked, size_t body_bytes);
void sample_free(struct sample *sample);

// The names that clients may ask this pool for, one for each set of models that serve together, the largest set's
// first: names and globs of `serves` with an x for each `*`, and "chat" if a model serves any name. Fills `names`, each
// to be freed, and returns their number, at least 1.
size_t sample_names(const struct pool *pool, char *names[SAMPLE_NAMES]);

// An initializer of struct token_usage.
#define SAMPLE_USAGE                                                                                                   \
	{ .input_tokens = 120, .output_tokens = 80 }

// A response that isn't streamed.
struct sample_response {
	const char *name; // NULL ends the list
	enum sample_kind asked_by;
	struct response response;
};
extern const struct sample_response sample_responses[];

#endif
