// SPDX-License-Identifier: Apache-2.0
// The list of observers: each is notified of the kinds that it subscribes to, also of an operator's commands.
#include "fixture.h"
#include "route/operator.h"

struct counter {
	int counts[EVENT_KINDS];
};

static void count_event(void *owner, const struct event *event) {
	struct counter *counter = owner;
	counter->counts[event->kind]++;
}

TEST(each_observer_gets_the_kinds_that_it_subscribes_to) {
	struct fixture f;
	struct counter all = {{0}}, ends = {{0}};
	fixture_init(&f, "a b");
	observers_add(&f.observers, (struct observer){count_event, &all, UINT_MAX});
	observers_add(&f.observers, (struct observer){count_event, &ends, event_bit(EVENT_ATTEMPT_ENDED)});
	PLAY(&f, {0, "begin", "send 0 a"}, {1, "break 0", "send 1 b"}, {2, "ok 1", "return 1"});
	CHECK_INT(all.counts[EVENT_REQUEST_STARTED], 1);
	CHECK_INT(all.counts[EVENT_ATTEMPT_STARTED], 2);
	CHECK_INT(all.counts[EVENT_ATTEMPT_ENDED], 2);
	CHECK_INT(all.counts[EVENT_REQUEST_ENDED], 1);
	CHECK_INT(ends.counts[EVENT_ATTEMPT_ENDED], 2);
	CHECK_INT(
	    ends.counts[EVENT_REQUEST_STARTED] + ends.counts[EVENT_ATTEMPT_STARTED] + ends.counts[EVENT_REQUEST_ENDED], 0);
	fixture_free(&f);
}

TEST(observers_are_optional) {
	struct fixture f;
	struct observers none = {.count = 0};
	fixture_init(&f, "a");
	f.route.observers = NULL;
	PLAY(&f, {0, "begin", "send 0 a"}, {1, "ok 0", "return 0"});
	f.route.observers = &none;
	PLAY(&f, {0, "begin", "send 0 a"}, {1, "ok 0", "return 0"});
	CHECK(!observers_want(NULL, EVENT_REQUEST_STARTED) && !observers_want(&none, EVENT_REQUEST_STARTED));
	CHECK_INT(f.event_count, 0);
	fixture_free(&f);
}

TEST(an_operators_commands_are_events) {
	static const struct {
		enum breaker_command command;
		enum breaker_state from, to;
	} commands[] = {
	    {BREAKER_COMMAND_OPEN, BREAKER_CLOSED, BREAKER_OPEN},    {BREAKER_COMMAND_CLOSE, BREAKER_OPEN, BREAKER_CLOSED},
	    {BREAKER_COMMAND_CLOSE, BREAKER_CLOSED, BREAKER_CLOSED}, {BREAKER_COMMAND_OPEN, BREAKER_CLOSED, BREAKER_OPEN},
	    {BREAKER_COMMAND_RESET, BREAKER_OPEN, BREAKER_CLOSED},
	};
	struct fixture f;
	fixture_init(&f, "a b");
	const struct model *model = fixture_model(&f, "b");
	for (size_t i = 0; i < sizeof commands / sizeof *commands; i++) {
		bool changes = commands[i].from != commands[i].to;
		f.event_count = 0;
		operator_command_breaker(model, commands[i].command, 1000 + i, &f.observers);
		CHECK_INT(f.event_count, changes ? 2 : 1);
		const struct event *command = fixture_event(&f, EVENT_BREAKER_COMMAND, 0);
		CHECK(command->model == model && !command->request);
		CHECK_INT(command->at_ms, 1000 + i);
		CHECK_INT(command->commanded.command, commands[i].command);
		CHECK_INT(fixture_snapshot(&f, "b", 1000 + i).breaker, commands[i].to);
		if (!changes)
			continue;
		const struct event *change = fixture_event(&f, EVENT_BREAKER_CHANGED, 0);
		CHECK(change->model == model && !change->request);
		CHECK_INT(change->breaker.from, commands[i].from);
		CHECK_INT(change->breaker.to, commands[i].to);
		CHECK_INT(change->breaker.cause, BREAKER_BY_OPERATOR);
	}
	fixture_free(&f);
}

TEST(a_reset_of_statistics_is_one_event) {
	struct fixture f;
	struct model_statistics statistics;
	fixture_init(&f, "a b");
	PLAY(&f, {0, "begin", "send 0 a"}, {1, "ok 0", "return 0"});
	f.event_count = 0;
	operator_reset_statistics(&f.pool, 2, &f.observers);
	CHECK_INT(f.event_count, 1);
	CHECK_INT(fixture_count_events(&f, "stats-reset"), 1);
	model_state_counts(fixture_model(&f, "a")->state, &statistics);
	CHECK_INT(statistics.success, 0);
	// Without observers too.
	operator_reset_statistics(&f.pool, 3, NULL);
	fixture_free(&f);
}

TEST(events_have_names) {
	static const struct {
		struct event event;
		const char *name;
	} rows[] = {
	    {{.kind = EVENT_BREAKER_COMMAND}, "breaker-command"},
	    {{.kind = EVENT_POLICY_RELOADED}, "policy-reloaded"},
	    {{.kind = EVENT_POLICY_REJECTED}, "policy-rejected"},
	    {{.kind = EVENT_POLICY_ERROR}, "policy-error"},
	    {{.kind = EVENT_HOOK_DISABLED}, "policy-benched"},
	    {{.kind = EVENT_BREAKER_CHANGED}, "breaker-changed"},
	    {{.kind = EVENT_COOLDOWN_STARTED}, "model-cooldown"},
	    {{.kind = EVENT_STATISTICS_RESET}, "stats-reset"},
	    {{.kind = EVENT_MODEL_SKIPPED}, "model-circuit-open-skipped"},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		const char *names[EVENT_NAMES_MAX];
		CHECK_INT(event_names(&rows[i].event, names), 1);
		CHECK_STRING(names[0], rows[i].name);
	}
}

int main(void) {
	RUN(each_observer_gets_the_kinds_that_it_subscribes_to);
	RUN(observers_are_optional);
	RUN(an_operators_commands_are_events);
	RUN(a_reset_of_statistics_is_one_event);
	RUN(events_have_names);
	return check_summary();
}
