// SPDX-License-Identifier: Apache-2.0
// Specimens of what comes in: requests as clients send them, well-behaved or not, and answers as models give them.
#ifndef POLICY_SPECIMEN_H
#define POLICY_SPECIMEN_H

#include <stddef.h>

#include "base/buffer.h"
#include "route/decide.h"
#include "route/model.h"

enum specimen_kind {
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
	REQUEST_BROKEN_METADATA, // that no reader takes
	REQUEST_UNKNOWN,         // a model that nobody has heard of
};

enum { SPECIMEN_HEADERS = 64, SPECIMEN_NAMES = 16 };

// A request, with what it borrows.
struct specimen {
	struct request_facts facts;
	struct buffer body, asked; // where they are made for this one
	struct header headers[SPECIMEN_HEADERS];
};

// Makes a request for `asked`, which is borrowed; `body_bytes` is the size of a large one.
void specimen_init(struct specimen *specimen, enum specimen_kind kind, const struct pool *pool, struct slice asked,
                   size_t body_bytes);
void specimen_free(struct specimen *specimen);

// What clients may ask this pool for, a name for each set of models that serve together, the largest set's first: names
// and globs of `serves` with an x for each `*`, and "chat" where a model serves anything. Fills `names`, to be freed
// one by one; their number, at least 1.
size_t specimen_names(const struct pool *pool, char *names[SPECIMEN_NAMES]);

// A whole answer.
struct specimen_answer {
	const char *name; // NULL ends the list
	enum specimen_kind asked_by;
	struct response response;
};
extern const struct specimen_answer specimen_answers[];

#endif
