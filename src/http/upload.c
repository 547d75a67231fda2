// SPDX-License-Identifier: Apache-2.0
#include "http/upload.h"

#include "http/server_internal.h"

// How often to look for memory while bodies wait for it. One body is refused each time, so that the cost of finding it
// is bounded however many there are.
#define MEMORY_CHECK_MS 20
// What may come in all of bodies that wait.
#define STILL_COMES_LIMIT_BYTES (16 * 1024 * 1024)
// A body that holds less is refused only when there is no other: it would free too little.
#define LARGE_BYTES (128 * 1024)
#define LARGE_RANK 100 // more than any slowness
// The slowness of bodies that take 32 s and more; so many are refused for new requests, whose clients may retry sooner.
#define SLOW 6

void upload_init(struct upload *upload, struct client_connection *connection) {
	*upload = (struct upload){.connection = connection};
	list_init(&upload->link);
	list_init(&upload->waiting);
}

void upload_begin(struct upload *upload, const struct buffer *body, uint64_t expected_bytes) {
	struct server *server = upload->connection->server;
	upload->body = body;
	upload->expected_bytes = expected_bytes;
	upload->watch = (struct rate_watch){0};
	rate_watch_run(&upload->watch, loop_now_ms(server->loop));
	list_append(&server->uploads, &upload->link);
}

static void upload_stop_waiting(struct upload *upload) {
	if (!upload_is_waiting(upload))
		return;
	list_remove(&upload->waiting);
	rate_watch_run(&upload->watch, loop_now_ms(upload->connection->server->loop));
	upload->connection->server->still_comes_bytes -= upload->still_comes_bytes;
	upload->still_comes_bytes = 0;
}

void upload_end(struct upload *upload) {
	upload_stop_waiting(upload);
	list_remove(&upload->link);
}

bool upload_is_too_slow(struct upload *upload, size_t bytes) {
	struct server *server = upload->connection->server;
	return rate_watch_count(&upload->watch, bytes, &server->limits.rate, loop_now_ms(server->loop));
}

enum upload_room upload_wants_memory(struct upload *upload, size_t still_comes_bytes) {
	struct server *server = upload->connection->server;
	if (upload_is_waiting(upload))
		return UPLOAD_WAITS;
	if (!memory_meter_is_full(server->limits.memory))
		return UPLOAD_GOES_ON;
	if (server->still_comes_bytes + still_comes_bytes > STILL_COMES_LIMIT_BYTES)
		return UPLOAD_FAILS;
	upload->still_comes_bytes = still_comes_bytes;
	server->still_comes_bytes += still_comes_bytes;
	list_append(&server->waiting_for_memory, &upload->waiting);
	rate_watch_stop(&upload->watch, loop_now_ms(server->loop));
	if (!timer_is_running(&server->memory_check))
		timer_start(&server->memory_check, MEMORY_CHECK_MS);
	return UPLOAD_WAITS;
}

static uint64_t upload_lacks_bytes(const struct upload *upload) {
	return upload->expected_bytes > upload->body->len ? upload->expected_bytes - upload->body->len : 0;
}

// How much longer it takes, at its recent speed, as the number of bits of the seconds: clients of about the same speed
// are equal.
static unsigned upload_slowness(const struct upload *upload) {
	const struct server *server = upload->connection->server;
	uint64_t rate = rate_watch_recent(&upload->watch, &server->limits.rate, loop_now_ms(server->loop));
	uint64_t seconds = upload_lacks_bytes(upload) / (rate + 1);
	return seconds ? 64U - (unsigned)__builtin_clzll(seconds) : 0;
}

static bool upload_is_large(const struct upload *upload) {
	return upload->body->capacity >= LARGE_BYTES;
}

// Of the large bodies, if there are any, the one that lacks least.
static const struct upload *upload_nearest_its_end(const struct server *server) {
	const struct upload *nearest = NULL;
	for (const struct list *link = server->uploads.next; link != &server->uploads; link = link->next) {
		const struct upload *upload = LIST_OWNER(link, struct upload, link);
		bool is_larger = nearest && upload_is_large(upload) && !upload_is_large(nearest);
		bool is_smaller = nearest && upload_is_large(nearest) && !upload_is_large(upload);
		if (!nearest || is_larger || (!is_smaller && upload_lacks_bytes(upload) < upload_lacks_bytes(nearest)))
			nearest = upload;
	}
	return nearest;
}

// The body to refuse: a large one first, then the one that takes longest, then the youngest. None that is less slow
// than `least`, nor the one that is to be whole next. NULL if there is no other.
static struct upload *upload_to_refuse(const struct server *server, unsigned least) {
	const struct upload *kept = upload_nearest_its_end(server);
	struct upload *chosen = NULL;
	unsigned highest = 0;
	for (const struct list *link = server->uploads.next; link != &server->uploads; link = link->next) {
		struct upload *upload = LIST_OWNER(link, struct upload, link);
		unsigned slowness = upload_slowness(upload);
		unsigned rank = slowness + (upload_is_large(upload) ? LARGE_RANK : 0);
		if (upload == kept || slowness < least || rank < highest)
			continue;
		chosen = upload;
		highest = rank;
	}
	return chosen;
}

static void uploads_refuse_one(struct server *server) {
	bool waits = !list_is_empty(&server->waiting_for_memory);
	struct upload *refused = upload_to_refuse(server, waits ? 0 : SLOW);
	if (refused)
		refused->connection->protocol->upload_refuse(refused);
}

static void uploads_go_on(struct server *server) {
	struct list ready;
	list_init(&ready);
	list_move_all(&ready, &server->waiting_for_memory);
	while (!list_is_empty(&ready)) {
		struct upload *upload = LIST_OWNER(ready.next, struct upload, waiting);
		upload_stop_waiting(upload);
		upload->connection->protocol->upload_goes_on(upload);
	}
}

void uploads_note_shortage(struct server *server) {
	if (!list_is_empty(&server->uploads) && !timer_is_running(&server->memory_check))
		timer_start(&server->memory_check, MEMORY_CHECK_MS);
}

void uploads_check_memory(void *owner) {
	struct server *server = owner;
	if (memory_meter_is_full(server->limits.memory))
		uploads_refuse_one(server);
	if (!memory_meter_is_full(server->limits.memory))
		uploads_go_on(server);
	if (!list_is_empty(&server->waiting_for_memory))
		timer_start(&server->memory_check, MEMORY_CHECK_MS);
}
