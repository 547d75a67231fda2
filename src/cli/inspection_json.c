// SPDX-License-Identifier: Apache-2.0
// The page for programs. Keys are never taken away or renamed; all are always there.
#include <inttypes.h>
#include <string.h>

#include "base/problem.h"
#include "cli/inspection.h"
#include "config/report.h"

static void write_text(struct buffer *json, const char *key, const char *text) {
	buffer_printf(json, "\"%s\":", key);
	if (text)
		buffer_append_json(json, slice_from(text));
	else
		buffer_append(json, SLICE("null"));
}

static void write_problems(struct buffer *json, const char *key, const struct problems *problems) {
	buffer_printf(json, "\"%s\":", key);
	report_problems(problems, json);
}

static void write_line(struct buffer *json, int line) {
	if (line)
		buffer_printf(json, ",\"line\":%d,", line);
	else
		buffer_append(json, SLICE(",\"line\":null,"));
}

static void write_mistakes(struct buffer *json, const struct dry_run *dry_run) {
	bool is_first = true;
	buffer_append(json, SLICE("\"mistakes\":["));
	for (size_t i = 0; i < dry_run->count; i++) {
		const struct observation *observation = &dry_run->observations[i];
		if (observation->mistakes == 0)
			continue;
		buffer_append(json, is_first ? SLICE("{") : SLICE(",{"));
		is_first = false;
		write_text(json, "hook", observation->hook);
		buffer_append_byte(json, ',');
		write_text(json, "situation", observation->dry_run_case);
		buffer_append_byte(json, ',');
		write_text(json, "file", observation->mistake.file);
		write_line(json, observation->mistake.line);
		write_text(json, "ending", call_ending_name(observation->mistake.ending));
		buffer_append_byte(json, ',');
		write_text(json, "message", observation->mistake.message);
		buffer_append_byte(json, '}');
	}
	buffer_append_byte(json, ']');
}

static void write_hooks(struct buffer *json, const struct inspection *inspection) {
	buffer_append(json, SLICE("\"hooks\":{"));
	for (size_t i = 0; policy_hook_names[i]; i++) {
		struct inspection_use use = inspection_use(inspection, policy_hook_names[i]);
		buffer_printf(json,
		              "%s\"%s\":{\"present\":%s,\"calls\":%zu,\"instructions\":%" PRIu64
		              ",\"memory_bytes\":%zu,\"cpu_ns\":%" PRIu64 "}",
		              i ? "," : "", policy_hook_names[i], use.calls ? "true" : "false", use.calls, use.instructions,
		              use.peak_bytes, use.cpu_ns);
	}
	buffer_append_byte(json, '}');
}

static void write_observation(struct buffer *json, const struct observation *observation) {
	static const char *const deciders[] = {"nobody", "default", "policy"};
	buffer_append_byte(json, '{');
	write_text(json, "hook", observation->hook);
	buffer_append_byte(json, ',');
	write_text(json, "situation", observation->dry_run_case);
	buffer_append_byte(json, ',');
	write_text(json, "decided_by", deciders[observation->decided_by]);
	buffer_append(json, SLICE(",\"words\":"));
	buffer_append_json(json, buffer_slice(&observation->words));
	buffer_append(json, SLICE(",\"decision\":"));
	buffer_append(json, buffer_slice(&observation->json));
	buffer_printf(json,
	              ",\"decisions\":%zu,\"calls\":%zu,\"mistakes\":%zu,\"instructions\":%" PRIu64
	              ",\"memory_bytes\":%zu,\"cpu_ns\":%" PRIu64 "}",
	              observation->decisions, observation->calls, observation->mistakes, observation->instructions,
	              observation->peak_bytes, observation->cpu_ns);
}

void inspection_write(const struct inspection *inspection, struct buffer *json) {
	const struct dry_run *dry_run = &inspection->dry_run;
	buffer_append_byte(json, '{');
	write_text(json, "file", inspection->path);
	buffer_append_byte(json, ',');
	write_text(json, "kind", inspection->is_settings ? "settings" : "policy");
	buffer_printf(json, ",\"sound\":%s,", inspection_is_sound(inspection) ? "true" : "false");
	write_text(json, "policy", inspection->policy);
	buffer_printf(json, ",\"models\":%zu,\"limits\":{\"instructions\":%" PRIu64 ",\"memory_bytes\":%" PRIu64 "},",
	              inspection->model_count, inspection->limits.instructions, inspection->limits.memory_bytes);
	write_problems(json, "problems", &inspection->problems);
	buffer_append_byte(json, ',');
	write_mistakes(json, dry_run);
	buffer_append_byte(json, ',');
	write_problems(json, "warnings", &inspection->lints);
	buffer_append_byte(json, ',');
	write_hooks(json, inspection);
	buffer_append(json, SLICE(",\"situations\":["));
	for (size_t i = 0; i < dry_run->count; i++) {
		if (i)
			buffer_append_byte(json, ',');
		write_observation(json, &dry_run->observations[i]);
	}
	buffer_append(json, SLICE("]}"));
}
