// SPDX-License-Identifier: Apache-2.0
// A model's state as views and operators see it, the registry, the health of a pool.
#include "fixture.h"

static const struct token_usage NO_USAGE = {-1, -1, -1, -1};

// One attempt from admission to settlement, at one time.
static void attempt(struct fixture *f, const char *name, enum outcome outcome, uint64_t latency_ms, int64_t ttft_ms,
                    uint64_t now_ms) {
	const struct model *model = fixture_model(f, name);
	struct settlement settlement = {.outcome = outcome,
	                                .latency_ms = latency_ms,
	                                .ttft_ms = ttft_ms,
	                                .usage = NO_USAGE,
	                                .classification.counts = outcome == OUTCOME_FAIL_FAST};
	struct permit permit;
	struct state_changes changes;
	CHECK(model_state_admit(model->state, ADMISSION_REQUEST(model), ADMIT_ANYWAY, now_ms, &permit, &changes));
	model_state_settle(model->state, ADMISSION_REQUEST(model), &permit, &settlement, now_ms, &changes);
}

TEST(a_new_model_is_healthy) {
	struct fixture f;
	fixture_init(&f, "a");
	struct model_snapshot snapshot = fixture_snapshot(&f, "a", 1000);
	CHECK_INT(snapshot.breaker, BREAKER_CLOSED);
	CHECK(snapshot.healthy && !snapshot.degraded && !snapshot.forced_open);
	CHECK_INT(snapshot.opened_at_ms + snapshot.next_retry_at_ms + snapshot.cooldown_until_ms, 0);
	CHECK_NEAR(snapshot.error_rate + snapshot.requests_per_minute + snapshot.p50_ms + snapshot.ttft_ms, 0, 0);
	fixture_free(&f);
}

TEST(a_snapshot_shows_the_breaker) {
	struct fixture f;
	fixture_init(&f, "a");
	for (uint64_t i = 0; i < 4; i++)
		attempt(&f, "a", OUTCOME_FAIL_FAST, 10, -1, 1000 + i);
	CHECK_INT(fixture_snapshot(&f, "a", 1100).failures, 4);
	CHECK_INT(fixture_snapshot(&f, "a", 61001).failures, 2);
	attempt(&f, "a", OUTCOME_FAIL_FAST, 10, -1, 2000);
	struct model_snapshot snapshot = fixture_snapshot(&f, "a", 2500);
	CHECK_INT(snapshot.breaker, BREAKER_OPEN);
	CHECK(!snapshot.healthy && !snapshot.degraded);
	CHECK_INT(snapshot.opened_at_ms, 2000);
	CHECK_INT(snapshot.next_retry_at_ms, 32000);
	CHECK_INT(snapshot.last_failure_ms, 2000);
	// Half-open at its time, though no probe was admitted yet.
	snapshot = fixture_snapshot(&f, "a", 32000);
	CHECK_INT(snapshot.breaker, BREAKER_HALF_OPEN);
	CHECK(snapshot.healthy && snapshot.degraded);
	CHECK_INT(snapshot.opened_at_ms + snapshot.next_retry_at_ms, 0);
	attempt(&f, "a", OUTCOME_SUCCESS, 10, -1, 32000);
	CHECK_INT(fixture_snapshot(&f, "a", 32001).successes, 1);
	attempt(&f, "a", OUTCOME_REFUSAL, 10, -1, 32010);
	CHECK_INT(fixture_snapshot(&f, "a", 32010).breaker, BREAKER_CLOSED);
	fixture_free(&f);
}

TEST(health_learns_from_counted_failures_only) {
	static const struct {
		enum outcome outcome;
		double error_rate;
		bool healthy;
	} rows[] = {
	    {OUTCOME_SUCCESS, 0, true},
	    {OUTCOME_RATE_LIMIT, 0, true},
	    {OUTCOME_REFUSAL, 0, true},
	    {OUTCOME_FAIL_FAST, 1, false},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct fixture f;
		fixture_init(&f, "a");
		fixture_model(&f, "a")->breaker.failure_threshold = 100;
		for (uint64_t j = 0; j < 10; j++) {
			CHECK(fixture_snapshot(&f, "a", j).healthy);
			attempt(&f, "a", rows[i].outcome, 20, -1, j);
		}
		struct model_snapshot snapshot = fixture_snapshot(&f, "a", 10);
		CHECK_NEAR(snapshot.error_rate, rows[i].error_rate, 1e-9);
		CHECK_NEAR(snapshot.requests_per_minute, 10, 1e-9);
		CHECK_NEAR(snapshot.average_latency_ms, 20, 1e-9);
		CHECK_INT(snapshot.healthy, rows[i].healthy);
		attempt(&f, "a", OUTCOME_CANCELLED, 20, -1, 11);
		CHECK_NEAR(fixture_snapshot(&f, "a", 12).requests_per_minute, 10, 1e-9);
		CHECK(fixture_snapshot(&f, "a", 60020).healthy);
		fixture_free(&f);
	}
}

TEST(moving_averages) {
	struct fixture f;
	fixture_init(&f, "a");
	attempt(&f, "a", OUTCOME_SUCCESS, 100, 40, 0);
	CHECK_NEAR(fixture_snapshot(&f, "a", 1).latency_moving_average_ms, 100, 1e-9);
	attempt(&f, "a", OUTCOME_FAIL_FAST, 9000, -1, 2);
	attempt(&f, "a", OUTCOME_CANCELLED, 9000, 9000, 3);
	attempt(&f, "a", OUTCOME_REFUSAL, 9000, -1, 3);
	attempt(&f, "a", OUTCOME_SUCCESS, 180, 80, 4);
	struct model_snapshot snapshot = fixture_snapshot(&f, "a", 5);
	CHECK_NEAR(snapshot.latency_moving_average_ms, 110, 1e-9);
	CHECK_NEAR(snapshot.ttft_ms, 45, 1e-9);
	fixture_free(&f);
}

TEST(percentiles_of_snapshots_are_at_most_a_second_old) {
	struct fixture f;
	fixture_init(&f, "a");
	attempt(&f, "a", OUTCOME_SUCCESS, 100, -1, 0);
	CHECK_NEAR(fixture_snapshot(&f, "a", 0).p50_ms, 100, 0);
	attempt(&f, "a", OUTCOME_SUCCESS, 300, -1, 10);
	CHECK_NEAR(fixture_snapshot(&f, "a", 999).p50_ms, 100, 0);
	CHECK_NEAR(fixture_snapshot(&f, "a", 1000).p50_ms, 300, 0);
	CHECK_NEAR(fixture_snapshot(&f, "a", 1000).p99_ms, 300, 0);
	model_state_reset_statistics(fixture_model(&f, "a")->state);
	CHECK_NEAR(fixture_snapshot(&f, "a", 1001).p50_ms, 0, 0);
	attempt(&f, "a", OUTCOME_SUCCESS, 70, -1, 1002);
	CHECK_NEAR(fixture_snapshot(&f, "a", 1003).p50_ms, 70, 0);
	fixture_free(&f);
}

TEST(statistics_are_summed_and_reset) {
	struct fixture f;
	fixture_init(&f, "a b");
	for (uint64_t i = 1; i <= 3; i++)
		attempt(&f, "a", OUTCOME_SUCCESS, i * 10, -1, i);
	attempt(&f, "b", OUTCOME_FAIL_FAST, 1000, -1, 5);
	struct model_state *states[] = {f.pool.models[0].state, f.pool.models[1].state};
	struct model_statistics total;
	statistics_total(states, 2, &total);
	CHECK_INT(total.success, 3);
	CHECK_INT(total.fail_fast, 1);
	CHECK_NEAR(total.min_ms, 10, 0);
	CHECK_NEAR(total.p50_ms, 30, 0);
	CHECK_NEAR(total.max_ms, 1000, 0);
	CHECK_NEAR(total.average_latency_ms, 265, 1e-9);
	model_state_reset_statistics(states[0]);
	statistics_total(states, 2, &total);
	CHECK_INT(total.success, 0);
	CHECK_NEAR(total.min_ms, 1000, 0);
	statistics_total(states, 0, &total);
	CHECK_INT(total.fail_fast, 0);
	fixture_free(&f);
}

TEST(an_operator_commands_the_breaker) {
	struct fixture f;
	fixture_init(&f, "a");
	struct model_state *a = fixture_model(&f, "a")->state;
	model_state_force_open(a, 1000);
	struct model_snapshot snapshot = fixture_snapshot(&f, "a", 100000);
	CHECK_INT(snapshot.breaker, BREAKER_OPEN);
	CHECK(snapshot.forced_open && !snapshot.healthy);
	CHECK_INT(snapshot.opened_at_ms, 1000);
	CHECK_INT(snapshot.next_retry_at_ms, 0);
	fixture_cool_down(&f, "a", 5000, false, 100000);
	model_state_force_close(a, 100001);
	snapshot = fixture_snapshot(&f, "a", 100001);
	CHECK(snapshot.breaker == BREAKER_CLOSED && !snapshot.forced_open);
	fixture_cool_down(&f, "a", 5000, false, 100002);
	CHECK_INT(fixture_snapshot(&f, "a", 100003).cooldown_until_ms, 105002);
	model_state_reset_breaker(a, 100004);
	CHECK_INT(fixture_snapshot(&f, "a", 100004).cooldown_until_ms, 0);
	CHECK(model_state_is_clear(a));
	fixture_free(&f);
}

TEST(clear_is_false_while_a_model_may_be_unavailable) {
	struct fixture f;
	fixture_init(&f, "a");
	const struct model *a = fixture_model(&f, "a");
	struct availability availability;
	CHECK(model_state_is_clear(a->state));
	fixture_cool_down(&f, "a", 1000, false, 0);
	CHECK(!model_state_is_clear(a->state));
	model_state_availability(a->state, ADMISSION_REQUEST(a), 999, &availability);
	CHECK(availability.admits && availability.cooldown_until_ms == 1000);
	CHECK(!model_state_is_clear(a->state));
	model_state_availability(a->state, ADMISSION_REQUEST(a), 1000, &availability);
	CHECK(availability.admits && availability.cooldown_until_ms == 0);
	CHECK(model_state_is_clear(a->state));
	fixture_break(&f, "a", 2000);
	CHECK(!model_state_is_clear(a->state));
	attempt(&f, "a", OUTCOME_SUCCESS, 1, -1, 32000);
	CHECK(!model_state_is_clear(a->state));
	attempt(&f, "a", OUTCOME_SUCCESS, 1, -1, 32001);
	CHECK(model_state_is_clear(a->state));
	fixture_free(&f);
}

TEST(a_last_resort_is_one_only_during_a_cooldown) {
	struct fixture f;
	fixture_init(&f, "a");
	const struct model *a = fixture_model(&f, "a");
	struct settlement settlement = {.outcome = OUTCOME_CANCELLED, .ttft_ms = -1, .usage = NO_USAGE};
	struct permit awake, resting, refused;
	struct state_changes changes;
	CHECK(model_state_admit(a->state, ADMISSION_REQUEST(a), ADMIT_LAST_RESORT, 0, &awake, &changes));
	fixture_cool_down(&f, "a", 1000, false, 0);
	CHECK(!model_state_admit(a->state, ADMISSION_REQUEST(a), ADMIT_AVAILABLE, 1, &refused, &changes));
	CHECK(model_state_admit(a->state, ADMISSION_REQUEST(a), ADMIT_LAST_RESORT, 1, &resting, &changes));
	CHECK(!model_state_admit(a->state, ADMISSION_REQUEST(a), ADMIT_LAST_RESORT, 2, &refused, &changes));
	model_state_settle(a->state, ADMISSION_REQUEST(a), &awake, &settlement, 3, &changes);
	CHECK(!model_state_admit(a->state, ADMISSION_REQUEST(a), ADMIT_LAST_RESORT, 4, &refused, &changes));
	model_state_settle(a->state, ADMISSION_REQUEST(a), &resting, &settlement, 5, &changes);
	CHECK(model_state_admit(a->state, ADMISSION_REQUEST(a), ADMIT_LAST_RESORT, 6, &resting, &changes));
	model_state_settle(a->state, ADMISSION_REQUEST(a), &resting, &settlement, 7, &changes);
	CHECK_INT(fixture_snapshot(&f, "a", 8).inflight, 0);
	fixture_free(&f);
}

TEST(a_cooldown_is_one_event) {
	struct fixture f;
	fixture_init(&f, "a");
	const struct model *a = fixture_model(&f, "a");
	struct settlement settlement = {
	    .outcome = OUTCOME_RATE_LIMIT, .ttft_ms = -1, .usage = NO_USAGE, .classification.throttle = true};
	struct permit passes[3];
	struct state_changes changes;
	for (size_t i = 0; i < 3; i++)
		CHECK(model_state_admit(a->state, ADMISSION_REQUEST(a), ADMIT_AVAILABLE, 0, &passes[i], &changes));
	model_state_settle(a->state, ADMISSION_REQUEST(a), &passes[0], &settlement, 10, &changes);
	CHECK_INT(changes.cooldown_ms, 1000);
	model_state_settle(a->state, ADMISSION_REQUEST(a), &passes[1], &settlement, 20, &changes);
	CHECK_INT(changes.cooldown_ms, 0);
	settlement.classification = (struct classification){.deprioritizes = true, .cooldown_ms = UINT64_MAX};
	model_state_settle(a->state, ADMISSION_REQUEST(a), &passes[2], &settlement, 2000, &changes);
	CHECK_INT(changes.cooldown_ms, 86400000);
	fixture_free(&f);
}

TEST(a_deprioritized_model_may_still_cool_down) {
	struct fixture f;
	fixture_init(&f, "a");
	const struct model *a = fixture_model(&f, "a");
	struct settlement settlement = {.outcome = OUTCOME_FAIL_FAST,
	                                .ttft_ms = -1,
	                                .usage = NO_USAGE,
	                                .classification = {.deprioritizes = true, .cooldown_ms = 30000}};
	struct permit permit;
	struct state_changes changes;
	CHECK(model_state_admit(a->state, ADMISSION_REQUEST(a), ADMIT_AVAILABLE, 0, &permit, &changes));
	model_state_settle(a->state, ADMISSION_REQUEST(a), &permit, &settlement, 10, &changes);
	CHECK_INT(changes.cooldown_ms, 30000);
	CHECK_INT(fixture_snapshot(&f, "a", 20).deprioritized_until_ms, 30010);
	CHECK_INT(fixture_snapshot(&f, "a", 20).cooldown_until_ms, 0);
	CHECK_INT(fixture_snapshot(&f, "a", 30010).deprioritized_until_ms, 0);
	CHECK(model_state_admit(a->state, ADMISSION_REQUEST(a), ADMIT_AVAILABLE, 20, &permit, &changes));
	settlement.classification.deprioritizes = false;
	model_state_settle(a->state, ADMISSION_REQUEST(a), &permit, &settlement, 40, &changes);
	CHECK_INT(changes.cooldown_ms, 30000);
	CHECK_INT(fixture_snapshot(&f, "a", 50).cooldown_until_ms, 30040);
	CHECK_INT(fixture_snapshot(&f, "a", 50).deprioritized_until_ms, 30010);
	fixture_free(&f);
}

TEST(the_registry_holds_one_state_for_each_identity) {
	struct registry *registry = registry_new();
	char one[] = "one", two[] = "two", east[] = "us-east-1", empty[] = "";
	const struct model identities[] = {
	    {.name = one, .id = one},
	    {.name = one, .id = two},
	    {.name = two, .id = one},
	    {.name = one, .id = one, .region = east},
	    {.name = one, .id = one, .endpoint = east},
	    {.name = one, .id = one, .region = empty},
	};
	enum { COUNT = sizeof identities / sizeof *identities };
	struct model_state *states[COUNT];
	for (size_t i = 0; i < COUNT; i++) {
		states[i] = registry_retain(registry, &identities[i]);
		for (size_t j = 0; j < i; j++)
			CHECK(states[i] != states[j]);
	}
	for (size_t i = 0; i < COUNT; i++)
		CHECK(registry_retain(registry, &identities[i]) == states[i]);
	for (size_t i = 0; i < COUNT; i++) {
		model_state_release(states[i]);
		model_state_release(states[i]);
	}
	model_state_release(NULL);
	registry_free(registry);
	registry_free(NULL);
}

TEST(a_pools_health) {
	// Of `count` models, `broken` are open and `probing` half-open.
	static const struct {
		size_t count, broken, probing;
		bool healthy;
	} rows[] = {
	    {1, 0, 0, true}, {1, 1, 0, false}, {1, 0, 1, true}, {2, 0, 0, true},  {2, 1, 0, false}, {3, 1, 0, false},
	    {4, 1, 0, true}, {4, 2, 0, false}, {5, 1, 4, true}, {5, 2, 0, false}, {6, 2, 0, true},  {6, 3, 3, false},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct fixture f;
		static const char names[] = "a b c d e f";
		char some[sizeof names];
		memcpy(some, names, sizeof names);
		some[2 * rows[i].count - 1] = '\0';
		fixture_init(&f, some);
		for (size_t j = 0; j < rows[i].broken + rows[i].probing; j++)
			fixture_break(&f, f.pool.models[j].name, j < rows[i].broken ? 30000 : 0);
		struct system_health health;
		pool_health(&f.pool, 30000, &health);
		CHECK_INT(health.healthy, rows[i].healthy);
		CHECK_INT(health.unhealthy_count, rows[i].broken);
		CHECK_INT(health.degraded_count, rows[i].probing);
		CHECK_INT(health.healthy_count, rows[i].count - rows[i].broken);
		fixture_free(&f);
	}
}

int main(void) {
	RUN(a_new_model_is_healthy);
	RUN(a_snapshot_shows_the_breaker);
	RUN(health_learns_from_counted_failures_only);
	RUN(moving_averages);
	RUN(percentiles_of_snapshots_are_at_most_a_second_old);
	RUN(statistics_are_summed_and_reset);
	RUN(an_operator_commands_the_breaker);
	RUN(clear_is_false_while_a_model_may_be_unavailable);
	RUN(a_last_resort_is_one_only_during_a_cooldown);
	RUN(a_cooldown_is_one_event);
	RUN(a_deprioritized_model_may_still_cool_down);
	RUN(the_registry_holds_one_state_for_each_identity);
	RUN(a_pools_health);
	return check_summary();
}
