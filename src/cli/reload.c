// SPDX-License-Identifier: Apache-2.0
// `signalbox reload`: makes a running gateway load its policy again, or return to an earlier version, by a request to
// its admin listener; prints the result.
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
#include "gateway/reload_call.h"
#include "gateway/settings.h"
#include "http/fetch.h"

enum { RESPONSE_BYTES = 4 << 20, PATH_BYTES = 64, TIMEOUT_MS = 60000 };

static const char *get_text(const struct document *document, const char *key) {
	const struct document *value = document_get(document, key);
	return value && value->kind == DOCUMENT_STRING ? value->string.ptr : NULL;
}

static double get_number(const struct document *document, const char *key) {
	const struct document *value = document_get(document, key);
	return value && value->kind == DOCUMENT_NUMBER ? value->number : 0;
}

static void print_errors(const struct document *response) {
	const struct document *errors = document_get(response, "errors");
	struct problems problems = {0};
	for (size_t i = 0; errors && i < errors->item_count; i++) {
		const struct document *error = &errors->items[i];
		problems_add(&problems, get_text(error, "file"), (int)get_number(error, "line"), get_text(error, "field"),
		             get_text(error, "expected"), get_text(error, "found"));
	}
	cli_print_problems(&problems);
}

// Whether the response is an admin listener's. Other servers name no version of a policy.
static bool is_from_admin(int status, const struct document *response) {
	if (status == 200)
		return get_text(response, "hash") != NULL;
	return get_text(response, "message") && (status == 503 || document_get(response, "version"));
}

static int print_response(const char *address, int status, struct slice body) {
	struct document response = {0};
	int result = CLI_FAILED;
	if (json_read_document(body, &response) || !is_from_admin(status, &response)) {
		fprintf(stderr, "signalbox reload: %s is no admin listener (status %d); name the gateway's with --admin\n",
		        address, status);
	} else if (status == 200) {
		printf("policy version %.0f runs: %.0f model%s, hash %.12s\n", get_number(&response, "version"),
		       get_number(&response, "models"), get_number(&response, "models") == 1 ? "" : "s",
		       get_text(&response, "hash"));
		result = CLI_DONE;
	} else {
		fprintf(stderr, "signalbox reload: %s (status %d)\n", get_text(&response, "message"), status);
		print_errors(&response);
	}
	document_free(&response);
	return result;
}

static int send_reload(const char *address, uint64_t version) {
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

static int reload_policy(const struct settings_flags *flags, uint64_t version) {
	struct problems problems = {0};
	struct settings settings;
	int rc = settings_load(flags, &environment_of_process, &problems, &settings);
	int status = rc ? settings_flags_report("reload", &problems) : send_reload(settings.admin, version);
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
	if (to && (!slice_parse_u64(slice_from(to), RELOAD_CALL_VERSION_MAX, &version) || version == 0))
		return options_misuse(argv[0], "--to takes a version's number, from 1 on");
	return reload_policy(&flags, version);
}
