// SPDX-License-Identifier: Apache-2.0
// Bodies of requests while they are being received, of all protocols: which of them go on when memory is short, and
// which come too slowly.
//
// A body that needs more memory than there is waits. Then one body after the other is refused with 429 until there is
// memory, but never the one that lacks least: bodies half come must not hold all memory until their time limits. When
// there is none for new requests, only those are refused which would take long.
#ifndef HTTP_UPLOAD_H
#define HTTP_UPLOAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/list.h"
#include "net/least_rate.h"

struct client_connection;
struct server;

#define UPLOAD_NO_MEMORY "There is no memory for the body now."
#define UPLOAD_TOO_SLOW "The body came too slowly."

// A part of a protocol's request. Zeroed is none, which may be ended.
struct upload {
	struct client_connection *connection;
	struct list link;          // in the server's uploads, the youngest last
	struct list waiting;       // in the server's waiting_for_memory
	const struct buffer *body; // what has come
	uint64_t expected_bytes;   // its announced length, or the limit of bodies
	struct rate_watch watch;   // stopped while it waits
	size_t still_comes_bytes;  // what the client may send although the upload waits
};

void upload_init(struct upload *upload, struct client_connection *connection);

// The body begins: its head is whole. Both are borrowed.
void upload_begin(struct upload *upload, const struct buffer *body, uint64_t expected_bytes);

// The body is whole, refused or lost. Does nothing for one that has ended or never began.
void upload_end(struct upload *upload);

// More of the body has come, and it isn't whole. Whether it comes too slowly.
bool upload_is_too_slow(struct upload *upload, size_t bytes);

enum upload_room {
	UPLOAD_GOES_ON,
	UPLOAD_WAITS, // until protocol->upload_goes_on; protocol->upload_refuse may come instead
	UPLOAD_FAILS, // it can't wait
};

// Whether the body may take more memory. `still_comes_bytes` may come while it waits; 0 if the client is not read.
enum upload_room upload_wants_memory(struct upload *upload, size_t still_comes_bytes);

static inline bool upload_is_waiting(const struct upload *upload) {
	return !list_is_empty(&upload->waiting);
}

// There is no memory for a new request.
void uploads_note_shortage(struct server *server);

// For the server's timer: lets the bodies that wait go on, or refuses one body.
void uploads_check_memory(void *server);

#endif
