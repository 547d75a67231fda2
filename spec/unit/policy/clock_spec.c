// SPDX-License-Identifier: Apache-2.0
// A policy reads only the clock that its host provides; time stands still with that clock.
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

// The reason of a selection, which is the time as the policy reads it.
static const char *read_time(struct fixture *fixture) {
	static char text[256];
	struct selection selection;
	fixture_select(fixture, &selection);
	CHECK_STRING(fixture->detail, "");
	snprintf(text, sizeof text, "%.*s", SLICE_ARGS(selection.reason));
	return text;
}

TEST(a_policy_reads_its_host_s_clock) {
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
	CHECK_STRING(read_time(&fixture), "1000000000 1000000000 2.5 2001-09-09T01:46:40 40 24");
	CHECK_STRING(read_time(&fixture), "1000000000 1000000000 2.5 2001-09-09T01:46:40 40 24");
	times = (struct times){1000000002000, 4000000};
	CHECK_STRING(read_time(&fixture), "1000000000 1000000002 4.0 2001-09-09T01:46:42 42 24");
	fixture_free(&fixture);
}

TEST(explicit_times_do_not_depend_on_the_clock) {
	struct times times = {0, 0};
	const struct clock clock = {read_wall_ms, read_processor_us, &times};
	struct fixture fixture;
	fixture_init(&fixture);
	fixture.host.clock = &clock;
	fixture_load(&fixture, "return { models = { { id = 'a' } }, select = function(_, models)\n"
	                       "  local noon = os.time { year = 2001, month = 9, day = 9, hour = 12 }\n"
	                       "  return models[1], nil, os.date('%F %T', noon) .. ' ' .. os.date('!%F', 86400) .. ' ' ..\n"
	                       "    tostring(pcall(os.date, '%F', 'soon')) .. tostring(pcall(os.date, '%Ez', 0)) end }");
	CHECK_STRING(read_time(&fixture), "2001-09-09 12:00:00 1970-01-02 falsefalse");
	fixture_free(&fixture);
}

int main(void) {
	RUN(a_policy_reads_its_host_s_clock);
	RUN(explicit_times_do_not_depend_on_the_clock);
	return check_summary();
}
