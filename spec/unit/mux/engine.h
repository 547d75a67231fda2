// SPDX-License-Identifier: Apache-2.0
// The engine with one worker, over fake upstreams in virtual time. A spec plays a request by a script of words.
#ifndef SPEC_MUX_ENGINE_H
#define SPEC_MUX_ENGINE_H

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "../check.h"
#include "aws/eventstream.h"
#include "base/problem.h"
#include "fake_net.h"
#include "mux/mux.h"
#include "mux/version.h"
#include "mux/worker.h"

struct engine {
	char folder[64], path[96];
	char region[16];
	struct engine_options options;
	struct credentials_sources sources;
	struct mux *mux;
	struct mux_worker *worker;
	struct mux_version *version;
	struct mux_request *request;
	bool is_done;
	// Of the request that ended last: "OUTCOME STATUS EXCEPTION CODE"; empty if its client received no error.
	char told[160];
	// From the events: their number by kind; "OUTCOME STATUS ATTEMPTS" of the last request that ended.
	struct observers observers;
	int events[EVENT_KINDS];
	char ended[64];
};

static inline void engine_observe(void *owner, const struct event *event) {
	struct engine *engine = owner;
	engine->events[event->kind]++;
	if (event->kind != EVENT_REQUEST_ENDED)
		return;
	const struct request_result *result = event->request_ended.result;
	snprintf(engine->ended, sizeof engine->ended, "%s %d %u", outcome_names[result->outcome], result->status,
	         result->attempts);
}

static inline void engine_on_head(void *owner, const struct mux_head *head) {
	(void)owner;
	CHECK_INT(head->status, 200);
}

static inline bool engine_on_body(void *owner, struct slice bytes) {
	(void)owner;
	(void)bytes;
	return true;
}

static inline void engine_on_done(void *owner, const struct mux_result *result) {
	struct engine *engine = owner;
	const struct mux_error *error = &result->error;
	CHECK(!engine->is_done);
	engine->is_done = true;
	if (error->status)
		snprintf(engine->told, sizeof engine->told, "%s %d %.*s %.*s", outcome_names[result->outcome], result->status,
		         SLICE_ARGS(error->exception), SLICE_ARGS(error->code));
}

static const struct mux_sink engine_sink = {engine_on_head, engine_on_body, engine_on_done};

static inline const char *engine_no_variable(void *owner, const char *name) {
	(void)owner;
	(void)name;
	return NULL;
}

static const struct environment engine_no_environment = {engine_no_variable, NULL};

static inline void engine_write_policy(struct engine *engine, const char *policy) {
	snprintf(engine->folder, sizeof engine->folder, "/tmp/engine-spec-XXXXXX");
	if (!mkdtemp(engine->folder))
		abort();
	snprintf(engine->path, sizeof engine->path, "%s/p.lua", engine->folder);
	FILE *file = fopen(engine->path, "w");
	if (!file)
		abort();
	fputs(policy, file);
	fclose(file);
}

static inline void engine_open(struct engine *engine, const char *policy, bool has_credentials) {
	*engine = (struct engine){.is_done = false};
	struct problems problems = {0};
	struct credentials *credentials = credentials_new("AKIDEXAMPLE", "secret", NULL, NULL);
	engine_write_policy(engine, policy);
	const char *mistake = NULL;
	engine->sources.own = has_credentials ? credentials_source_static(credentials)
	                                      : credentials_source_environment(&engine_no_environment, &mistake);
	credentials_release(credentials);
	snprintf(engine->region, sizeof engine->region, "us-east-1");
	engine->options = (struct engine_options){
	    .policy = engine->path,
	    .policy_limits = {100000, 16 << 20},
	    .region = engine->region,
	    .limits = {.response_bytes = 1 << 20, .header_bytes = 1 << 16, .frame_bytes = 1 << 20, .hold_bytes = 1 << 20},
	};
	struct mux_settings settings = {
	    .options = &engine->options,
	    .credentials = &engine->sources,
	    .workers = 1,
	    .observers = &engine->observers,
	};
	observers_add(&engine->observers, (struct observer){engine_observe, engine, UINT_MAX});
	CHECK_INT(mux_new(&settings, &problems, &engine->mux), 0);
	engine->worker = mux_worker_new(engine->mux, 0, &fake_loop);
	engine->version = mux_version_retain(engine->mux);
}

static inline void engine_close(struct engine *engine) {
	CHECK_INT(mux_worker_requests(engine->worker), 0);
	version_release(engine->version);
	mux_worker_free(engine->worker);
	mux_free(engine->mux);
	credentials_source_free(engine->sources.own);
	unlink(engine->path);
	rmdir(engine->folder);
}

static inline void engine_submit(struct engine *engine, const struct request_attributes *attributes) {
	struct mux_call call = {
	    .request_id = attributes->id,
	    .operation = attributes->streaming ? OPERATION_CONVERSE_STREAM : OPERATION_CONVERSE,
	    .model = attributes->asked,
	    .headers = attributes->headers,
	    .body = attributes->body,
	};
	engine->request = mux_submit(engine->worker, &call, &engine_sink, engine);
}

static inline void engine_stream_event(const char *type) {
	struct buffer frame;
	buffer_init(&frame, 4096);
	CHECK_INT(eventstream_encode_event(slice_from(type), SLICE("{}"), &frame), 0);
	upstream_bytes(buffer_slice(&frame));
	buffer_free(&frame);
}

static inline void engine_stream_exception(void) {
	struct eventstream_header headers[] = {
	    eventstream_text_header(SLICE(":exception-type"), SLICE("throttlingException")),
	    eventstream_text_header(SLICE(":message-type"), SLICE("exception")),
	};
	struct buffer frame;
	buffer_init(&frame, 4096);
	CHECK_INT(eventstream_encode(headers, 2, SLICE("{\"message\":\"slow down\"}"), &frame), 0);
	upstream_bytes(buffer_slice(&frame));
	buffer_free(&frame);
}

static inline void engine_response(int status, const char *error_type, const char *body) {
	upstream_head(status, "application/json", error_type);
	upstream_bytes(slice_from(body));
	upstream_end();
}

// Executes one word of a script.
static inline void engine_do(struct engine *engine, const char *word) {
	static const char event_stream[] = "application/vnd.amazon.eventstream";
	if (strcmp(word, "answer") == 0) {
		engine_response(200, NULL, "{}");
	} else if (strcmp(word, "throttle") == 0) {
		engine_response(429, "ThrottlingException", "{\"message\":\"slow down\"}");
	} else if (strcmp(word, "invalid") == 0) {
		engine_response(400, "ValidationException", "{\"message\":\"no\"}");
	} else if (strcmp(word, "tierless") == 0) {
		engine_response(400, "ValidationException", "{\"message\":\"no such service tier\"}");
	} else if (strcmp(word, "denied") == 0) {
		engine_response(403, "AccessDeniedException", "{\"message\":\"no\"}");
	} else if (strcmp(word, "unnamed") == 0) {
		engine_response(503, NULL, "busy");
	} else if (strcmp(word, "foreign") == 0) {
		upstream_head(200, "text/html", NULL);
	} else if (strcmp(word, "reset") == 0) {
		upstream_fail(EXCHANGE_RESET);
	} else if (strcmp(word, "exception") == 0) {
		upstream_head(200, event_stream, NULL);
		engine_stream_exception();
	} else if (strcmp(word, "stream") == 0) {
		upstream_head(200, event_stream, NULL);
		engine_stream_event("messageStart");
		engine_stream_event("contentBlockDelta");
	} else if (strcmp(word, "throw") == 0) {
		engine_stream_exception();
	} else if (strcmp(word, "finish") == 0) {
		engine_stream_event("messageStop");
		upstream_end();
	} else if (strcmp(word, "end") == 0) {
		upstream_end();
	} else if (strcmp(word, "next") == 0) {
		pass(0);
	} else if (strcmp(word, "silence") == 0) {
		pass_to_next();
	} else if (strcmp(word, "leave") == 0) {
		mux_cancel(engine->request);
	} else if (strcmp(word, "stop") == 0) {
		mux_stop(engine->request);
	} else {
		printf("no such word: %s\n", word);
		abort();
	}
}

// Executes the words, which are separated by spaces.
static inline void engine_play(struct engine *engine, const char *script) {
	char word[32];
	int length = 0;
	for (; sscanf(script, "%31s%n", word, &length) == 1; script += length)
		engine_do(engine, word);
}

#endif
