// SPDX-License-Identifier: Apache-2.0
// The report for programs. Keys are never removed or renamed, and none is ever left out.
#include "base/json_writer.h"
#include "base/problem.h"
#include "cli/inspection.h"
#include "config/report.h"

static void write_mistakes(struct json_writer *json, const struct dry_run *dry_run) {
	json_begin_array(json, "mistakes");
	for (size_t i = 0; i < dry_run->count; i++) {
		const struct observation *observation = &dry_run->observations[i];
		if (observation->mistakes == 0)
			continue;
		json_begin_object(json, NULL);
		json_write_string(json, "hook", slice_from(observation->hook));
		json_write_string(json, "situation", slice_from(observation->case_name));
		json_write_string(json, "file", slice_from(observation->mistake.file));
		report_line(observation->mistake.line, json);
		json_write_string(json, "ending", slice_from(call_ending_name(observation->mistake.ending)));
		json_write_string(json, "message", slice_from(observation->mistake.message));
		json_end_object(json);
	}
	json_end_array(json);
}

static void write_hooks(struct json_writer *json, const struct inspection *inspection) {
	json_begin_object(json, "hooks");
	for (size_t i = 0; policy_hook_names[i]; i++) {
		struct inspection_use use = inspection_use(inspection, policy_hook_names[i]);
		json_begin_object(json, policy_hook_names[i]);
		json_write_boolean(json, "present", use.calls > 0);
		json_write_string(json, "on_error", use.refuses ? SLICE("refuse") : SLICE("default"));
		json_write_unsigned(json, "calls", use.calls);
		json_write_unsigned(json, "instructions", use.instructions);
		json_write_unsigned(json, "memory_bytes", use.peak_bytes);
		json_write_unsigned(json, "cpu_ns", use.cpu_ns);
		json_end_object(json);
	}
	json_end_object(json);
}

static void write_observation(struct json_writer *json, const struct observation *observation) {
	static const char *const deciders[] = {"nobody", "default", "policy", "on_error"};
	json_begin_object(json, NULL);
	json_write_string(json, "hook", slice_from(observation->hook));
	json_write_string(json, "situation", slice_from(observation->case_name));
	json_write_string(json, "decided_by", slice_from(deciders[observation->decided_by]));
	json_write_string(json, "words", buffer_slice(&observation->words));
	json_write_raw(json, "decision", buffer_slice(&observation->json));
	json_write_unsigned(json, "decisions", observation->decisions);
	json_write_unsigned(json, "calls", observation->calls);
	json_write_unsigned(json, "mistakes", observation->mistakes);
	json_write_unsigned(json, "instructions", observation->instructions);
	json_write_unsigned(json, "memory_bytes", observation->peak_bytes);
	json_write_unsigned(json, "cpu_ns", observation->cpu_ns);
	json_end_object(json);
}

static void write_limits(struct json_writer *json, const struct policy_limits *limits) {
	json_begin_object(json, "limits");
	json_write_unsigned(json, "instructions", limits->instructions);
	json_write_unsigned(json, "memory_bytes", limits->memory_bytes);
	json_end_object(json);
}

void inspection_write_json(const struct inspection *inspection, struct json_writer *json) {
	static const char *const kinds[] = {"policy", "settings", "unknown"};
	const struct dry_run *dry_run = &inspection->dry_run;
	json_begin_object(json, NULL);
	json_write_string(json, "file", slice_from(inspection->path));
	json_write_string(json, "kind", slice_from(kinds[inspection->kind]));
	json_write_boolean(json, "sound", inspection_is_sound(inspection));
	json_write_optional(json, "policy", slice_from(inspection->policy));
	json_write_unsigned(json, "models", inspection->model_count);
	write_limits(json, &inspection->limits);
	report_problems(&inspection->problems, "problems", json);
	write_mistakes(json, dry_run);
	report_problems(&inspection->warnings, "warnings", json);
	write_hooks(json, inspection);
	json_begin_array(json, "situations");
	for (size_t i = 0; i < dry_run->count; i++)
		write_observation(json, &dry_run->observations[i]);
	json_end_array(json);
	json_end_object(json);
}
