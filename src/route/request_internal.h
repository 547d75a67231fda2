// SPDX-License-Identifier: Apache-2.0
// What the files of the request machine share: the request itself. request.c moves it, attempt.c sends and settles,
// eligible.c knows which models may be asked, again.c when one is asked once more, hedge.c when a second one is asked
// too, ending.c how it ends, request_events.c what observers are told.
#ifndef ROUTE_REQUEST_INTERNAL_H
#define ROUTE_REQUEST_INTERNAL_H

#include "route/error_response.h"
#include "route/model_state.h"
#include "route/request.h"
#include "route/tier.h"

// What a client is told to wait where no time of return is known; and the index of no attempt.
enum { NO_RETURN_MS = 5000, NO_ATTEMPT = UINT32_MAX };

// What a request knows of each model of its pool.
enum mark {
	MARK_SERVES = 1,         // can serve the request
	MARK_TRIED = 2,          // given up in this request
	MARK_IN_FLIGHT = 4,      // being tried
	MARK_LOST = 8,           // its place went to somebody else between listing and sending, in the present selection
	MARK_DEPRIORITIZED = 16, // stands behind others, in the present listing
	MARK_SKIPPED = 32,       // that its breaker is open has been told
	MARK_ESCALATED = 64,     // has been asked for a higher tier
	MARK_LIMITED = 128,      // has a quota
};

enum attempt_phase {
	ATTEMPT_RUNNING,
	ATTEMPT_TO_STOP,  // a STEP_CANCEL is due
	ATTEMPT_STOPPING, // it was given
	ATTEMPT_OVER,     // its end was reported
};

struct route_attempt {
	const struct model *model;
	struct attempt_options wished; // as selected; 0 leaves it to the model
	struct tier_choice tier;
	unsigned refused_tiers; // that the model has turned out to lack, in the attempts that this one repeats
	bool lacked_tier;       // failed for nothing but its tier
	uint64_t hedge_at_ms;   // when a second model is to be asked too; 0 is never, or no more
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
	PHASE_RETRY,  // attempt `again` is to be repeated on its model, at resume_ms
	PHASE_WATCH,  // attempts are in flight
	PHASE_ENDING, // `final` is to be given, once every other attempt has been told to stop
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
	uint64_t deadline_ms; // UINT64_MAX where there is none
	uint64_t resume_ms;
	uint32_t retry;
	enum retry_kind retry_kind;
	uint64_t retry_ticket;       // of RETRY_SAME_TIER, in the budget for extra attempts
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
	struct attempt_failures failures;
	struct request_result result;
	struct error_response response; // where the client is told one
	bool is_served;                 // by any model of the pool
	bool has_deprioritized;         // any model is marked so
	bool has_lost;                  // any model is marked so
	uint8_t *marks;                 // one for each model
	const struct model **candidates;
	struct route_attempt *attempts;
	uint32_t attempts_room;
};

// Selects a model and sends to it. Without one the request waits, fails, or watches what is in flight.
struct step request_select(struct route_request *request);

// Another model is to be selected, if retries are left.
void request_move_on(struct route_request *request);

// Functions of request_events.c.

void request_tell_started(const struct route_request *request);
void request_tell_selected(const struct route_request *request, struct candidates candidates,
                           const struct selection *selection);
void request_tell_skipped(const struct route_request *request, const struct model *model);
void request_tell_ended(const struct route_request *request);
void attempt_tell_started(const struct route_request *request, uint32_t index);
// While the attempt's phase still says whether it was told to stop.
void attempt_tell_ended(const struct route_request *request, uint32_t index, const struct attempt_result *result,
                        const struct settlement *settlement, struct slice reason);
// What an attempt has changed of its model. `failure` is what did it; NULL where the attempt didn't fail.
void attempt_tell_changes(const struct route_request *request, uint32_t index,
                          const struct state_changes *state_changes, const struct failure *failure);

// Functions of eligible.c.

// Marks the models that can serve the request.
void eligible_mark_serving(struct route_request *request);

// What a listing came to.
struct eligible {
	struct candidates candidates;
	enum admission admission; // how they are to be admitted
	uint64_t first_return_ms; // where the list is empty: when to ask again; UINT64_MAX where no time can be told
};

// Lists who may be asked now. Takes nothing.
void eligible_list(struct route_request *request, struct eligible *out);

// What a client is told about when to come back.
uint64_t eligible_retry_after_ms(const struct route_request *request);

// Functions of attempt.c.

// What is to be sent.
struct attempt_plan {
	const struct model *model;
	struct attempt_options wished;
	enum attempt_cause cause;
	enum service_tier escalated_to; // TIER_NONE starts at the tier that is wished
	unsigned refused_tiers;
};

// Takes the model's place, asks `prepare` and fills the STEP_SEND; false when the place is lost, or memory is out.
bool attempt_send(struct route_request *request, const struct attempt_plan *attempt_plan, enum admission admission,
                  struct step *step);

// The tier that an attempt on the model starts at, where `selected` and the tiers in `refused` are the attempt's own
// and those in `resting` rest: one that rests is climbed past at once, if there is a ladder.
struct tier_choice attempt_start_tier(const struct route_request *request, const struct model *model,
                                      enum service_tier selected, unsigned refused, unsigned resting);

// The tier that the attempt may be escalated to: TIER_NONE where there is none, or its model has been asked for one.
enum service_tier attempt_next_tier(const struct route_request *request, uint32_t index);

// What an attempt's end has come to.
struct attempt_outcome {
	enum attempt_end end;                 // cancelled if it had been told to stop, refused if the policy refuses it
	bool lacks_tier;                      // cancelled, since the model has no such tier, and the tier was ours
	struct classification classification; // VERDICT_FAILOVER, and nothing else, but for ATTEMPT_FAILED
};

// Judges how the attempt ended, gives back what it took, and records it.
void attempt_settle(struct route_request *request, uint32_t index, const struct attempt_result *result,
                    struct attempt_outcome *out);

void attempt_commit(struct route_request *request, uint32_t index);

// Every attempt in flight but `keep` (UINT32_MAX: none) is to be told to stop.
void attempt_stop_all(struct route_request *request, uint32_t keep);

// The next STEP_CANCEL; to_stop must not be 0.
struct step attempt_next_stop(struct route_request *request);

// Functions of again.c.

// The last attempt in flight has failed, so its verdict decides. Whether it is made again, or the request is at its
// end; false leaves the model to be given up.
bool retry_decide(struct route_request *request, uint32_t index, const struct classification *classification);

// The model has no such tier, which is nobody's failure: on without it. A throttled model has had its second chance.
void retry_without_tier(struct route_request *request, uint32_t index);

// In PHASE_RETRY: the attempt once more, or how long it has to wait. Where the model's breaker has opened meanwhile
// another model is selected.
struct step retry_send(struct route_request *request);

// An attempt that was decided on, if there is one, will not be made.
void retry_drop(struct route_request *request);

// The function of hedge.c: what there is to do while attempts are in flight.
struct step hedge_watch(struct route_request *request);

// Functions of ending.c. Those below request_note_answer, but for completion_step, set what the request ends with; it
// is given when nothing is left to stop.

// The attempt's answer, or what the client got of it, is the request's.
void request_note_answer(struct route_request *request, const struct attempt_result *result);

void completion_return(struct route_request *request, uint32_t attempt);
void completion_fail(struct route_request *request, enum route_error error, uint32_t attempt);

// No model is left to ask, or none of those left was wanted.
void completion_fail_without_model(struct route_request *request, enum no_models why);

// The deadline has passed, or would.
void completion_fail_deadline(struct route_request *request);

// Gives the last step, and lets `finish` hear of it.
struct step completion_step(struct route_request *request);

// Every model that could be asked rests: the client waits if the policy lets it, and is told when it doesn't. Who asks
// first of those that wait is the driver's business.
struct step completion_wait_or_fail(struct route_request *request, uint64_t first_return_ms);

#endif
