// SPDX-License-Identifier: Apache-2.0
// `signalbox COMMAND ...`: finds the command and calls it.
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include "base/buffer.h"
#include "base/problem.h"
#include "base/schema.h"
#include "cli/cli.h"
#include "cli/terminal.h"

enum { PROBLEMS_BYTES = 1 << 20 };

static const struct {
	const char *name;
	int (*run)(int argc, char **argv);
	const char *meaning;
} commands[] = {
    {"serve", cli_serve, "runs the gateway: the Bedrock Runtime API, routed by a policy"},
    {"ask", cli_ask, "sends one prompt through the policy and prints the answer"},
    {"check", cli_check, "tells what is wrong with policies and settings, and what a policy would do"},
    {"emulate", cli_emulate, "runs a Bedrock Runtime on loopback, driven by a scenario"},
    {"reload", cli_reload, "makes a running gateway load its policy again, or go back to an earlier one"},
    {"version", cli_version, "prints the version"},
};

enum { COMMANDS = sizeof commands / sizeof *commands };

static void print_help(FILE *out) {
	fputs("signalbox routes Amazon Bedrock traffic over a pool of models.\n\n"
	      "usage: signalbox COMMAND [OPTIONS]\n\ncommands:\n",
	      out);
	for (size_t i = 0; i < COMMANDS; i++)
		fprintf(out, "  %-10s %s\n", commands[i].name, commands[i].meaning);
	fputs("\n`signalbox COMMAND --help` tells more about one, and so does `signalbox help COMMAND`.\n", out);
}

void cli_print_problems(struct problems *problems) {
	struct buffer text;
	buffer_init(&text, PROBLEMS_BYTES);
	problems_format(problems, &text);
	terminal_print(stderr, buffer_slice(&text));
	buffer_free(&text);
	problems_free(problems);
}

void cli_conceal(void) {
	struct rlimit limit;
	if (getrlimit(RLIMIT_CORE, &limit) == 0) {
		limit.rlim_cur = 0;
		setrlimit(RLIMIT_CORE, &limit);
	}
	prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
}

void cli_expose(void) {
	prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
}

static int run_command(const char *name, int argc, char **argv) {
	const char *names[COMMANDS + 2] = {"help"};
	for (size_t i = 0; i < COMMANDS; i++) {
		if (strcmp(commands[i].name, name) == 0)
			return commands[i].run(argc, argv);
		names[i + 1] = commands[i].name;
	}
	const char *nearest = schema_nearest(names, slice_from(name + strspn(name, "-")));
	fprintf(stderr, "signalbox: unknown command \"%s\"%s%s%s; see signalbox --help\n", name,
	        nearest ? " (did you mean " : "", nearest ? nearest : "", nearest ? "?)" : "");
	return CLI_MISUSED;
}

static bool is_help_flag(const char *word) {
	return strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0;
}

// `help` and `help COMMAND`, which is `COMMAND --help`.
static int run_help(int argc, char **argv) {
	char option[] = "--help";
	if (argc == 1 || strcmp(argv[1], "help") == 0 || is_help_flag(argv[1])) {
		print_help(stdout);
		return CLI_DONE;
	}
	if (argc > 2) {
		fprintf(stderr, "signalbox help: unexpected argument \"%s\"; see signalbox --help\n", argv[2]);
		return CLI_MISUSED;
	}
	return run_command(argv[1], 2, (char *[]){argv[1], option, NULL});
}

int main(int argc, char **argv) {
	if (argc < 2) {
		print_help(stderr);
		return CLI_MISUSED;
	}
	const char *name = argv[1];
	if (strcmp(name, "help") == 0 || is_help_flag(name))
		return run_help(argc - 1, argv + 1);
	if (strcmp(name, "--version") == 0)
		name = "version";
	return run_command(name, argc - 1, argv + 1);
}
