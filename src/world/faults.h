// SPDX-License-Identifier: Apache-2.0
// What goes wrong at a model, and when: the `faults` of a scenario, and single faults that are set while a world runs.
#ifndef WORLD_FAULTS_H
#define WORLD_FAULTS_H

#include <stddef.h>
#include <stdint.h>

#include "base/document.h"
#include "base/schema.h"

// What an upstream can do wrong apart from an exception: constant, name, meaning.
#define SCENARIO_TROUBLE_LIST(X)                                                                                       \
	X(SCENARIO_HANG, "hang", "never responds")                                                                         \
	X(SCENARIO_RESET, "reset", "resets the connection, at once or (with `after`) within the stream")                   \
	X(SCENARIO_CLOSE_EARLY, "close_early", "closes the connection before the response begins")                         \
	X(SCENARIO_TRUNCATE, "truncate", "closes the connection within a frame or in the middle of a body")                \
	X(SCENARIO_CORRUPT, "corrupt", "sends a frame with a wrong checksum, or a body with wrong bytes")                  \
	X(SCENARIO_STALL, "stall", "stops sending in the middle and keeps the connection open")                            \
	X(SCENARIO_SILENT_END, "silent_end", "ends a stream cleanly before it is complete, or a body in its middle")       \
	X(SCENARIO_GARBAGE, "garbage", "sends 200 with bytes that are neither JSON nor frames")                            \
	X(SCENARIO_HTML, "html", "sends 502 with a web page, as a proxy in between would")                                 \
	X(SCENARIO_LYING_LENGTH, "lying_length", "announces more bytes than it sends, then closes")

enum scenario_trouble {
	SCENARIO_UNSET,     // not given
	SCENARIO_NONE,      // explicitly healthy
	SCENARIO_EXCEPTION, // an exception of the service
#define X(constant, name, meaning) constant,
	SCENARIO_TROUBLE_LIST(X)
#undef X
};

// How far into a stream a fault comes, apart from a number of events.
#define SCENARIO_AFTER_UNSET UINT64_MAX
#define SCENARIO_AFTER_STOP (UINT64_MAX - 1) // after messageStop; before the last event if a stream has none

struct scenario_fault {
	uint64_t from_ms;
	uint64_t to_ms; // exclusive
	double share;   // of the requests that arrive meanwhile
	enum scenario_trouble trouble;
	const char *exception;   // of SCENARIO_EXCEPTION: one of the names given to scenario_read
	uint64_t after;          // events of a stream before it; an exception with it comes within the stream
	uint64_t retry_after_ms; // sent with an exception; 0 is none
	unsigned tiers;          // service tiers of the requests that meet it, as bits; 0 is any
	const char *const *exception_names;
};

struct scenario_faults {
	struct scenario_fault *list;
	size_t count;
	const char *const *exception_names;
};

// A fault of every request at all times, without a trouble yet.
void scenario_fault_init(struct scenario_fault *fault, const char *const *exception_names);

// The keys of an entry of `faults`; their target is a struct scenario_fault.
const struct schema_key *scenario_fault_keys(void);

// A schema_parse for a fault's name or table; its target is an initialised struct scenario_fault. NIL is SCENARIO_NONE.
void scenario_fault_parse(const struct document *value, void *target, const struct schema_place *place);
// A schema_parse for `after`; its target is a struct scenario_fault.
void scenario_fault_parse_after(const struct document *value, void *target, const struct schema_place *place);

// A schema_parse for the list; its target is a struct scenario_faults whose exception_names are set.
void scenario_faults_parse(const struct document *value, void *target, const struct schema_place *place);
void scenario_faults_free(struct scenario_faults *faults);

#endif
