// SPDX-License-Identifier: Apache-2.0
// Runs one request: carries out the steps of the request machine as mux does, with a list of attempts in flight in
// place of sockets and timers. Time jumps to the next attempt that begins its response or ends.
#include "lab/driver.h"
#include "lab/samples.h"
#include "route/retry_budget.h"

enum {
	FLIGHTS_MAX = 64,
	STEPS_MAX = 10000, // far more than any request takes
	RESPONSE_MS = 600,
	PLAIN_STATUS = 200,
	FAILURE_MS = 40,
};

// An attempt in flight.
struct flight {
	uint32_t attempt;
	uint64_t commits_ms; // UINT64_MAX: never, or it has
	uint64_t ends_ms;
	struct attempt_result result;
};

struct play {
	struct driver *driver;
	struct route_request *request;
	const struct course *course;
	struct flight flights[FLIGHTS_MAX];
	size_t flight_count;
	bool streams;        // a streamed response has begun
	bool is_interrupted; // the client has left, or the gateway has stopped
};

// Whether the attempt's model is among the first `course.failures` distinct models of the request.
static bool attempt_fails(const struct play *play, uint32_t attempt) {
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

static struct attempt_result make_result(const struct play *play, bool failed, uint64_t latency_ms) {
	const struct course *course = play->course;
	bool is_stream = route_request_attributes(play->request)->streaming;
	struct attempt_result result = {.latency_ms = latency_ms, .ttft_ms = -1, .usage = TOKEN_USAGE_UNKNOWN};
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
	result.usage = course->response ? course->response->usage : (struct token_usage)SAMPLE_USAGE;
	result.response = is_stream ? NULL : course->response;
	return result;
}

static void send_attempt(struct play *play, const struct step *step) {
	struct driver *driver = play->driver;
	bool failed = attempt_fails(play, step->attempt);
	bool hangs = failed && play->course->failure.kind == FAILURE_TIMEOUT;
	uint64_t latency_ms = hangs ? step->options.timeout_ms : failed ? FAILURE_MS : RESPONSE_MS;
	if (play->flight_count == FLIGHTS_MAX)
		return;
	struct flight *flight = &play->flights[play->flight_count++];
	*flight = (struct flight){.attempt = step->attempt,
	                          .commits_ms = UINT64_MAX,
	                          .ends_ms = driver->now_ms + latency_ms,
	                          .result = make_result(play, failed, latency_ms)};
	if (flight->result.ttft_ms >= 0)
		flight->commits_ms = driver->now_ms + (uint64_t)flight->result.ttft_ms;
}

static uint64_t flight_next_ms(const struct flight *flight) {
	return flight->commits_ms < flight->ends_ms ? flight->commits_ms : flight->ends_ms;
}

// The flight with the earliest event; NULL if none is in flight.
static struct flight *find_next_flight(struct play *play) {
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
		result.usage = TOKEN_USAGE_UNKNOWN;
		if (flight->commits_ms != UINT64_MAX)
			result.ttft_ms = -1;
	}
	*flight = play->flights[--play->flight_count];
	return route_attempt_ended(play->request, attempt, &result, play->driver->now_ms);
}

static struct step cancel_attempt(struct play *play, uint32_t attempt) {
	for (size_t i = 0; i < play->flight_count; i++)
		if (play->flights[i].attempt == attempt)
			return end_flight(play, &play->flights[i], true);
	return route_next(play->request, play->driver->now_ms);
}

// Jumps to the flight's next event and reports it to routing.
static struct step advance_flight(struct play *play, struct flight *flight) {
	struct driver *driver = play->driver;
	driver->now_ms = flight_next_ms(flight);
	if (flight->commits_ms == UINT64_MAX)
		return end_flight(play, flight, false);
	flight->commits_ms = UINT64_MAX;
	play->streams = true;
	return route_attempt_committed(play->request, flight->attempt, driver->now_ms);
}

// Jumps to the next event, or by `wait_ms` if that is earlier; UINT64_MAX: there is no such limit.
static struct step pass_time(struct play *play, uint64_t wait_ms) {
	struct driver *driver = play->driver;
	struct flight *flight = find_next_flight(play);
	if (flight && (wait_ms == UINT64_MAX || flight_next_ms(flight) <= driver->now_ms + wait_ms))
		return advance_flight(play, flight);
	driver->now_ms += wait_ms == UINT64_MAX ? 1 : wait_ms;
	return route_next(play->request, driver->now_ms);
}

// The moment that the request has reached when it can only wait.
static enum moment find_moment(const struct play *play) {
	if (play->streams)
		return MOMENT_STREAMING;
	return play->flight_count ? MOMENT_SENT : MOMENT_WAITING;
}

// Whether the client leaves or the gateway stops now; true once a request.
static bool is_interrupted_now(struct play *play) {
	enum moment moment = find_moment(play);
	bool is_now =
	    !play->is_interrupted && (play->course->client_leaves == moment || play->course->gateway_stops == moment);
	play->is_interrupted |= is_now;
	return is_now;
}

static struct step interrupt_request(struct play *play) {
	uint64_t now_ms = play->driver->now_ms;
	return play->course->client_leaves ? route_cancel(play->request, now_ms) : route_stop(play->request, now_ms);
}

static struct step follow_steps(struct play *play, struct step step) {
	for (int steps = 0; steps < STEPS_MAX; steps++) {
		switch (step.kind) {
		case STEP_SEND:
			send_attempt(play, &step);
			step = route_next(play->request, play->driver->now_ms);
			break;
		case STEP_CANCEL:
			step = cancel_attempt(play, step.attempt);
			break;
		case STEP_WAIT:
		case STEP_NONE:
			step = is_interrupted_now(play) ? interrupt_request(play)
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
	// A budget of its own, so that the requests played before have used nothing of it.
	struct route route = {.pool = policy_pool(driver->policy),
	                      .decide = &driver->decide,
	                      .retry_budget = retry_budget_new(),
	                      .random = &driver->random};
	struct play play = {.driver = driver, .course = course};
	struct step step = {.kind = STEP_FAIL};
	if (!route_request_new(&route, attributes, &driver->arena, driver->now_ms, &play.request))
		step = follow_steps(&play, route_begin(play.request, driver->now_ms));
	retry_budget_free(route.retry_budget);
	return step;
}
