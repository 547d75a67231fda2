// SPDX-License-Identifier: Apache-2.0
// Specimens of what comes in: requests as clients send them, well-behaved or not, and answers as models give them.
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
	REQUEST_LARGE, // as large as the gateway lets in
	REQUEST_EMPTY,
	REQUEST_BROKEN,          // no JSON
	REQUEST_MISSHAPEN,       // JSON with members of the wrong types
	REQUEST_DEEP,            // nested deeper than any reader goes
	REQUEST_ODD_NAME,        // of the model
	REQUEST_ODD_HEADERS,     // many, with values of any bytes
	REQUEST_ODD_METADATA,    // names that Lua or printf would take for their own
	REQUEST_BROKEN_METADATA, // with half a character, which the service refuses
	REQUEST_UNKNOWN,         // a model that nobody has heard of
};

enum { SAMPLE_HEADERS = 64, SAMPLE_NAMES = 16 };

// A request, with what it borrows.
struct sample {
	struct request_attributes attributes;
	struct buffer body, asked; // where they are made for this one
	struct header headers[SAMPLE_HEADERS];
};

// Makes a request for `asked`, which is borrowed; `body_bytes` is the size of a large one.
void sample_init(struct sample *sample, enum sample_kind kind, const struct pool *pool,
                 const struct body_reader *bodies, struct slice asked, size_t body_bytes);
void sample_free(struct sample *sample);

// What clients may ask this pool for, a name for each set of models that serve together, the largest set's first: names
// and globs of `serves` with an x for each `*`, and "chat" where a model serves anything. Fills `names`, to be freed
// one by one; their number, at least 1.
size_t sample_names(const struct pool *pool, char *names[SAMPLE_NAMES]);

// A whole answer.
struct sample_response {
	const char *name; // NULL ends the list
	enum sample_kind asked_by;
	struct response response;
};
extern const struct sample_response sample_responses[];

#endif
