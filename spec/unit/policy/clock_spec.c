// SPDX-License-Identifier: Apache-2.0
// What a policy reads of the time comes from outside: it stands as long as the clock that was given does.
#include "base/clock.h"
#include "fixture.h"

struct times {
	int64_t wall_ms;
	uint64_t processor_us;
};

static int64_t read_wall_ms(void *owner) {
	const struct times *times = owner;
	return times->wall_ms;
}

static uint64_t read_processor_us(void *owner) {
	const struct times *times = owner;
	return times->processor_us;
}

// What a policy that tells the time tells.
static const char *told(struct fixture *fixture) {
	static char text[256];
	struct selection selection;
	fixture_select(fixture, &selection);
	CHECK_STRING(fixture->detail, "");
	snprintf(text, sizeof text, "%.*s", SLICE_ARGS(selection.reason));
	return text;
}

TEST(a_policy_reads_the_clock_that_it_was_given) {
	struct times times = {1000000000999, 2500000};
	const struct clock clock = {read_wall_ms, read_processor_us, &times};
	struct fixture fixture;
	fixture_init(&fixture);
	fixture.host.clock = &clock;
	fixture_load(&fixture, "local loaded = os.time()\n"
	                       "return { models = { { id = 'a' } }, select = function(_, models)\n"
	                       "  assert(os.time(nil) == os.time() and math.type(os.time()) == 'integer')\n"
	                       "  return models[1], nil, loaded .. ' ' .. os.time() .. ' ' .. os.clock() .. ' ' ..\n"
	                       "    os.date('!%FT%T') .. ' ' .. os.date('!*t').sec .. ' ' .. #os.date() end }");
	CHECK_STRING(told(&fixture), "1000000000 1000000000 2.5 2001-09-09T01:46:40 40 24");
	CHECK_STRING(told(&fixture), "1000000000 1000000000 2.5 2001-09-09T01:46:40 40 24");
	times = (struct times){1000000002000, 4000000};
	CHECK_STRING(told(&fixture), "1000000000 1000000002 4.0 2001-09-09T01:46:42 42 24");
	fixture_free(&fixture);
}

TEST(a_time_that_is_stated_is_no_matter_of_clocks) {
	struct times times = {0, 0};
	const struct clock clock = {read_wall_ms, read_processor_us, &times};
	struct fixture fixture;
	fixture_init(&fixture);
	fixture.host.clock = &clock;
	fixture_load(&fixture, "return { models = { { id = 'a' } }, select = function(_, models)\n"
	                       "  local noon = os.time { year = 2001, month = 9, day = 9, hour = 12 }\n"
	                       "  return models[1], nil, os.date('%F %T', noon) .. ' ' .. os.date('!%F', 86400) .. ' ' ..\n"
	                       "    tostring(pcall(os.date, '%F', 'soon')) .. tostring(pcall(os.date, '%Ez', 0)) end }");
	CHECK_STRING(told(&fixture), "2001-09-09 12:00:00 1970-01-02 falsefalse");
	fixture_free(&fixture);
}

int main(void) {
	RUN(a_policy_reads_the_clock_that_it_was_given);
	RUN(a_time_that_is_stated_is_no_matter_of_clocks);
	return check_summary();
}
