// SPDX-License-Identifier: Apache-2.0
// `signalbox ask "prompt"`: sends one ConverseStream request through an engine in this process, and prints the text of
// the response on stdout while it arrives.
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "aws/eventstream.h"
#include "aws/exception.h"
#include "aws/request_shape.h"
#include "aws/response_shape.h"
#include "base/environment.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/problem.h"
#include "base/random.h"
#include "cli/cli.h"
#include "cli/options.h"
#include "cli/settings_flags.h"
#include "cli/terminal.h"
#include "config/credentials_config.h"
#include "gateway/settings.h"
#include "mux/mux.h"
#include "net/loop.h"

enum {
	PROMPT_BYTES = 16 * 1024 * 1024,
	REQUEST_BYTES = 6 * PROMPT_BYTES + 1024,
	TOKENS_MAX = 1000000,
	ARENA_BYTES = 64 * 1024
};

// Prints the response of the one request, then stops the loop.
struct response_printer {
	struct loop *loop;
	struct eventstream_decoder decoder;
	bool is_within_line; // the text printed last does not end in a newline
	bool failed;         // a failure has been printed
};

static void end_line(struct response_printer *printer) {
	if (printer->is_within_line)
		putchar('\n');
	printer->is_within_line = false;
	fflush(stdout);
}

// Prints the first failure; later ones follow from it.
static void print_failure(struct response_printer *printer, struct slice name, struct slice message) {
	if (!printer->failed) {
		end_line(printer);
		fputs("signalbox ask: ", stderr);
		terminal_print(stderr, name);
		fputs(": ", stderr);
		terminal_print(stderr, message);
		fputc('\n', stderr);
	}
	printer->failed = true;
}

static void print_text(void *owner, struct slice text, bool begins) {
	struct response_printer *printer = owner;
	(void)begins;
	terminal_print(stdout, text);
	fflush(stdout);
	printer->is_within_line = text.ptr[text.len - 1] != '\n';
}

static void read_frame(struct response_printer *printer, const struct eventstream_frame *frame) {
	enum eventstream_kind kind = eventstream_frame_kind(frame);
	if (kind == EVENTSTREAM_KIND_EVENT)
		response_shape_delta(frame->payload, print_text, printer);
	if (kind != EVENTSTREAM_KIND_EXCEPTION && kind != EVENTSTREAM_KIND_ERROR)
		return;
	struct exception_report report;
	struct arena arena;
	arena_init(&arena, ARENA_BYTES);
	exception_read_frame(frame, &arena, &report);
	print_failure(printer, report.name, report.message);
	arena_free(&arena);
}

static void printer_on_head(void *owner, const struct mux_head *head) {
	struct response_printer *printer = owner;
	if (head->status != 200) {
		char status[32];
		snprintf(status, sizeof status, "status %d", head->status);
		print_failure(printer, slice_from(status), SLICE("the answer is no stream"));
	}
}

static bool printer_on_body(void *owner, struct slice bytes) {
	struct response_printer *printer = owner;
	struct eventstream_frame frame;
	enum eventstream_progress progress;
	while ((progress = eventstream_decoder_next(&printer->decoder, &bytes, &frame)) == EVENTSTREAM_FRAME)
		read_frame(printer, &frame);
	if (progress == EVENTSTREAM_BROKEN)
		print_failure(printer, SLICE("broken stream"), slice_from(eventstream_error_text(printer->decoder.error)));
	return true;
}

// Prefers the service's message to the engine's.
static void print_error(struct response_printer *printer, const struct mux_error *error) {
	struct exception_report report = {.status = 0};
	struct arena arena;
	arena_init(&arena, ARENA_BYTES);
	if (error->from_upstream)
		exception_read(error->status, (struct headers){0}, error->body, 0, &arena, &report);
	print_failure(printer, error->exception, report.message.len ? report.message : error->message);
	arena_free(&arena);
}

static void printer_on_done(void *owner, const struct mux_result *result) {
	struct response_printer *printer = owner;
	if (result->error.status)
		print_error(printer, &result->error);
	else if (result->failed)
		print_failure(printer, SLICE("failed"), SLICE("the answer broke off"));
	end_line(printer);
	if (result->model.len)
		fprintf(stderr, "model %.*s, %u attempt%s, %llu ms\n", SLICE_ARGS(result->model), result->attempts,
		        result->attempts == 1 ? "" : "s", (unsigned long long)result->latency_ms);
	loop_stop(printer->loop);
}

// Sends one request on a loop of its own. Without a name it asks for the first model of the pool, which always serves
// its own name.
static bool send_request(struct mux *mux, struct slice model, struct slice body) {
	static const struct mux_sink sink = {
	    .on_head = printer_on_head, .on_body = printer_on_body, .on_done = printer_on_done};
	static const struct header headers[] = {{{"content-type", 12}, {"application/json", 16}}};
	struct response_printer printer = {.loop = loop_new()};
	if (!printer.loop) {
		fputs("signalbox ask: no event loop could be made\n", stderr);
		return false;
	}
	struct random_source random;
	char request_id[UUID_BYTES];
	random_init_from_system(&random);
	random_uuid(&random, request_id);
	eventstream_decoder_init(&printer.decoder, EVENTSTREAM_FRAME_BYTES);
	struct policy *policy = mux_policy(mux);
	struct mux_worker *worker = mux_worker_new(mux, 0, printer.loop);
	struct mux_call call = {
	    .request_id = slice_from(request_id),
	    .operation = OPERATION_CONVERSE_STREAM,
	    .model = model.len ? model : slice_from(policy_pool(policy)->models[0].name),
	    .headers = {headers, 1},
	    .body = body,
	};
	mux_submit(worker, &call, &sink, &printer);
	loop_run(printer.loop);
	mux_worker_free(worker);
	policy_release(policy);
	eventstream_decoder_free(&printer.decoder);
	loop_close(printer.loop);
	return !printer.failed;
}

static int ask_engine(const struct settings *settings, struct slice model, struct slice body) {
	struct problems problems = {0};
	struct credentials_sources sources;
	struct mux_settings mux_settings = {.options = &settings->engine, .credentials = &sources, .workers = 1};
	struct mux *mux = NULL;
	int rc = credentials_sources_init(&sources, &settings->engine, &environment_of_process, &problems);
	if (rc == 0)
		rc = mux_new(&mux_settings, &problems, &mux);
	bool succeeded = rc == 0 && send_request(mux, model, body);
	cli_print_problems(&problems);
	mux_free(mux);
	credentials_sources_free(&sources);
	return succeeded ? CLI_DONE : CLI_FAILED;
}

// Reads the argument, or all of stdin for "-". False, with the reason printed, if the prompt is too long or unreadable.
static bool read_prompt(const char *argument, struct buffer *prompt) {
	char chunk[4096];
	if (argument[0] != '-' || argument[1]) {
		buffer_append(prompt, slice_from(argument));
	} else {
		size_t length;
		while ((length = fread(chunk, 1, sizeof chunk, stdin)) > 0 && !prompt->failed)
			buffer_append(prompt, slice_of(chunk, length));
		if (ferror(stdin)) {
			fprintf(stderr, "signalbox ask: stdin cannot be read: %s\n", strerror(errno));
			return false;
		}
	}
	if (prompt->failed)
		fputs("signalbox ask: the prompt is longer than 16 MiB\n", stderr);
	return !prompt->failed;
}

static int ask_prompt(const struct settings_flags *flags, const char *model, uint64_t max_tokens,
                      const char *argument) {
	struct problems problems = {0};
	struct settings settings = {0};
	struct buffer prompt, body;
	int status = CLI_FAILED;
	buffer_init(&prompt, PROMPT_BYTES);
	buffer_init(&body, REQUEST_BYTES);
	log_configure(LOG_WARN, LOG_TEXT);
	if (settings_load(flags, &environment_of_process, &problems, &settings) != 0) {
		status = settings_flags_report("ask", &problems);
	} else if (read_prompt(argument, &prompt)) {
		request_shape_write(buffer_slice(&prompt), max_tokens, &body);
		status = ask_engine(&settings, slice_from(model), buffer_slice(&body));
	}
	buffer_free(&prompt);
	buffer_free(&body);
	settings_free(&settings);
	return status;
}

int cli_ask(int argc, char **argv) {
	struct settings_flags flags = {0};
	const char *prompt = NULL, *model = NULL, *max_tokens = NULL;
	uint64_t tokens = 0;
	const struct cli_option options[] = {
	    {.name = "config", .value_name = "FILE", .value = &flags.config, .meaning = "settings; else ./signalbox.lua"},
	    {.name = "policy", .value_name = "FILE", .value = &flags.policy, .meaning = "the policy"},
	    {.name = "region", .value_name = "NAME", .value = &flags.region, .meaning = "the models' default region"},
	    {.name = "endpoint", .value_name = "URL", .value = &flags.endpoint, .meaning = "instead of the region's own"},
	    {.name = "model", .value_name = "NAME", .value = &model, .meaning = "what to ask for; else the first model"},
	    {.name = "max-tokens", .value_name = "N", .value = &max_tokens, .meaning = "the answer's length at most"},
	    {0},
	};
	struct command_line line = {
	    .usage = "ask [OPTIONS] PROMPT",
	    .summary = "Sends one prompt through the policy and prints the answer as it comes; which model\n"
	               "answered goes to stderr. \"-\" reads the prompt from stdin.",
	    .options = options,
	    .arguments = &prompt,
	    .argument_limit = 1,
	};
	enum options_result parsed = options_parse(&line, argc, argv);
	if (parsed != OPTIONS_READY)
		return parsed == OPTIONS_HELP ? CLI_DONE : CLI_MISUSED;
	if (!prompt)
		return options_misuse(argv[0], "a prompt is missing");
	if (max_tokens && (!slice_parse_u64(slice_from(max_tokens), TOKENS_MAX, &tokens) || tokens == 0))
		return options_misuse(argv[0], "--max-tokens takes a whole number from 1 to %d", TOKENS_MAX);
	cli_conceal();
	int status = ask_prompt(&flags, model, tokens, prompt);
	cli_expose();
	return status;
}
