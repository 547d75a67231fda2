// SPDX-License-Identifier: Apache-2.0
// One plain upstream with a script, and exchanges with it one after the other.
#ifndef SPEC_NET_FIXTURE_H
#define SPEC_NET_FIXTURE_H

#include "recorded.h"
#include "scripted_server.h"

#define OK_2 "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi"

struct fixture {
	struct loop *loop;
	struct upstreams *upstreams;
	struct upstream *upstream;
	struct scripted_server server;
	struct recorded record;
};

static inline void begin_with(struct fixture *fixture, const struct script *script,
                              const struct upstream_settings *settings) {
	*fixture = (struct fixture){.loop = loop_new()};
	scripted_server_start(&fixture->server, script, NULL);
	fixture->upstreams = upstreams_new(fixture->loop, settings);
	fixture->upstream = upstreams_get(fixture->upstreams, false, SLICE("127.0.0.1"), fixture->server.port);
	recorded_init(&fixture->record, fixture->loop);
}

static inline void begin(struct fixture *fixture, const struct script *script) {
	begin_with(fixture, script, &quick_settings);
}

static inline void finish(struct fixture *fixture) {
	CHECK_INT(upstreams_busy(fixture->upstreams), 0);
	upstreams_free(fixture->upstreams);
	loop_close(fixture->loop);
	scripted_server_stop(&fixture->server);
	recorded_free(&fixture->record);
}

static inline void start(struct fixture *fixture, struct slice body) {
	recorded_free(&fixture->record);
	recorded_init(&fixture->record, fixture->loop);
	recorded_start(&fixture->record, fixture->upstream, "POST", body);
}

// One exchange to its end; its status, or -1 - failure.
static inline int run_one(struct fixture *fixture) {
	start(fixture, SLICE("body"));
	loop_run(fixture->loop);
	return fixture->record.failures ? -1 - fixture->record.failure : fixture->record.status;
}

#endif
