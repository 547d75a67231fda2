// SPDX-License-Identifier: Apache-2.0
// What the files of the request machine share. request.c: inputs and phases. eligible.c: which models can be sent to.
// attempt.c: sending and settling an attempt. retry.c: another attempt on the same model. hedge.c: a second attempt
// beside the first. completion.c: the end. request_events.c: notification of observers.
#ifndef ROUTE_REQUEST_INTERNAL_H
#define ROUTE_REQUEST_INTERNAL_H

#include "route/error_response.h"
#include "route/model_state.h"
#include "route/request.h"
#include "route/tier.h"

// The retry-after if it is unknown when a model will be available; and the index of no attempt.
enum { RETRY_AFTER_UNKNOWN_MS = 5000, NO_ATTEMPT = UINT32_MAX };

// What a request knows of each model of its pool.
enum mark {
	MARK_SERVES = 1,         // can serve the request
	MARK_TRIED = 2,          // given up in this request
	MARK_IN_FLIGHT = 4,      // being tried
	MARK_LOST = 8,           // did not admit the attempt after it was listed, in the present selection
	MARK_DEPRIORITIZED = 16, // listed after the others, in the present listing
	MARK_SKIPPED = 32,       // observers were notified that its breaker is open
	MARK_ESCALATED = 64,     // an attempt on it was escalated
	MARK_LIMITED = 128,      // has a quota
};

enum attempt_phase {
	ATTEMPT_RUNNING,
	ATTEMPT_TO_STOP,  // its STEP_CANCEL is due
	ATTEMPT_STOPPING, // its STEP_CANCEL was returned
	ATTEMPT_OVER,     // its end was reported
};

struct route_attempt {
	const struct model *model;
	struct attempt_options selected; // by the policy; 0 leaves a time to the model
	struct tier_choice tier;
	unsigned missing_tiers; // bits of the tiers that the model lacked in the attempts that this one repeats
	bool lacked_tier;       // the model lacks its tier, which is no failure
	bool is_unsent;         // `prepare` was undecided
	uint64_t hedge_at_ms;   // when to send a hedge; 0 is never, or no more
	struct permit permit;
	enum attempt_cause cause;
	enum attempt_phase phase;
	// Of its end:
	enum outcome outcome;
	struct slice error; // the failure's name
	uint64_t latency_ms;
};

// Why an attempt is repeated on its model.
enum retry_kind { RETRY_SAME_TIER, RETRY_ESCALATED, RETRY_WITHOUT_TIER };

enum request_phase {
	PHASE_NEW,
	PHASE_SELECT, // a model is to be selected
	PHASE_RETRY,  // `retried_attempt` is to be repeated on its model, at resume_ms
	PHASE_WATCH,  // attempts are in flight
	PHASE_ENDING, // `final` is the next step, after the STEP_CANCELs that are due
	PHASE_OVER,
};

struct route_request {
	const struct route *route;
	const struct request_attributes *attributes;
	struct arena *arena;
	struct quota_demand demand;
	enum request_phase phase;
	uint64_t begun_ms;
	uint64_t now_ms;      // of the last input
	uint64_t deadline_ms; // UINT64_MAX: none
	// Of PHASE_RETRY:
	uint64_t resume_ms;
	uint32_t retried_attempt;
	enum retry_kind retry_kind;
	uint64_t retry_ticket;       // of RETRY_SAME_TIER, in the retry budget
	enum service_tier next_tier; // of RETRY_ESCALATED
	uint64_t wait_until_ms;      // 0 before the first wait
	uint64_t max_retries;
	uint64_t retries;
	uint64_t hedges;
	uint32_t attempt_count;
	uint32_t in_flight;
	uint32_t to_stop; // attempts in ATTEMPT_TO_STOP
	uint32_t refused;
	uint32_t last_failed; // or refused
	bool committed;
	uint32_t committed_attempt;
	struct step final;
	struct slice refusal; // of route_refuse
	struct attempt_failures failures;
	struct request_result result;
	struct error_response response; // if the client gets one
	bool is_served;                 // by any model of the pool
	bool has_deprioritized;         // any model has MARK_DEPRIORITIZED
	bool has_lost;                  // any model has MARK_LOST
	uint8_t *marks;                 // of each model: bits of enum mark
	const struct model **candidates;
	struct route_attempt *attempts;
	uint32_t attempts_room;
};

// Selects a model and sends to it. Without one the request waits, fails, or goes on with the attempts in flight.
struct step request_select(struct route_request *request);

// Goes on to select another model; the request fails if it has no retries left.
void request_fail_over(struct route_request *request);

// Functions of request_events.c: each notifies the observers of one thing.

void request_notify_started(const struct route_request *request);
void request_notify_selected(const struct route_request *request, struct candidates candidates,
                             const struct selection *selection);
void request_notify_skipped(const struct route_request *request, const struct model *model);
void request_notify_ended(const struct route_request *request);
void attempt_notify_started(const struct route_request *request, uint32_t index);
// Call it while the attempt's phase still says whether it was stopped.
void attempt_notify_ended(const struct route_request *request, uint32_t index, const struct attempt_result *result,
                          const struct settlement *settlement, struct slice reason);
// The changes of a model's state by an attempt. `failure` is that of the attempt; NULL if it did not fail.
void attempt_notify_changes(const struct route_request *request, uint32_t index, const struct state_changes *changes,
                            const struct failure *failure);

// Functions of eligible.c.

// Marks the models that serve the request.
void eligible_mark_serving(struct route_request *request);

struct eligible {
	struct candidates candidates;
	enum admission admission; // for attempts on them
	uint64_t first_return_ms; // without candidates: when to list again; UINT64_MAX: never
};

// Lists the models that can be sent to now. Admits nothing.
void eligible_list(struct route_request *request, struct eligible *out);

// The retry-after for the client: until the first model that serves the request is available.
uint64_t eligible_retry_after_ms(const struct route_request *request);

// Functions of attempt.c.

// An attempt to send.
struct attempt_plan {
	const struct model *model;
	struct attempt_options selected;
	enum attempt_cause cause;
	enum service_tier escalated_to; // TIER_NONE: the tier is that of attempt_start_tier
	unsigned missing_tiers;
};

// Admits the attempt at its model, calls `prepare` and fills in the STEP_SEND; the request is in PHASE_WATCH then. If
// `prepare` is undecided, nothing is sent and `step` is what follows. False if the model does not admit the attempt, or
// memory is exhausted.
bool attempt_send(struct route_request *request, const struct attempt_plan *plan, enum admission admission,
                  struct step *step);

// The tier that an attempt on the model starts at: as tier_start says, with `selected` from the policy and without the
// tiers in `missing`; if that tier is in `cooldown_tiers`, the next rung that is not, if there is one.
struct tier_choice attempt_start_tier(const struct route_request *request, const struct model *model,
                                      enum service_tier selected, unsigned missing, unsigned cooldown_tiers);

// The tier that the attempt can be escalated to; TIER_NONE if there is none, or an attempt on its model was escalated
// before.
enum service_tier attempt_next_tier(const struct route_request *request, uint32_t index);

// What an attempt's end means.
struct attempt_outcome {
	enum attempt_end end;                 // cancelled if it had been stopped, refused if the policy refuses it
	bool lacked_tier;                     // cancelled because the model lacks the tier, which the client did not choose
	bool is_undecided;                    // the policy's `classify` or `accept`
	struct classification classification; // of ATTEMPT_FAILED; else a plain VERDICT_FAILOVER
};

// Decides what the attempt's end means, gives its permit back, and records it.
void attempt_settle(struct route_request *request, uint32_t index, const struct attempt_result *result,
                    struct attempt_outcome *out);

void attempt_commit(struct route_request *request, uint32_t index);

// Makes a STEP_CANCEL due for each attempt in flight but `keep` (NO_ATTEMPT: for all).
void attempt_stop_all(struct route_request *request, uint32_t keep);

// The next STEP_CANCEL that is due; to_stop must not be 0.
struct step attempt_next_stop(struct route_request *request);

// Functions of retry.c.

// The last attempt in flight has failed, so its verdict decides. True if a retry or an escalation is scheduled, or the
// request has ended; false if the model is to be given up.
bool retry_decide(struct route_request *request, uint32_t index, const struct classification *classification);

// The model lacks the attempt's tier: schedules an attempt without it. After an escalation, fails over instead.
void retry_without_tier(struct route_request *request, uint32_t index);

// In PHASE_RETRY: sends the scheduled attempt, or says how long to wait before. If the model does not admit it, another
// model is selected.
struct step retry_send(struct route_request *request);

// Gives up a scheduled attempt, if there is one.
void retry_drop(struct route_request *request);

// The function of hedge.c. In PHASE_WATCH: sends a hedge, or says how long to wait before.
struct step hedge_watch(struct route_request *request);

// Functions of completion.c. completion_return and the completion_fail functions set the last step; completion_step
// returns it when no attempt is left to stop.

// The attempt's response, or the part of it that the client got, is the request's.
void completion_note_response(struct route_request *request, const struct attempt_result *result);

void completion_return(struct route_request *request, uint32_t attempt);
void completion_fail(struct route_request *request, enum route_error error, uint32_t attempt);

// No model is left to send to, or none was selected.
void completion_fail_without_model(struct route_request *request, enum no_models why);

// The deadline has passed, or would pass before the next attempt.
void completion_fail_deadline(struct route_request *request);

// The policy is undecided: the request ends, unless attempts are in flight, which it has decided on. `attempt` is the
// one concerned, or NO_ATTEMPT.
struct step completion_undecided(struct route_request *request, uint32_t attempt);

// Returns the last step, after notifying observers and calling `finish`.
struct step completion_step(struct route_request *request);

// No model that serves the request is available: the request waits as long as the policy allows, else it fails. The
// driver decides the order among waiting requests.
struct step completion_wait_or_fail(struct route_request *request, uint64_t first_return_ms);

#endif
