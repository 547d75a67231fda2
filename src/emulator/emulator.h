// SPDX-License-Identifier: Apache-2.0
// A Bedrock Runtime on loopback: answers its operations as the models of a scenario would, in real time or hurried.
#ifndef EMULATOR_EMULATOR_H
#define EMULATOR_EMULATOR_H

#include "aws/credentials.h"
#include "net/loop.h"
#include "net/tls_server.h"
#include "world/scenario.h"

struct emulator;

struct emulator_settings {
	const char *listen;     // "HOST:PORT", "[V6]:PORT" or "unix:/path"; port 0 picks one
	struct tls_server *tls; // borrowed for the emulator's life; NULL: in clear
	double speed;           // seconds of the scenario that pass in one of ours; above 0
	// Whose requests are let in; without both, everybody's. References of the caller's, borrowed for emulator_new.
	struct credentials *keys;   // an access key: signatures are verified
	struct credentials *bearer; // a bearer token
};

// Starts to serve. `scenario` is borrowed and outlives the emulator. NULL with *message set to one line that says why.
struct emulator *emulator_new(struct loop *loop, const struct scenario *scenario,
                              const struct emulator_settings *settings, const char **message);

// "HOST:PORT" with the port that was picked; lives as long as the emulator.
const char *emulator_address(const struct emulator *emulator);

// The names of the exceptions that a scenario may name, ended by NULL; for scenario_read.
const char *const *emulator_exception_names(void);

// Breaks off what is being answered and frees.
void emulator_close(struct emulator *emulator);

#endif
