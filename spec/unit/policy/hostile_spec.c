// SPDX-License-Identifier: Apache-2.0
// The policies in spec/fixtures/hostile, one by one: the default decides, the event says why and where, no call blocks
// the worker longer than allowed, no VM outgrows its limit.
#include "fixture.h"

#include <dirent.h>

#include "base/clock.h"

#define FOLDER "spec/fixtures/hostile"
#define TRIES "-- Tries: "
#define ENDS "-- Ends: "

enum {
	ROUNDS = 32, // enough to disable a hook, and to reach each of its errors
	MEMORY_BYTES = 16 << 20,
	CALL_MAX_MS = 30,
	// Noise from other processes does not slow every trial.
	TRIALS = 3,
};

static char file_name[128];
static char ends[256];

// Reads the rest of the line that begins with `mark`. False when the file has none.
static bool read_mark(const char *path, const char *mark, char *rest, size_t size) {
	char line[512];
	bool found = false;
	FILE *file = fopen(path, "r");
	while (!found && file && fgets(line, sizeof line, file))
		found = strncmp(line, mark, strlen(mark)) == 0;
	if (file)
		fclose(file);
	if (!found)
		return false;
	line[strcspn(line, "\n")] = '\0';
	snprintf(rest, size, "%s", line + strlen(mark));
	return true;
}

static double thread_ms(void) {
	return (double)clock_thread_cpu_ns() / 1e6;
}

// Whether the file allows the event's detail, "HOOK: ENDING at FILE:LINE", with "HOOK: ENDING or ENDING".
static bool is_allowed(const struct fixture *fixture) {
	char hook[64], place[512];
	const char *colon = strstr(ends, ": ");
	const char *found = strstr(fixture->detail, ": ");
	if (!colon || !found || strncmp(ends, fixture->detail, (size_t)(found - fixture->detail) + 2) != 0)
		return false;
	snprintf(hook, sizeof hook, "%.*s", (int)(colon - ends), ends);
	snprintf(place, sizeof place, " at %s:", fixture->path);
	const char *at = strstr(found, place);
	if (!at || strtol(at + strlen(place), NULL, 10) < 1)
		return false;
	size_t bytes = (size_t)(at - found) - 2;
	for (const char *ending = colon + 2; ending; ending = strstr(ending, " or ")) {
		ending += strncmp(ending, " or ", 4) == 0 ? 4 : 0;
		if (strncmp(ending, found + 2, bytes) == 0 && (!ending[bytes] || strncmp(ending + bytes, " or ", 4) == 0))
			return true;
	}
	return false;
}

static const struct failure unavailable = {.kind = FAILURE_HTTP,
                                           .status = 503,
                                           .name = {"ServiceUnavailableException", 27},
                                           .message = {"Too busy", 8},
                                           .type = TYPE_MODEL_UNAVAILABLE,
                                           .fault = FAULT_MODEL,
                                           .retry_after_ms = -1};

static void call_select(struct fixture *fixture) {
	struct selection selection;
	int errors = fixture->errors;
	const char *model = fixture_select(fixture, &selection);
	CHECK_STRING(model, "primary");
	if (fixture->errors != errors)
		CHECK_INT(selection.options.timeout_ms, 0);
}

static void call_classify(struct fixture *fixture) {
	struct classification found = fixture_classify(fixture, &unavailable);
	CHECK_INT(found.verdict, VERDICT_FAILOVER);
	CHECK_INT(found.outcome, OUTCOME_FAIL_FAST);
	CHECK(found.counts);
	CHECK_INT(found.cooldown_ms, 0);
}

static void call_accept(struct fixture *fixture) {
	static const struct response response = {
	    .status = 200,
	    .body = {"{\"output\":{\"message\":{\"content\":[{\"text\":\"Hello\"}]}}}", 53},
	};
	const struct decide *decide = policy_decide(fixture->policy, 0);
	struct slice reason;
	if (decide->accept)
		CHECK(decide->accept(decide->self, &response, fixture->request, &policy_pool(fixture->policy)->models[0],
		                     &reason));
}

static void call_prepare(struct fixture *fixture) {
	const struct decide *decide = policy_decide(fixture->policy, 0);
	struct edits edits = {0};
	int errors = fixture->errors;
	if (decide->prepare)
		decide->prepare(decide->self, fixture->request, &policy_pool(fixture->policy)->models[0], &edits);
	if (fixture->errors != errors)
		CHECK(!edits.tier && !edits.max_tokens && !edits.guardrail_identifier.len && !edits.headers.count);
}

static void call_finish(struct fixture *fixture) {
	const struct decide *decide = policy_decide(fixture->policy, 0);
	struct request_result result = {.outcome = OUTCOME_SUCCESS, .attempts = 1, .status = 200, .ttft_ms = -1};
	if (decide->finish)
		decide->finish(decide->self, fixture->request, &result);
}

static void call_tick(struct fixture *fixture) {
	if (policy_has_tick(fixture->policy))
		policy_tick(fixture->policy, 0, 1000);
}

static void (*const calls[])(struct fixture *fixture) = {
    call_tick, call_select, call_prepare, call_classify, call_accept, call_finish,
};

// Calls all hooks in turns; returns the longest processor time of a call, in ms.
static double call_all(struct fixture *fixture) {
	double longest = 0;
	const struct hooks *worker = policy_decide(fixture->policy, 0)->self;
	for (int round = 0; round < ROUNDS; round++) {
		for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
			int errors = fixture->errors, disabled = fixture->disabled;
			double start = thread_ms();
			calls[i](fixture);
			double took = thread_ms() - start;
			longest = took > longest ? took : longest;
			if (fixture->errors != errors && fixture->disabled == disabled && !is_allowed(fixture))
				check_report(__FILE__, __LINE__, fixture->detail);
			CHECK(worker->vm->peak_bytes <= MEMORY_BYTES);
		}
	}
	return longest;
}

static void load(struct fixture *fixture) {
	fixture_init(fixture);
	snprintf(fixture->path, sizeof fixture->path, FOLDER "/%s", file_name);
	fixture_load_limited(fixture, NULL, 1, 100000, MEMORY_BYTES);
}

static void check_refused(const char *why) {
	struct fixture fixture;
	load(&fixture);
	CHECK(fixture.rc != 0);
	CHECK_MENTIONS(fixture_problems(&fixture), why);
	CHECK_MENTIONS(fixture_problems(&fixture), FOLDER "/");
	fixture_free(&fixture);
}

static void check_calls(void) {
	double longest = CALL_MAX_MS;
	for (int trial = 0; trial < TRIALS && !(longest < CALL_MAX_MS); trial++) {
		struct fixture fixture;
		load(&fixture);
		CHECK_STRING(fixture_problems(&fixture), "");
		if (fixture.rc == 0) {
			longest = call_all(&fixture);
			CHECK((fixture.errors == 0) == (strcmp(ends, "well") == 0));
		}
		fixture_free(&fixture);
		if (IS_SANITIZED || check_failures_in_test)
			return;
	}
	if (longest >= CALL_MAX_MS)
		printf("%s: a call took %.1f ms of processor time\n", file_name, longest);
	CHECK(longest < CALL_MAX_MS);
}

TEST(the_policy_ends_as_its_comment_says) {
	if (slice_starts(slice_from(ends), SLICE("refused: ")))
		check_refused(ends + strlen("refused: "));
	else
		check_calls();
}

static int is_lua(const struct dirent *entry) {
	const char *dot = strrchr(entry->d_name, '.');
	return dot && strcmp(dot, ".lua") == 0;
}

int main(void) {
	struct dirent **entries;
	int count = scandir(FOLDER, &entries, is_lua, alphasort);
	if (IS_SANITIZED)
		printf("under sanitizers the time of calls is not bounded\n");
	for (int i = 0; i < count; i++) {
		char path[512], tries[512];
		snprintf(file_name, sizeof file_name, "%.100s", entries[i]->d_name);
		snprintf(path, sizeof path, FOLDER "/%s", file_name);
		free(entries[i]);
		// Files without the marks are modules.
		if (read_mark(path, TRIES, tries, sizeof tries) && read_mark(path, ENDS, ends, sizeof ends))
			check_run(file_name, the_policy_ends_as_its_comment_says);
	}
	if (count > 0)
		free(entries);
	return check_summary();
}
