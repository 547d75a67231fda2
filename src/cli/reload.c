// SPDX-License-Identifier: Apache-2.0
// `signalbox reload`: asks a running gateway, at its admin listener, to load its policy again or to go back to a
// version that ran before, and prints what came of it.
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/buffer.h"
#include "base/document.h"
#include "base/json.h"
#include "base/problem.h"
#include "cli/cli.h"
#include "cli/options.h"
#include "cli/settings_flags.h"
#include "gateway/settings.h"
#include "http/fetch.h"

enum { RESPONSE_BYTES = 4 << 20, PATH_BYTES = 64, TIMEOUT_MS = 60000 };

#define VERSION_MAX (UINT64_C(1) << 53)

static const char *text_of(const struct document *document, const char *key) {
	const struct document *value = document_get(document, key);
	return value && value->kind == DOCUMENT_STRING ? value->string.ptr : NULL;
}

static double number_of(const struct document *document, const char *key) {
	const struct document *value = document_get(document, key);
	return value && value->kind == DOCUMENT_NUMBER ? value->number : 0;
}

static void print_errors(const struct document *response) {
	const struct document *errors = document_get(response, "errors");
	struct problems problems = {0};
	for (size_t i = 0; errors && i < errors->item_count; i++) {
		const struct document *error = &errors->items[i];
		problems_add(&problems, text_of(error, "file"), (int)number_of(error, "line"), text_of(error, "field"),
		             text_of(error, "expected"), text_of(error, "found"));
	}
	cli_print_problems(&problems);
}

// Whether an admin listener answers a reload like that. Other servers know no versions of a policy.
static bool is_of_admin(int status, const struct document *response) {
	if (status == 200)
		return text_of(response, "hash") != NULL;
	return text_of(response, "message") && (status == 503 || document_get(response, "version"));
}

static int print_response(const char *address, int status, struct slice body) {
	struct document response = {0};
	int result = CLI_FAILED;
	if (json_read_document(body, &response) || !is_of_admin(status, &response)) {
		fprintf(stderr, "signalbox reload: %s is no admin listener (status %d); name the gateway's with --admin\n",
		        address, status);
	} else if (status == 200) {
		printf("policy version %.0f runs: %.0f model%s, hash %.12s\n", number_of(&response, "version"),
		       number_of(&response, "models"), number_of(&response, "models") == 1 ? "" : "s",
		       text_of(&response, "hash"));
		result = CLI_DONE;
	} else {
		fprintf(stderr, "signalbox reload: %s (status %d)\n", text_of(&response, "message"), status);
		print_errors(&response);
	}
	document_free(&response);
	return result;
}

static int ask_gateway(const char *address, uint64_t version) {
	char path[PATH_BYTES] = "/reload";
	if (version)
		snprintf(path, sizeof path, "/reload?to=%" PRIu64, version);
	struct fetch_request request = {.address = address, .method = "POST", .path = path, .timeout_ms = TIMEOUT_MS};
	struct buffer body;
	const char *message;
	buffer_init(&body, RESPONSE_BYTES);
	int status = fetch(&request, &body, &message);
	int result = CLI_FAILED;
	if (status)
		result = print_response(address, status, buffer_slice(&body));
	else
		fprintf(stderr, "signalbox reload: no answer from %s: %s; is the admin listener there?\n", address, message);
	buffer_free(&body);
	return result;
}

static int run(const struct settings_flags *flags, uint64_t version) {
	struct problems problems = {0};
	struct settings settings;
	int rc = settings_load(flags, &environment_of_process, &problems, &settings);
	int status = rc ? CLI_FAILED : ask_gateway(settings.admin, version);
	cli_print_problems(&problems);
	settings_free(&settings);
	return status;
}

int cli_reload(int argc, char **argv) {
	struct settings_flags flags = {0};
	const char *to = NULL;
	uint64_t version = 0;
	const struct cli_option options[] = {
	    {.name = "config", .value_name = "FILE", .value = &flags.config, .meaning = "settings; else ./signalbox.lua"},
	    {.name = "admin", .value_name = "ADDRESS", .value = &flags.admin, .meaning = "the gateway's admin listener"},
	    {.name = "to", .value_name = "VERSION", .value = &to, .meaning = "goes back to one of the last ten that ran"},
	    {0},
	};
	struct command_line line = {
	    .usage = "reload [--admin ADDRESS] [--to VERSION]",
	    .summary = "Makes a running gateway load its policy again. A policy with mistakes changes nothing:\n"
	               "every mistake is printed, the one before goes on. GET /policy on the admin listener\n"
	               "lists the versions.",
	    .options = options,
	};
	enum options_result parsed = options_parse(&line, argc, argv);
	if (parsed != OPTIONS_READY)
		return parsed == OPTIONS_HELP ? CLI_DONE : CLI_MISUSED;
	if (to && (!slice_parse_u64(slice_from(to), VERSION_MAX, &version) || version == 0))
		return options_misuse(argv[0], "--to takes a version's number, from 1 on");
	if (settings_flags_check(argv[0], &flags) != CLI_DONE)
		return CLI_MISUSED;
	return run(&flags, version);
}
