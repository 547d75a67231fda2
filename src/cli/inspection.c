// SPDX-License-Identifier: Apache-2.0
// What a file returns decides its kind: a table with `models` is a policy, and so is one with more keys of policies
// than of settings. A table with no key near those of either is neither. A file that doesn't load as a plain table is
// tried as a policy, since it may use what only a policy's VM has.
#include "cli/inspection.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/memory.h"
#include "base/problem.h"
#include "cli/failure_table.h"
#include "gateway/gateway.h"
#include "gateway/settings.h"
#include "lab/lint.h"
#include "mux/body_reader.h"
#include "policy/keys.h"
#include "policy/shared.h"
#include "sandbox/table_file.h"

// More than one, so that a file that returns a different table to each worker is a mistake.
enum { WORKERS = 2 };

static int dry_run_policy(struct inspection *inspection, struct policy *policy, const struct settings *settings) {
	size_t failure_count;
	struct dry_run_failure *failures = failure_table(&failure_count);
	struct dry_run_plan plan = {.sources = policy_sources(policy),
	                            .limits = inspection->limits,
	                            .failures = failures,
	                            .failure_count = failure_count,
	                            .body_bytes = settings->engine.limits.body_bytes,
	                            .bodies = &mux_body_reader};
	int rc = dry_run_perform(&plan, &inspection->problems, &inspection->dry_run);
	free(failures);
	return rc;
}

static void inspect_policy(struct inspection *inspection, const char *path, const struct settings *settings) {
	struct policy_host host = {
	    .registry = registry_new(), .shared = shared_new(), .bodies = &mux_body_reader, .now_ms = clock_now_ms()};
	struct policy *policy = NULL;
	inspection->limits = settings->engine.policy_limits;
	if (policy_load(path, &inspection->limits, WORKERS, &host, &inspection->problems, &policy) == 0) {
		const struct pool *pool = policy_pool(policy);
		inspection->policy = memory_string(slice_from(policy_source(policy)));
		inspection->model_count = pool->count;
		inspection->refusing_count = policy_refusing(policy, inspection->refusing);
		lint_pool(pool, inspection->policy, &inspection->warnings);
		if (dry_run_policy(inspection, policy, settings) == 0)
			lint_dry_run(&inspection->dry_run, pool, &inspection->limits, inspection->policy, &inspection->warnings);
		policy_release(policy);
	}
	shared_free(host.shared);
	registry_free(host.registry);
}

// Problems that the gateway finds in settings once they are read name no file: it is this one.
static void name_file(const char *path, struct problems *problems) {
	for (size_t i = 0; i < problems->count; i++) {
		if (*problems->list[i].file)
			continue;
		free(problems->list[i].file);
		problems->list[i].file = memory_string(slice_from(path));
	}
}

// Only where requests go depends on the environment.
static void inspect_settings(struct inspection *inspection, const struct document *document) {
	struct settings settings;
	struct settings_flags flags = {0};
	int rc = settings_read(document ? inspection->path : NULL, document, &flags, &environment_of_process,
	                       &inspection->problems, &settings);
	if (rc == 0 && document)
		rc = gateway_check(&settings, &environment_of_process, &inspection->problems);
	name_file(inspection->path, &inspection->problems);
	if (rc == 0)
		inspect_policy(inspection, document ? settings.engine.policy : inspection->path, &settings);
	settings_free(&settings);
}

// How many keys of the table are among `keys`; `nearly`: or resemble one.
static size_t count_keys(const struct document *table, const struct schema_key *keys, bool nearly) {
	size_t count = 0;
	for (size_t i = 0; i < table->entry_count; i++) {
		const char *nearest = schema_nearest_key(keys, table->entries[i].key);
		if (nearest && (nearly || slice_equal(slice_from(nearest), table->entries[i].key)))
			count++;
	}
	return count;
}

// An empty table is settings, all by default.
static enum inspection_kind guess_kind(const struct document *table) {
	if (document_get(table, "models"))
		return INSPECTION_POLICY;
	size_t of_policy = count_keys(table, policy_keys, false), of_settings = count_keys(table, settings_keys, false);
	if (of_policy == of_settings) {
		of_policy = count_keys(table, policy_keys, true);
		of_settings = count_keys(table, settings_keys, true);
	}
	if (of_policy == 0 && of_settings == 0 && table->entry_count + table->item_count > 0)
		return INSPECTION_UNKNOWN;
	return of_policy > of_settings ? INSPECTION_POLICY : INSPECTION_SETTINGS;
}

void inspect_file(const char *path, struct inspection *inspection) {
	struct document document = {0};
	struct problems as_document = {0};
	*inspection = (struct inspection){.path = path};
	int rc = table_file_read(path, true, &as_document, &document);
	inspection->kind = rc == 0 ? guess_kind(&document) : INSPECTION_POLICY;
	if (inspection->kind == INSPECTION_UNKNOWN)
		problems_add(&inspection->problems, path, 0, NULL, "a policy (with `models`) or settings",
		             "no key of either, nor one that resembles one");
	else
		inspect_settings(inspection, inspection->kind == INSPECTION_POLICY ? NULL : &document);
	problems_free(&as_document);
	document_free(&document);
}

void inspection_free(struct inspection *inspection) {
	problems_free(&inspection->problems);
	problems_free(&inspection->warnings);
	dry_run_free(&inspection->dry_run);
	free(inspection->policy);
}

bool inspection_is_sound(const struct inspection *inspection) {
	return inspection->problems.count == 0 && inspection->dry_run.mistakes == 0;
}

struct inspection_use inspection_use(const struct inspection *inspection, const char *hook) {
	struct inspection_use use = {0};
	for (size_t i = 0; i < inspection->dry_run.count; i++) {
		const struct observation *observation = &inspection->dry_run.observations[i];
		if (strcmp(observation->hook, hook) != 0)
			continue;
		use.cases++;
		use.calls += observation->calls;
		use.instructions = observation->instructions > use.instructions ? observation->instructions : use.instructions;
		use.peak_bytes = observation->peak_bytes > use.peak_bytes ? observation->peak_bytes : use.peak_bytes;
		use.cpu_ns = observation->cpu_ns > use.cpu_ns ? observation->cpu_ns : use.cpu_ns;
	}
	for (size_t i = 0; i < inspection->refusing_count; i++)
		use.refuses = use.refuses || strcmp(inspection->refusing[i], hook) == 0;
	return use;
}
