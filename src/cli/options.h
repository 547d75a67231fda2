// SPDX-License-Identifier: Apache-2.0
// Parses command-line flags by a table, which also makes the help text. Flags are `--name VALUE`, `--name=VALUE` or,
// for switches, `--name`; `--` ends them. Values are borrowed from argv.
#ifndef CLI_OPTIONS_H
#define CLI_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>

// One flag. With `value_name` it takes a value, else it is a switch.
struct cli_option {
	const char *name;       // without the dashes; NULL ends the table
	const char *value_name; // as help shows it: "FILE"
	const char *meaning;    // one line
	const char **value;     // set to the value, the last one if repeated; or
	bool *given;            // set to true by a switch; or
	const char **list;      // room for `list_limit` values of a flag that may be repeated
	size_t *list_count;
	size_t list_limit;
};

// A command's help text, flags and arguments.
struct command_line {
	const char *usage;   // "serve [--config FILE] ..."
	const char *summary; // what it does; may have several lines
	const struct cli_option *options;
	const char **arguments; // room for `argument_limit` arguments other than flags
	size_t argument_limit;
	size_t argument_count; // filled
};

enum options_result {
	OPTIONS_READY,
	OPTIONS_HELP,   // help was requested and has been printed: the command is done
	OPTIONS_MISUSE, // a mistake, printed on stderr with a hint to --help
};

// Parses argv[1..]; argv[0] is the command's name.
enum options_result options_parse(struct command_line *line, int argc, char **argv);

// Prints a mistake in the command line on stderr, with a hint to --help. Returns the exit status CLI_MISUSED.
int options_misuse(const char *command, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
