// SPDX-License-Identifier: Apache-2.0
// The driver of requests on a stage: what mux does with sockets and timers is done here by an agenda of what happens
// next. It imitates nothing: routing asks all hooks, each of which passes through the stage, which notes what it took
// and tells of it.
#include "lab/driver.h"

#include "base/clock.h"
#include "base/problem.h"
#include "policy/shared.h"

enum {
	ARENA_BYTES = 256 << 20,
	BEGIN_MS = 86400000,
	FLIGHTS_MAX = 64,
	STEPS_MAX = 10000, // many times what a request can take
	SEED = 1,
	RESPONSE_MS = 600,
	PLAIN_STATUS = 200,
	FAILURE_MS = 40,
	TICK_MS = 1000,
};

static void hear_call(void *owner, const char *hook, const struct call_report *report) {
	(void)hook;
	struct driver *driver = owner;
	driver->is_called = true;
	driver->report = *report;
}

static uint64_t begin_decision(struct driver *driver) {
	driver->is_called = false;
	return clock_thread_cpu_ns();
}

static void tell(struct driver *driver, uint64_t began_ns, struct driver_decision *decision) {
	decision->cpu_ns = clock_thread_cpu_ns() - began_ns;
	decision->report = driver->is_called ? &driver->report : NULL;
	if (driver->on_decision)
		driver->on_decision(driver->owner, decision);
}

static void select_and_tell(void *self, const struct route_request *request, struct candidates candidates,
                            struct random_source *random, struct selection *out) {
	struct driver *driver = self;
	uint64_t began_ns = begin_decision(driver);
	driver->policy_own->select(driver->policy_own->self, request, candidates, random, out);
	struct driver_decision decision = {.hook = "select", .model = out->model, .selection = out};
	tell(driver, began_ns, &decision);
}

static void classify_and_tell(void *self, const struct failure *failure, const struct route_request *request,
                              const struct model *model, struct classification *out) {
	struct driver *driver = self;
	uint64_t began_ns = begin_decision(driver);
	driver->policy_own->classify(driver->policy_own->self, failure, request, model, out);
	struct driver_decision decision = {.hook = "classify", .model = model, .classification = out};
	tell(driver, began_ns, &decision);
}

static bool accept_and_tell(void *self, const struct response *response, const struct route_request *request,
                            const struct model *model, struct slice *reason) {
	struct driver *driver = self;
	uint64_t began_ns = begin_decision(driver);
	bool accepted = driver->policy_own->accept(driver->policy_own->self, response, request, model, reason);
	struct driver_decision decision = {
	    .hook = "accept", .model = model, .accepted = accepted, .reason = accepted ? (struct slice){0} : *reason};
	tell(driver, began_ns, &decision);
	return accepted;
}

static void prepare_and_tell(void *self, const struct route_request *request, const struct model *model,
                             struct edits *out) {
	struct driver *driver = self;
	uint64_t began_ns = begin_decision(driver);
	driver->policy_own->prepare(driver->policy_own->self, request, model, out);
	struct driver_decision decision = {.hook = "prepare", .model = model, .edits = out};
	tell(driver, began_ns, &decision);
}

static void finish_and_tell(void *self, const struct route_request *request, const struct request_result *result) {
	struct driver *driver = self;
	uint64_t began_ns = begin_decision(driver);
	driver->policy_own->finish(driver->policy_own->self, request, result);
	struct driver_decision decision = {.hook = "finish", .model = result->model};
	tell(driver, began_ns, &decision);
}

static int64_t read_wall_ms(void *owner) {
	const struct driver *driver = owner;
	return driver->wall_begin_ms + (int64_t)(driver->now_ms - BEGIN_MS);
}

// Nothing takes time on a stage but what is said to.
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
	policy_on_call(driver->policy, 0, hear_call, driver);
	driver->policy_own = policy_decide(driver->policy, 0);
	driver->decide = (struct decide){
	    .self = driver,
	    .select = select_and_tell,
	    .classify = classify_and_tell,
	    .accept = driver->policy_own->accept ? accept_and_tell : NULL,
	    .prepare = driver->policy_own->prepare ? prepare_and_tell : NULL,
	    .finish = driver->policy_own->finish ? finish_and_tell : NULL,
	};
	return 0;
}

static void clear(struct driver *driver) {
	preset_clear(driver->held, driver->now_ms);
	driver->held = NULL;
	arena_free(&driver->arena);
}

void driver_close(struct driver *driver) {
	clear(driver);
	policy_release(driver->policy);
	shared_free(driver->host.shared);
	registry_free(driver->host.registry);
	*driver = (struct driver){0};
}

bool driver_set(struct driver *driver, enum preset preset, struct slice asked) {
	clear(driver);
	return preset_set(policy_pool(driver->policy), preset, asked, &driver->arena, &driver->now_ms, &driver->held);
}

// An attempt under way.
struct flight {
	uint32_t attempt;
	uint64_t commits_ms; // UINT64_MAX where it doesn't, or has
	uint64_t ends_ms;
	struct attempt_result result;
};

struct play {
	struct driver *driver;
	struct route_request *request;
	const struct course *course;
	struct flight flights[FLIGHTS_MAX];
	size_t flight_count;
	bool streams;        // a streamed answer has begun
	bool is_interrupted; // the client has left, or the gateway stopped
};

static const struct usage PLAIN_USAGE = {.input_tokens = 120, .output_tokens = 80};
static const struct usage UNKNOWN_USAGE = {-1, -1, -1, -1};

// Whether the attempt's model is one of the first so many that were asked.
static bool fails(const struct play *play, uint32_t attempt) {
	const struct model *model = route_request_attempt_model(play->request, attempt);
	uint32_t others = 0;
	for (uint32_t i = 0; i < attempt; i++) {
		const struct model *former = route_request_attempt_model(play->request, i);
		bool is_new = former != model;
		for (uint32_t j = 0; j < i && is_new; j++)
			is_new = route_request_attempt_model(play->request, j) != former;
		if (former == model)
			break;
		others += is_new;
	}
	return others < play->course->failures;
}

static struct attempt_result result_of(const struct play *play, bool failed, uint64_t latency_ms) {
	const struct course *course = play->course;
	bool is_stream = route_request_attributes(play->request)->streaming;
	struct attempt_result result = {.latency_ms = latency_ms, .ttft_ms = -1, .usage = UNKNOWN_USAGE};
	if (is_stream && (!failed || course->breaks_off))
		result.ttft_ms = (int64_t)latency_ms / 3;
	if (failed) {
		result.end = ATTEMPT_FAILED;
		result.failure = course->failure;
		result.failure.latency_ms = latency_ms;
		result.status = result.ttft_ms < 0 ? course->failure.status : PLAIN_STATUS;
		return result;
	}
	result.end = ATTEMPT_SUCCEEDED;
	result.status = course->response ? course->response->status : PLAIN_STATUS;
	result.usage = course->response ? course->response->usage : PLAIN_USAGE;
	result.response = is_stream ? NULL : course->response;
	return result;
}

static void send(struct play *play, const struct step *step) {
	struct driver *driver = play->driver;
	bool failed = fails(play, step->attempt);
	bool hangs = failed && play->course->failure.kind == FAILURE_TIMEOUT;
	uint64_t latency_ms = hangs ? step->options.timeout_ms : failed ? FAILURE_MS : RESPONSE_MS;
	if (play->flight_count == FLIGHTS_MAX)
		return;
	struct flight *flight = &play->flights[play->flight_count++];
	*flight = (struct flight){.attempt = step->attempt,
	                          .commits_ms = UINT64_MAX,
	                          .ends_ms = driver->now_ms + latency_ms,
	                          .result = result_of(play, failed, latency_ms)};
	if (flight->result.ttft_ms >= 0)
		flight->commits_ms = driver->now_ms + (uint64_t)flight->result.ttft_ms;
}

static uint64_t flight_next_ms(const struct flight *flight) {
	return flight->commits_ms < flight->ends_ms ? flight->commits_ms : flight->ends_ms;
}

// The flight of which something is heard first; NULL where none is under way.
static struct flight *next_flight(struct play *play) {
	struct flight *next = NULL;
	for (size_t i = 0; i < play->flight_count; i++)
		if (!next || flight_next_ms(&play->flights[i]) < flight_next_ms(next))
			next = &play->flights[i];
	return next;
}

static struct step end_flight(struct play *play, struct flight *flight, bool cancelled) {
	struct attempt_result result = flight->result;
	uint32_t attempt = flight->attempt;
	if (cancelled) {
		result.end = ATTEMPT_CANCELLED;
		result.usage = UNKNOWN_USAGE;
		if (flight->commits_ms != UINT64_MAX)
			result.ttft_ms = -1;
	}
	*flight = play->flights[--play->flight_count];
	return route_attempt_ended(play->request, attempt, &result, play->driver->now_ms);
}

static struct step cancel_flight(struct play *play, uint32_t attempt) {
	for (size_t i = 0; i < play->flight_count; i++)
		if (play->flights[i].attempt == attempt)
			return end_flight(play, &play->flights[i], true);
	return route_next(play->request, play->driver->now_ms);
}

static struct step land(struct play *play, struct flight *flight) {
	struct driver *driver = play->driver;
	driver->now_ms = flight_next_ms(flight);
	if (flight->commits_ms == UINT64_MAX)
		return end_flight(play, flight, false);
	flight->commits_ms = UINT64_MAX;
	play->streams = true;
	return route_attempt_committed(play->request, flight->attempt, driver->now_ms);
}

// Lets time pass until something happens, or the request is to be asked again after `wait_ms`.
static struct step pass_time(struct play *play, uint64_t wait_ms) {
	struct driver *driver = play->driver;
	struct flight *flight = next_flight(play);
	if (flight && (wait_ms == UINT64_MAX || flight_next_ms(flight) <= driver->now_ms + wait_ms))
		return land(play, flight);
	driver->now_ms += wait_ms == UINT64_MAX ? 1 : wait_ms;
	return route_next(play->request, driver->now_ms);
}

// The moment of a request that has nothing to do but to let time pass.
static enum moment moment_of(const struct play *play) {
	if (play->streams)
		return MOMENT_STREAMING;
	return play->flight_count ? MOMENT_SENT : MOMENT_WAITING;
}

static bool is_interrupted_now(struct play *play) {
	enum moment moment = moment_of(play);
	bool is_now =
	    !play->is_interrupted && (play->course->client_leaves == moment || play->course->gateway_stops == moment);
	play->is_interrupted |= is_now;
	return is_now;
}

static struct step interrupt(struct play *play) {
	uint64_t now_ms = play->driver->now_ms;
	return play->course->client_leaves ? route_cancel(play->request, now_ms) : route_stop(play->request, now_ms);
}

static struct step play_on(struct play *play, struct step step) {
	for (int steps = 0; steps < STEPS_MAX; steps++) {
		switch (step.kind) {
		case STEP_SEND:
			send(play, &step);
			step = route_next(play->request, play->driver->now_ms);
			break;
		case STEP_CANCEL:
			step = cancel_flight(play, step.attempt);
			break;
		case STEP_WAIT:
		case STEP_NONE:
			step = is_interrupted_now(play) ? interrupt(play)
			                                : pass_time(play, step.kind == STEP_WAIT ? step.wait_ms : UINT64_MAX);
			break;
		case STEP_RETURN:
		case STEP_FAIL:
			return step;
		}
	}
	return step;
}

struct step driver_play(struct driver *driver, const struct request_attributes *attributes,
                        const struct course *course) {
	struct route route = {.pool = policy_pool(driver->policy), .decide = &driver->decide, .random = &driver->random};
	struct play play = {.driver = driver, .course = course};
	if (route_request_new(&route, attributes, &driver->arena, driver->now_ms, &play.request))
		return (struct step){.kind = STEP_FAIL};
	return play_on(&play, route_begin(play.request, driver->now_ms));
}

void driver_tick(struct driver *driver) {
	driver->now_ms += TICK_MS;
	uint64_t began_ns = begin_decision(driver);
	policy_tick(driver->policy, 0, driver->now_ms);
	struct driver_decision decision = {.hook = "tick"};
	tell(driver, began_ns, &decision);
}
