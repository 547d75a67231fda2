// SPDX-License-Identifier: Apache-2.0
// `signalbox emulate`: runs the emulator until SIGINT or SIGTERM.
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/environment.h"
#include "base/log.h"
#include "base/problem.h"
#include "cli/cli.h"
#include "cli/options.h"
#include "config/address.h"
#include "emulator/emulator.h"
#include "net/descriptor_limit.h"
#include "sandbox/table_file.h"

struct emulate_flags {
	const char *scenario;
	const char *listen;
	const char *speed;
	const char *access_key;
	const char *secret_key_env;
	const char *session_token_env;
	const char *bearer_token_env;
	const char *tls_cert;
	const char *tls_key;
};

// CLI_DONE, or the exit status with the reasons printed.
static int read_scenario(const char *path, struct scenario *scenario) {
	struct problems problems = {0};
	struct document document = {0};
	if (!path) {
		scenario_read_healthy(scenario);
		return CLI_DONE;
	}
	int status = table_file_read(path, false, &problems, &document);
	if (!status)
		status = scenario_read(&document, path, emulator_exception_names(), &problems, scenario);
	document_free(&document);
	cli_print_problems(&problems);
	return status ? CLI_FAILED : CLI_DONE;
}

// The value of the variable that a flag names; NULL, with the reason printed, if it isn't set.
static const char *read_secret(const char *flag, const char *variable) {
	const char *value = environment_text(&environment_of_process, variable);
	if (value && *value)
		return value;
	options_misuse("emulate", "--%s: the environment has no %s", flag, variable);
	return NULL;
}

static int read_keys(const struct emulate_flags *flags, struct emulator_settings *settings) {
	const char *token = NULL;
	if (!flags->access_key != !flags->secret_key_env)
		return options_misuse("emulate", "--access-key and --secret-key-env belong together");
	if (flags->session_token_env && !flags->access_key)
		return options_misuse("emulate", "--session-token-env wants --access-key");
	if (flags->session_token_env && !(token = read_secret("session-token-env", flags->session_token_env)))
		return CLI_MISUSED;
	if (flags->access_key) {
		const char *secret = read_secret("secret-key-env", flags->secret_key_env);
		if (!secret)
			return CLI_MISUSED;
		settings->keys = credentials_new(flags->access_key, secret, token, NULL);
		if (!settings->keys)
			return options_misuse("emulate", "--access-key: the key has a byte that no header may carry");
	}
	if (flags->bearer_token_env) {
		const char *bearer = read_secret("bearer-token-env", flags->bearer_token_env);
		if (!bearer)
			return CLI_MISUSED;
		settings->bearer = credentials_new(NULL, NULL, NULL, bearer);
		if (!settings->bearer)
			return options_misuse("emulate", "--bearer-token-env: the token has a byte that no header may carry");
	}
	return CLI_DONE;
}

static int read_certificate(const struct emulate_flags *flags, struct emulator_settings *settings) {
	const char *message;
	if (!flags->tls_cert != !flags->tls_key)
		return options_misuse("emulate", "--tls-cert and --tls-key belong together");
	if (!flags->tls_cert || tls_server_new(flags->tls_cert, flags->tls_key, &settings->tls, &message) == 0)
		return CLI_DONE;
	fprintf(stderr, "signalbox emulate: %s\n", message);
	return CLI_FAILED;
}

static int read_speed(const char *text, double *speed) {
	char *end;
	*speed = strtod(text, &end);
	if (end == text || *end || !isfinite(*speed) || *speed < 0.001 || *speed > 1000000)
		return options_misuse("emulate", "--speed: expected a number from 0.001 to 1000000, found \"%s\"", text);
	return CLI_DONE;
}

// Loopback only: any client can change the models of the emulator.
static int check_listen(const char *text) {
	struct address address;
	if (address_parse(slice_from(text), &address) && address_is_local(&address))
		return CLI_DONE;
	return options_misuse("emulate", "--listen: expected a loopback address or unix:/path, found \"%s\"", text);
}

static void emulate_on_signal(void *owner) {
	loop_stop(owner);
}

static int run_emulator(const struct scenario *scenario, const struct emulator_settings *settings) {
	const char *message = "no event loop";
	char line[256];
	struct loop *loop = loop_new();
	struct emulator *emulator = loop ? emulator_new(loop, scenario, settings, &message) : NULL;
	if (!emulator) {
		fprintf(stderr, "signalbox emulate: %s: %s\n", settings->listen, message);
	} else {
		loop_on_signal(loop, SIGINT, emulate_on_signal, loop);
		loop_on_signal(loop, SIGTERM, emulate_on_signal, loop);
		const char *address = emulator_address(emulator);
		bool is_path = slice_starts(slice_from(address), SLICE("unix:"));
		const char *scheme = is_path ? "" : settings->tls ? "https://" : "http://";
		snprintf(line, sizeof line, "emulator listening on %s%s", scheme, address);
		log_write(LOG_INFO, line, NULL);
		loop_run(loop);
		emulator_close(emulator);
	}
	if (loop)
		loop_close(loop);
	return emulator ? CLI_DONE : CLI_FAILED;
}

static int emulate_scenario(const struct emulate_flags *flags) {
	struct emulator_settings settings = {.listen = flags->listen};
	struct scenario scenario = {0};
	int status = read_speed(flags->speed, &settings.speed);
	if (status == CLI_DONE)
		status = check_listen(flags->listen);
	if (status == CLI_DONE)
		status = read_keys(flags, &settings);
	if (status == CLI_DONE)
		status = read_certificate(flags, &settings);
	if (status == CLI_DONE)
		status = read_scenario(flags->scenario, &scenario);
	if (status == CLI_DONE) {
		descriptor_limit_raise();
		status = run_emulator(&scenario, &settings);
	}
	scenario_free(&scenario);
	tls_server_free(settings.tls);
	credentials_release(settings.keys);
	credentials_release(settings.bearer);
	return status;
}

int cli_emulate(int argc, char **argv) {
	struct emulate_flags flags = {.listen = "127.0.0.1:8081", .speed = "1"};
	const struct cli_option options[] = {
	    {"scenario", "FILE", "the world to play; without it, one where every model answers", .value = &flags.scenario},
	    {"listen", "ADDRESS", "where to listen (127.0.0.1:8081; port 0 picks one)", .value = &flags.listen},
	    {"speed", "N", "how many seconds of the scenario pass in one (1)", .value = &flags.speed},
	    {"access-key", "ID", "verify signatures by this access key", .value = &flags.access_key},
	    {"secret-key-env", "NAME", "the variable that holds its secret", .value = &flags.secret_key_env},
	    {"session-token-env", "NAME", "the variable that holds its session token", .value = &flags.session_token_env},
	    {"bearer-token-env", "NAME", "let in this variable's bearer token", .value = &flags.bearer_token_env},
	    {"tls-cert", "FILE", "listen with TLS: the certificate and its chain, PEM", .value = &flags.tls_cert},
	    {"tls-key", "FILE", "its key, PEM", .value = &flags.tls_key},
	    {0},
	};
	struct command_line line = {
	    .usage = "emulate [--scenario FILE] [--listen ADDRESS] [--speed N] [--access-key ID --secret-key-env NAME]",
	    .summary = "Runs a Bedrock Runtime on loopback whose models behave as a scenario says.",
	    .options = options,
	};
	enum options_result parsed = options_parse(&line, argc, argv);
	if (parsed != OPTIONS_READY)
		return parsed == OPTIONS_HELP ? CLI_DONE : CLI_MISUSED;
	return emulate_scenario(&flags);
}
