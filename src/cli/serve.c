// SPDX-License-Identifier: Apache-2.0
// `signalbox serve`: reads settings from file, flags and environment, then runs the gateway until a signal stops it.
#include <signal.h>
#include <stdlib.h>

#include "base/log.h"
#include "base/memory.h"
#include "base/problem.h"
#include "cli/cli.h"
#include "cli/options.h"
#include "cli/settings_flags.h"
#include "config/setting_readers.h"
#include "gateway/gateway.h"
#include "gateway/log_queue.h"
#include "gateway/settings.h"
#include "gateway/socket_activation.h"

enum { LISTEN_FLAGS = 64 };

// A signal that means nothing to the gateway doesn't end it, nor does a reader of its log that goes away.
static void ignore_stray_signals(void) {
	signal(SIGUSR1, SIG_IGN);
	signal(SIGUSR2, SIG_IGN);
	signal(SIGPIPE, SIG_IGN);
}

// The gateway has stopped; a second SIGTERM now must not change the exit status.
static void ignore_signals(void) {
	sigset_t signals;
	sigemptyset(&signals);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGHUP);
	sigprocmask(SIG_BLOCK, &signals, NULL);
}

static int run_gateway(const struct settings_flags *flags) {
	struct problems problems = {0};
	struct settings settings;
	struct gateway *gateway = NULL;
	int rc = settings_load(flags, &environment_of_process, &problems, &settings);
	if (rc == 0)
		rc = socket_activation_adopt(&environment_of_process, &settings, &problems);
	if (rc == 0) {
		log_configure(settings.log.level, settings.log.format);
		rc = log_queue_begin();
		if (rc)
			problems_add(&problems, NULL, 0, "log", NULL, "the system gives no thread to write it");
	}
	if (rc == 0)
		rc = gateway_start(&settings, &environment_of_process, &problems, &gateway);
	if (rc == 0) {
		gateway_run(gateway);
		ignore_signals();
	}
	gateway_free(gateway);
	log_queue_finish();
	int status = rc ? settings_flags_report("serve", &problems) : CLI_DONE;
	settings_free(&settings);
	return status;
}

int cli_serve(int argc, char **argv) {
	struct settings_flags flags = {0};
	const char *listen[LISTEN_FLAGS];
	bool core_dumps = false;
	char levels[SETTING_WORDS_BYTES], formats[SETTING_WORDS_BYTES];
	setting_write_words(log_level_names, "", levels);
	setting_write_words(log_format_names, "", formats);
	const struct cli_option options[] = {
	    {.name = "config", .value_name = "FILE", .value = &flags.config, .meaning = "settings; else ./signalbox.lua"},
	    {.name = "policy", .value_name = "FILE", .value = &flags.policy, .meaning = "the policy"},
	    {.name = "listen",
	     .value_name = "ADDRESS",
	     .list = listen,
	     .list_count = &flags.listen_count,
	     .list_limit = LISTEN_FLAGS,
	     .meaning = "HOST:PORT, [V6]:PORT or unix:/path; may be repeated"},
	    {.name = "admin", .value_name = "ADDRESS", .value = &flags.admin, .meaning = "where the admin API is served"},
	    {.name = "workers", .value_name = "N", .value = &flags.workers, .meaning = "threads, or auto: one per core"},
	    {.name = "region", .value_name = "NAME", .value = &flags.region, .meaning = "the models' default region"},
	    {.name = "endpoint", .value_name = "URL", .value = &flags.endpoint, .meaning = "instead of the region's own"},
	    {.name = "log-level", .value_name = "LEVEL", .value = &flags.log_level, .meaning = levels},
	    {.name = "log-format", .value_name = "FORMAT", .value = &flags.log_format, .meaning = formats},
	    {.name = "core-dumps", .given = &core_dumps, .meaning = "lets core files be written, with all they hold"},
	    {0},
	};
	struct command_line line = {
	    .usage = "serve [--config FILE] [--policy FILE] [OPTIONS]",
	    .summary = "Serves the Bedrock Runtime API on loopback and routes what comes by the policy.\n"
	               "Flags override the settings file. SIGTERM and SIGINT end it: requests in flight\n"
	               "are finished first, a second signal cancels them.",
	    .options = options,
	};
	flags.listen = listen;
	enum options_result parsed = options_parse(&line, argc, argv);
	if (parsed != OPTIONS_READY)
		return parsed == OPTIONS_HELP ? CLI_DONE : CLI_MISUSED;
	ignore_stray_signals();
	memory_grow_in_place();
	if (core_dumps)
		return run_gateway(&flags);
	cli_conceal();
	int status = run_gateway(&flags);
	cli_expose();
	return status;
}
