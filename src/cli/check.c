// SPDX-License-Identifier: Apache-2.0
// `signalbox check FILE`: validates a policy or settings file and prints every problem. A file with `models` is a
// policy.
#include <stdio.h>
#include <stdlib.h>

#include "cli/cli.h"
#include "cli/options.h"
#include "gateway/gateway.h"
#include "gateway/settings.h"
#include "policy/policy.h"
#include "policy/shared.h"

static const char *look_up(void *owner, const char *name) {
	(void)owner;
	return getenv(name);
}

static int check_policy(const char *path, const struct settings *settings, struct problems *problems) {
	struct policy_limits limits = {settings->policy_limits.instructions, settings->policy_limits.memory_bytes};
	struct policy_host host = {.registry = registry_new(), .shared = shared_new()};
	struct policy *policy = NULL;
	int rc = policy_load(path, &limits, 1, &host, problems, &policy);
	if (rc == 0) {
		const struct pool *pool = policy_pool(policy);
		printf("%s: a valid policy with %zu model%s\n", policy_source(policy), pool->count,
		       pool->count == 1 ? "" : "s");
		policy_release(policy);
	}
	shared_free(host.shared);
	registry_free(host.registry);
	return rc;
}

// Settings are checked with the policy that they name.
static int check_settings(const char *path, const struct document *document, struct problems *problems) {
	struct settings settings;
	struct settings_flags flags = {0};
	int rc = settings_read(path, document, &flags, look_up, NULL, problems, &settings);
	if (rc == 0)
		rc = gateway_check(&settings, problems);
	if (rc == 0)
		printf("%s: valid settings\n", path);
	settings_free(&settings);
	return rc;
}

static int check_policy_by_defaults(const char *path, struct problems *problems) {
	struct settings settings;
	struct settings_flags flags = {0};
	int rc = settings_read(NULL, NULL, &flags, look_up, NULL, problems, &settings);
	if (rc == 0)
		rc = check_policy(path, &settings, problems);
	settings_free(&settings);
	return rc;
}

// A policy may need what only a policy's VM has, so a file that is no plain table is tried as one.
static int check(const char *path, struct problems *problems) {
	struct document document = {0};
	struct problems as_document = {0};
	int rc = policy_read_document(path, &as_document, &document);
	if (rc != 0 || document_get(&document, "models"))
		rc = check_policy_by_defaults(path, problems);
	else
		rc = check_settings(path, &document, problems);
	problems_free(&as_document);
	document_free(&document);
	return rc;
}

int cli_check(int argc, char **argv) {
	static const struct option none[] = {{0}};
	const char *path = NULL;
	struct command_line line = {
	    .usage = "check FILE",
	    .summary = "Validates a settings file, with the policy that it names, or a policy file (one with\n"
	               "`models`), and prints all that is wrong with it.",
	    .options = none,
	    .arguments = &path,
	    .argument_limit = 1,
	};
	enum options_result parsed = options_parse(&line, argc, argv);
	if (parsed != OPTIONS_READY)
		return parsed == OPTIONS_HELP ? CLI_DONE : CLI_MISUSED;
	if (!path)
		return options_misuse(argv[0], "a file is missing");
	struct problems problems = {0};
	int rc = check(path, &problems);
	cli_print_problems(&problems);
	return rc ? CLI_FAILED : CLI_DONE;
}
