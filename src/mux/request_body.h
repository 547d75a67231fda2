// SPDX-License-Identifier: Apache-2.0
// What is known of the body of a call: it is read once, when something first wants it, and everything after that uses
// what was found. A body that services may read differently is refused once it was read or is to be edited; one that
// nothing reads is passed on as it is.
#ifndef MUX_REQUEST_BODY_H
#define MUX_REQUEST_BODY_H

#include <stdbool.h>

#include "aws/request_shape.h"
#include "base/arena.h"
#include "base/header.h"
#include "base/slice.h"

struct request_body {
	struct slice bytes;
	struct headers headers; // of the call
	struct arena *arena;
	struct request_shape *shape; // NULL until it is read
	struct request_scan *scan;   // while it is read in slices
	bool was_read;               // by routing or by a hook
};

// Everything is borrowed for the request's life.
void request_body_init(struct request_body *body, struct slice bytes, struct headers headers, struct arena *arena);

// Whether reading the body takes so long that it is to be done in slices, before anything asks for what is in it.
bool request_body_is_large(const struct request_body *body);
// Reads a large body on by a slice. True once all has been read, or the arena has no room.
bool request_body_step(struct request_body *body);

// Reads the body unless it has been read; NULL if the arena has no room. A body with a coding is not read: its shape is
// empty, and the coding is its flaw.
const struct request_shape *request_body_shape(struct request_body *body);

// As request_body_shape, for values that decide something: from now on request_body_is_refused says whether they can be
// relied on.
const struct request_shape *request_body_read(struct request_body *body);

// Whether the body was read, and services may read it differently.
bool request_body_is_refused(const struct request_body *body);

#endif
