// SPDX-License-Identifier: Apache-2.0
// A Bedrock Runtime on loopback: responds to its operations as the models of a scenario would, in real time or faster.
#ifndef EMULATOR_EMULATOR_H
#define EMULATOR_EMULATOR_H

#include "aws/credentials.h"
#include "net/loop.h"
#include "net/tls_server.h"
#include "world/scenario.h"

struct emulator;

struct emulator_settings {
	const char *listen;     // "HOST:PORT", "[V6]:PORT" or "unix:/path"; port 0 picks one
	struct tls_server *tls; // borrowed for the emulator's life; NULL: no TLS
	double speed;           // seconds of the scenario that pass in one real second; above 0
	// The accepted credentials; without both, every request is accepted. Borrowed during emulator_new.
	struct credentials *keys;   // an access key: signatures are verified
	struct credentials *bearer; // a bearer token
};

// Starts to serve. `scenario` is borrowed and outlives the emulator. NULL with *message set to one line that says why
// (static or thread-local).
struct emulator *emulator_new(struct loop *loop, const struct scenario *scenario,
                              const struct emulator_settings *settings, const char **message);

// "HOST:PORT" with the port that was picked; lives as long as the emulator.
const char *emulator_address(const struct emulator *emulator);

// The names of the exceptions that a scenario may name, ended by NULL; for scenario_read.
const char *const *emulator_exception_names(void);

// Breaks off the open requests and frees.
void emulator_close(struct emulator *emulator);

#endif
