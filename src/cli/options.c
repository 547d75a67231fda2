// SPDX-License-Identifier: Apache-2.0
// The first mistake ends the parsing, and so does --help.
#include "cli/options.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/schema.h"
#include "cli/cli.h"

enum { OPTIONS_MAX = 32 };

int options_misuse(const char *command, const char *format, ...) {
	va_list arguments;
	fprintf(stderr, "signalbox %s: ", command);
	va_start(arguments, format);
	vfprintf(stderr, format, arguments);
	va_end(arguments);
	fprintf(stderr, "; see signalbox %s --help\n", command);
	return CLI_MISUSED;
}

static void print_help(const struct command_line *line) {
	printf("usage: signalbox %s\n\n%s\n", line->usage, line->summary);
	printf("\noptions:\n");
	for (const struct cli_option *option = line->options; option->name; option++) {
		char flag[64];
		snprintf(flag, sizeof flag, "--%s%s%s", option->name, option->value_name ? " " : "",
		         option->value_name ? option->value_name : "");
		printf("  %-26s %s\n", flag, option->meaning);
	}
	printf("  %-26s %s\n", "--help", "shows this text");
}

// The option whose name is the first `length` bytes of `text`, or NULL.
static const struct cli_option *find_option(const struct cli_option *options, const char *text, size_t length) {
	for (; options->name; options++)
		if (strlen(options->name) == length && memcmp(options->name, text, length) == 0)
			return options;
	return NULL;
}

// Reports an option that the table lacks, with the nearest one that it has. `dashes`: as the user wrote it.
static enum options_result report_unknown_option(const struct command_line *line, const char *command,
                                                 const char *dashes, struct slice name) {
	const char *names[OPTIONS_MAX + 2] = {"help"};
	size_t count = 1;
	for (const struct cli_option *option = line->options; option->name && count <= OPTIONS_MAX; option++)
		names[count++] = option->name;
	const char *nearest = schema_nearest(names, name);
	options_misuse(command, "unknown option %s%.*s%s%s%s", dashes, SLICE_ARGS(name), nearest ? " (did you mean --" : "",
	               nearest ? nearest : "", nearest ? "?)" : "");
	return OPTIONS_MISUSE;
}

static bool store_value(const struct cli_option *option, const char *value, const char *command) {
	if (!option->list) {
		*option->value = value;
		return true;
	}
	if (*option->list_count == option->list_limit) {
		options_misuse(command, "--%s is given more than %zu times", option->name, option->list_limit);
		return false;
	}
	option->list[(*option->list_count)++] = value;
	return true;
}

// Reads the flag at argv[*place]; moves *place if the value is the next argument.
static enum options_result read_flag(const struct command_line *line, int argc, char **argv, int *place) {
	const char *text = argv[*place] + 2;
	const char *equals = strchr(text, '=');
	size_t length = equals ? (size_t)(equals - text) : strlen(text);
	if (equals && slice_equal(slice_of(text, length), SLICE("help"))) {
		options_misuse(argv[0], "--help takes no value");
		return OPTIONS_MISUSE;
	}
	const struct cli_option *option = find_option(line->options, text, length);
	if (!option)
		return report_unknown_option(line, argv[0], "--", slice_of(text, length));
	if (!option->value_name) {
		if (equals) {
			options_misuse(argv[0], "--%s takes no value", option->name);
			return OPTIONS_MISUSE;
		}
		*option->given = true;
		return OPTIONS_READY;
	}
	const char *value = equals ? equals + 1 : NULL;
	if (!value && *place + 1 < argc)
		value = argv[++*place];
	if (!value) {
		options_misuse(argv[0], "--%s needs a value", option->name);
		return OPTIONS_MISUSE;
	}
	return store_value(option, value, argv[0]) ? OPTIONS_READY : OPTIONS_MISUSE;
}

enum options_result options_parse(struct command_line *line, int argc, char **argv) {
	bool flags = true;
	line->argument_count = 0;
	for (int i = 1; i < argc; i++) {
		const char *text = argv[i];
		if (flags && strcmp(text, "--") == 0) {
			flags = false;
		} else if (flags && (strcmp(text, "--help") == 0 || strcmp(text, "-h") == 0)) {
			print_help(line);
			return OPTIONS_HELP;
		} else if (flags && strncmp(text, "--", 2) == 0) {
			if (read_flag(line, argc, argv, &i) != OPTIONS_READY)
				return OPTIONS_MISUSE;
		} else if (flags && text[0] == '-' && text[1]) {
			return report_unknown_option(line, argv[0], "-", slice_from(text + 1));
		} else if (line->argument_count == line->argument_limit) {
			options_misuse(argv[0], "unexpected argument \"%s\"", text);
			return OPTIONS_MISUSE;
		} else {
			line->arguments[line->argument_count++] = text;
		}
	}
	return OPTIONS_READY;
}
