// SPDX-License-Identifier: Apache-2.0
// A policy in a folder of its own: written, loaded, and its hooks called.
#ifndef SPEC_POLICY_FIXTURE_H
#define SPEC_POLICY_FIXTURE_H

#include "../check.h"
#include "../folder.h"
#include "base/log.h"
#include "mux/body_reader.h"
#include "policy/hooks.h"
#include "policy/policy.h"
#include "policy/shared.h"
#include "route/request.h"

enum { FIXTURE_EVENTS_MAX = 64 };

struct fixture {
	char folder[FOLDER_BYTES];
	char path[256];
	struct policy_host host;
	struct problems problems;
	struct policy *policy;
	int rc;
	struct arena arena;
	struct random_source random;
	struct route route;
	struct request_attributes attributes;
	struct route_request *request;
	// The policy's own events: their numbers by kind, and the last one in words.
	struct observers observers;
	int errors, disabled;
	char detail[512];
};

static inline void fixture_observe(void *owner, const struct event *event) {
	struct fixture *fixture = owner;
	fixture->errors += event->kind == EVENT_POLICY_ERROR;
	fixture->disabled += event->kind == EVENT_HOOK_DISABLED;
	if (event->kind == EVENT_POLICY_ERROR)
		snprintf(fixture->detail, sizeof fixture->detail, "%s: %s at %.400s:%d", event->error.hook, event->error.ending,
		         event->error.file, event->error.line);
	else
		snprintf(fixture->detail, sizeof fixture->detail, "%s", event->disabled.hook);
}

// The fixture as the only observer.
static inline const struct observers *fixture_observers(struct fixture *fixture) {
	const unsigned kinds = event_bit(EVENT_POLICY_ERROR) | event_bit(EVENT_HOOK_DISABLED);
	if (fixture->observers.count == 0)
		observers_add(&fixture->observers, (struct observer){fixture_observe, fixture, kinds});
	return &fixture->observers;
}

static inline void fixture_write(struct fixture *fixture, const char *name, const char *text) {
	folder_write(fixture->folder, name, text);
}

static inline void fixture_init(struct fixture *fixture) {
	*fixture = (struct fixture){0};
	log_configure(LOG_OFF, LOG_TEXT);
	folder_make(fixture->folder);
	snprintf(fixture->path, sizeof fixture->path, "%s/policy.lua", fixture->folder);
	fixture->host = (struct policy_host){
	    .registry = registry_new(), .shared = shared_new(), .bodies = &mux_body_reader, .now_ms = 1000};
	random_init(&fixture->random, 7);
	arena_init(&fixture->arena, 1 << 20);
	fixture->attributes = (struct request_attributes){
	    .id = SLICE("request-1"), .operation = SLICE("Converse"), .asked = SLICE("chat"), .body = SLICE("{}")};
}

static inline void fixture_load_limited(struct fixture *fixture, const char *text, size_t workers,
                                        uint64_t instructions, uint64_t memory_bytes) {
	struct policy_limits limits = {instructions, memory_bytes};
	if (text)
		fixture_write(fixture, "policy.lua", text);
	fixture->rc = policy_load(fixture->path, &limits, workers, &fixture->host, &fixture->problems, &fixture->policy);
	if (fixture->rc)
		return;
	policy_set_observers(fixture->policy, fixture_observers(fixture));
	fixture->route = (struct route){
	    .pool = policy_pool(fixture->policy), .decide = policy_decide(fixture->policy, 0), .random = &fixture->random};
	route_request_new(&fixture->route, &fixture->attributes, &fixture->arena, 1000, &fixture->request);
}

// Writes the policy (NULL: keeps the present file) and loads it with the settings' default limits.
static inline void fixture_load(struct fixture *fixture, const char *text) {
	fixture_load_limited(fixture, text, 1, 100000, 16 << 20);
}

static inline void fixture_free(struct fixture *fixture) {
	policy_release(fixture->policy);
	problems_free(&fixture->problems);
	shared_free(fixture->host.shared);
	registry_free(fixture->host.registry);
	arena_free(&fixture->arena);
	folder_remove(fixture->folder);
}

// Calls `select` with the whole pool as candidates; returns the model's name, or "none".
static inline const char *fixture_select(struct fixture *fixture, struct selection *out) {
	const struct pool *pool = policy_pool(fixture->policy);
	const struct model *list[64];
	for (size_t i = 0; i < pool->count && i < 64; i++)
		list[i] = &pool->models[i];
	struct selection selection = {0};
	const struct decide *decide = policy_decide(fixture->policy, 0);
	decide->select(decide->self, fixture->request, (struct candidates){.list = list, .count = pool->count},
	               &fixture->random, &selection);
	if (out)
		*out = selection;
	return selection.model ? selection.model->name : "none";
}

static inline struct classification fixture_classify(struct fixture *fixture, const struct failure *failure) {
	struct classification classification;
	default_classify(failure, &classification);
	const struct decide *decide = policy_decide(fixture->policy, 0);
	decide->classify(decide->self, failure, fixture->request, &policy_pool(fixture->policy)->models[0],
	                 &classification);
	return classification;
}

// The problems as text, "" when there are none. Valid until the next call.
static inline const char *fixture_problems(struct fixture *fixture) {
	return problems_text(&fixture->problems);
}

// A policy that does not load, and its only problem.
struct refused_policy {
	const char *policy;
	const char *problem; // the whole text behind the path
};

static inline void fixture_check_refused(const struct refused_policy *row) {
	struct fixture fixture;
	char expected[1024];
	fixture_init(&fixture);
	fixture_load(&fixture, row->policy);
	snprintf(expected, sizeof expected, "%s%s\n", fixture.path, row->problem);
	CHECK(fixture.rc != 0);
	CHECK(fixture.policy == NULL);
	CHECK_INT(fixture.problems.count, 1);
	CHECK_STRING(fixture_problems(&fixture), expected);
	fixture_free(&fixture);
}
#define CHECK_REFUSED(rows)                                                                                            \
	for (size_t i = 0; i < sizeof(rows) / sizeof *(rows); i++)                                                         \
	fixture_check_refused(&(rows)[i])

#endif
