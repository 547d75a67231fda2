// SPDX-License-Identifier: Apache-2.0
// The driver's policy in its virtual time. Routing asks all hooks; each call passes through a function here, which
// measures the decision and reports it.
#include "lab/driver.h"

#include "base/clock.h"
#include "base/problem.h"
#include "policy/shared.h"

enum {
	ARENA_BYTES = 256 << 20,
	BEGIN_MS = 86400000,
	SEED = 1,
	TICK_MS = 1000,
};

static void driver_on_call(void *owner, const char *hook, const struct call_report *report) {
	(void)hook;
	struct driver *driver = owner;
	driver->is_called = true;
	driver->report = *report;
}

// Returns the processor time at which the decision begins.
static uint64_t begin_decision(struct driver *driver) {
	driver->is_called = false;
	return clock_thread_cpu_ns();
}

static void report_decision(struct driver *driver, uint64_t began_ns, struct driver_decision *decision) {
	decision->cpu_ns = clock_thread_cpu_ns() - began_ns;
	decision->report = driver->is_called ? &driver->report : NULL;
	if (driver->on_decision)
		driver->on_decision(driver->owner, decision);
}

static void driver_select(void *self, const struct route_request *request, struct candidates candidates,
                          struct random_source *random, struct selection *out) {
	struct driver *driver = self;
	uint64_t began_ns = begin_decision(driver);
	driver->policy_own->select(driver->policy_own->self, request, candidates, random, out);
	struct driver_decision decision = {
	    .hook = "select", .model = out->model, .is_undecided = out->is_undecided, .selection = out};
	report_decision(driver, began_ns, &decision);
}

static void driver_classify(void *self, const struct failure *failure, const struct route_request *request,
                            const struct model *model, struct classification *out) {
	struct driver *driver = self;
	uint64_t began_ns = begin_decision(driver);
	driver->policy_own->classify(driver->policy_own->self, failure, request, model, out);
	struct driver_decision decision = {
	    .hook = "classify", .model = model, .is_undecided = out->is_undecided, .classification = out};
	report_decision(driver, began_ns, &decision);
}

static enum acceptance driver_accept(void *self, const struct response *response, const struct route_request *request,
                                     const struct model *model, struct slice *reason) {
	struct driver *driver = self;
	uint64_t began_ns = begin_decision(driver);
	enum acceptance acceptance = driver->policy_own->accept(driver->policy_own->self, response, request, model, reason);
	struct driver_decision decision = {.hook = "accept",
	                                   .model = model,
	                                   .acceptance = acceptance,
	                                   .is_undecided = acceptance == RESPONSE_UNDECIDED,
	                                   .reason = acceptance == RESPONSE_REFUSED ? *reason : (struct slice){0}};
	report_decision(driver, began_ns, &decision);
	return acceptance;
}

static void driver_prepare(void *self, const struct route_request *request, const struct model *model,
                           struct edits *out) {
	struct driver *driver = self;
	uint64_t began_ns = begin_decision(driver);
	driver->policy_own->prepare(driver->policy_own->self, request, model, out);
	struct driver_decision decision = {
	    .hook = "prepare", .model = model, .is_undecided = out->is_undecided, .edits = out};
	report_decision(driver, began_ns, &decision);
}

static void driver_finish(void *self, const struct route_request *request, const struct request_result *result) {
	struct driver *driver = self;
	uint64_t began_ns = begin_decision(driver);
	driver->policy_own->finish(driver->policy_own->self, request, result);
	struct driver_decision decision = {.hook = "finish", .model = result->model};
	report_decision(driver, began_ns, &decision);
}

static int64_t read_wall_ms(void *owner) {
	const struct driver *driver = owner;
	return driver->wall_begin_ms + (int64_t)(driver->now_ms - BEGIN_MS);
}

// Processor time advances with the virtual time, or os.clock would make a dry run differ from the next.
static uint64_t read_processor_us(void *owner) {
	const struct driver *driver = owner;
	return (driver->now_ms - BEGIN_MS) * 1000;
}

int driver_open(struct driver *driver, struct sources *sources, const struct policy_limits *limits,
                const struct body_reader *bodies, struct problems *problems) {
	*driver = (struct driver){
	    .now_ms = BEGIN_MS,
	    .clock = {read_wall_ms, read_processor_us, driver},
	    .wall_begin_ms = clock_wall_ms(),
	    .host = {.registry = registry_new(),
	             .shared = shared_new(),
	             .bodies = bodies,
	             .clock = &driver->clock,
	             .now_ms = BEGIN_MS},
	};
	arena_init(&driver->arena, ARENA_BYTES);
	random_init(&driver->random, SEED);
	int rc = policy_build(sources, limits, 1, &driver->host, problems, &driver->policy);
	if (rc)
		return rc;
	policy_on_call(driver->policy, 0, driver_on_call, driver);
	driver->policy_own = policy_decide(driver->policy, 0);
	driver->decide = (struct decide){
	    .self = driver,
	    .select = driver_select,
	    .classify = driver_classify,
	    .accept = driver->policy_own->accept ? driver_accept : NULL,
	    .prepare = driver->policy_own->prepare ? driver_prepare : NULL,
	    .finish = driver->policy_own->finish ? driver_finish : NULL,
	};
	return 0;
}

static void driver_clear(struct driver *driver) {
	preset_clear(driver->held, driver->now_ms);
	driver->held = NULL;
	arena_free(&driver->arena);
}

void driver_close(struct driver *driver) {
	driver_clear(driver);
	policy_release(driver->policy);
	shared_free(driver->host.shared);
	registry_free(driver->host.registry);
	*driver = (struct driver){0};
}

bool driver_set(struct driver *driver, enum preset preset, struct slice asked) {
	driver_clear(driver);
	return preset_set(policy_pool(driver->policy), preset, asked, &driver->arena, &driver->now_ms, &driver->held);
}

void driver_tick(struct driver *driver) {
	driver->now_ms += TICK_MS;
	uint64_t began_ns = begin_decision(driver);
	policy_tick(driver->policy, 0, driver->now_ms);
	struct driver_decision decision = {.hook = "tick"};
	report_decision(driver, began_ns, &decision);
}
