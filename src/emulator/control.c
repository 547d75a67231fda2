// SPDX-License-Identifier: Apache-2.0
// Reads changes with the same definitions as scenarios, so that a fault means the same in both. A change is applied
// whole or not at all.
#include "emulator/control.h"

#include "base/error.h"
#include "base/json.h"
#include "base/problem.h"
#include "base/schema.h"
#include "emulator/respond.h"
#include "world/tier.h"

enum { CHANGE_BYTES_MAX = 65536, RESPONSE_BYTES = 16 << 20, MESSAGE_BYTES = 16384, ID_BYTES_MAX = 2048 };

#define ROOT "/_emulator/"
#define MODELS ROOT "models/"

bool control_owns(struct slice path) {
	return slice_starts(path, SLICE(ROOT));
}

#define FIELD(name) offsetof(struct adjustment, name)
static const struct schema_key change_keys[] = {
    {.name = "fault",
     .type = SCHEMA_CUSTOM,
     .offset = FIELD(fault),
     .parse = scenario_fault_parse,
     .meaning = "as in a scenario; null for none at all"},
    {.name = "share",
     .type = SCHEMA_NUMBER,
     .offset = FIELD(fault.share),
     .maximum = 1,
     .default_number = 1,
     .meaning = "share of the requests that meet the fault"},
    {.name = "after",
     .type = SCHEMA_CUSTOM,
     .offset = FIELD(fault),
     .parse = scenario_fault_parse_after,
     .meaning = "events of a stream that come before the fault"},
    {.name = "retry_after_ms",
     .type = SCHEMA_INTEGER,
     .offset = FIELD(fault.retry_after_ms),
     .maximum = 3600000,
     .meaning = "sent along with an exception"},
    {.name = "tier",
     .type = SCHEMA_CUSTOM,
     .offset = FIELD(fault.tiers),
     .parse = tier_bits_parse,
     .meaning = "only requests at that service tier meet the fault"},
    {.name = "latency_ms",
     .type = SCHEMA_NUMBER,
     .offset = FIELD(latency_ms),
     .maximum = 1e9,
     .default_number = -1,
     .meaning = "time to the first token"},
    {.name = "tokens_per_second",
     .type = SCHEMA_NUMBER,
     .offset = FIELD(tokens_per_second),
     .minimum = 0.001,
     .maximum = 1e9,
     .default_number = -1,
     .meaning = "speed of the output"},
    {.name = "refusal_share",
     .type = SCHEMA_NUMBER,
     .offset = FIELD(refusal_share),
     .maximum = 1,
     .default_number = -1,
     .meaning = "share of the responses in which the model declines"},
    {0},
};
#undef FIELD

static void control_refuse(struct emulator *emulator, struct server_call *call, int status, const char *name,
                           const char *message) {
	respond_exception(emulator, call, name, status, message, 0);
}

static int digit_of(char byte) {
	if (byte >= '0' && byte <= '9')
		return byte - '0';
	char letter = (char)(byte | 0x20);
	return letter >= 'a' && letter <= 'f' ? letter - 'a' + 10 : -1;
}

// Decodes %XX. False for a broken escape or an id that is too long.
static bool decode_id(struct slice raw, struct buffer *id) {
	for (size_t i = 0; i < raw.len; i++) {
		char byte = raw.ptr[i];
		if (byte == '%') {
			int high = i + 2 < raw.len ? digit_of(raw.ptr[i + 1]) : -1;
			int low = i + 2 < raw.len ? digit_of(raw.ptr[i + 2]) : -1;
			if (high < 0 || low < 0)
				return false;
			byte = (char)(high << 4 | low);
			i += 2;
		}
		buffer_append_byte(id, byte);
	}
	return id->len > 0 && !id->failed;
}

// Reads the body into an adjustment; adds problems.
static void read_change(struct slice body, struct adjustment *adjustment, struct problems *problems) {
	struct document document;
	struct schema_place place = {"", "", problems};
	*adjustment = adjustment_none();
	scenario_fault_init(&adjustment->fault, emulator_exception_names());
	schema_defaults(change_keys, adjustment);
	if (body.len > CHANGE_BYTES_MAX || json_read_document(body, &document)) {
		problems_add(problems, "", 0, "", "a JSON object", "something else");
		return;
	}
	schema_read(change_keys, &document, adjustment, &place);
	static const char *const wants_fault[] = {"share", "after", "retry_after_ms", "tier"};
	for (size_t i = 0; i < sizeof wants_fault / sizeof *wants_fault; i++)
		if (document_get(&document, wants_fault[i]) && !document_get(&document, "fault"))
			problems_add(problems, "", 0, wants_fault[i], "a fault beside it", "none");
	document_free(&document);
}

static void control_refuse_change(struct emulator *emulator, struct server_call *call,
                                  const struct problems *problems) {
	struct buffer text;
	buffer_init(&text, MESSAGE_BYTES);
	problems_format(problems, &text);
	if (text.len > 0)
		text.ptr[text.len - 1] = '\0';
	control_refuse(emulator, call, 400, "ValidationException", text.len > 0 ? text.ptr : "The change is invalid.");
	buffer_free(&text);
}

static void control_change(struct emulator *emulator, struct server_call *call, struct slice id, struct slice body) {
	struct adjustment adjustment;
	struct problems problems = {0};
	struct behaviour *behaviour = NULL;
	bool all = slice_equal(id, SLICE("*"));
	read_change(body, &adjustment, &problems);
	if (problems.count > 0)
		control_refuse_change(emulator, call, &problems);
	else if (!all && !(behaviour = world_find(emulator->world, id)))
		control_refuse(emulator, call, 404, "ResourceNotFoundException", "The scenario has no model of that id.");
	else {
		if (all)
			world_adjust_all(emulator->world, &adjustment);
		else
			behaviour_adjust(behaviour, &adjustment);
		respond_json(emulator, call, 200, SLICE("{}"));
	}
	problems_free(&problems);
}

static void control_change_model(struct emulator *emulator, struct server_call *call, struct slice raw_id,
                                 struct slice body) {
	struct buffer id;
	buffer_init(&id, ID_BYTES_MAX);
	if (decode_id(raw_id, &id))
		control_change(emulator, call, buffer_slice(&id), body);
	else
		control_refuse(emulator, call, 400, "ValidationException", "The model id is invalid.");
	buffer_free(&id);
}

static void control_send_counters(struct emulator *emulator, struct server_call *call) {
	struct buffer body;
	buffer_init(&body, RESPONSE_BYTES);
	counters_format(&emulator->counters, emulator->world, &body);
	if (body.failed)
		control_refuse(emulator, call, 500, "InternalServerException", "The counters do not fit into an answer.");
	else
		respond_json(emulator, call, 200, buffer_slice(&body));
	buffer_free(&body);
}

static void control_reset(struct emulator *emulator, struct server_call *call) {
	world_reset(emulator->world);
	counters_reset(&emulator->counters);
	respond_json(emulator, call, 200, SLICE("{}"));
}

void control_respond(struct emulator *emulator, struct server_call *call, const struct server_request *request) {
	bool post = slice_equal(request->method, SLICE("POST"));
	bool get = slice_equal(request->method, SLICE("GET"));
	struct slice models = SLICE(MODELS);
	if (!emulator->controllable)
		control_refuse(emulator, call, 403, "AccessDeniedException",
		               "The control path is open on loopback listeners only.");
	else if (headers_find(request->headers, SLICE("origin")))
		control_refuse(emulator, call, 403, "AccessDeniedException", "The control path is closed to web pages.");
	else if (post && slice_starts(request->path, models))
		control_change_model(emulator, call, slice_from_offset(request->path, models.len), request->body);
	else if (post && slice_equal(request->path, SLICE(ROOT "reset")))
		control_reset(emulator, call);
	else if (get && slice_equal(request->path, SLICE(ROOT "requests")))
		control_send_counters(emulator, call);
	else
		control_refuse(emulator, call, 404, "UnknownOperationException", "The control path has no such operation.");
}
