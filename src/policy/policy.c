// SPDX-License-Identifier: Apache-2.0
// Builds a version: the sources, a VM for each worker, the pool from the first VM's table, hooks and views in each VM.
// The tables of the other VMs have to equal the first one's.
#include "policy/policy.h"

#include <assert.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/memory.h"
#include "base/problem.h"
#include "policy/builtins.h"
#include "policy/hooks.h"
#include "policy/validate.h"
#include "policy/view.h"
#include "sandbox/document_lines.h"
#include "sandbox/script.h"
#include "sandbox/sources.h"
#include "sandbox/table_file.h"

#define BUILT_IN "policies/weighted.lua"

struct policy {
	atomic_size_t references;
	struct sources *sources;
	struct pool pool;
	struct hooks *hooks; // one for each worker
	size_t workers;      // those that are open
};

static void close_policy(struct policy *policy) {
	for (size_t i = 0; i < policy->workers; i++)
		hooks_close(&policy->hooks[i]);
	free(policy->hooks);
	pool_free(&policy->pool);
	sources_release(policy->sources);
	free(policy);
}

struct load {
	struct policy *policy;
	const struct policy_limits *limits;
	const struct policy_host *host;
	struct problems *problems;
	struct script script;
	struct document first; // what the first worker's script returned
};

// The first worker's table becomes the pool; later ones are compared with it.
static int read_result(struct load *load, struct vm *vm) {
	const char *file = load->script.path;
	struct document document;
	int rc = document_from_script(vm, file, "tags", load->problems, &document);
	if (rc)
		return rc;
	if (load->policy->workers == 0) {
		document_place_lines(load->script.text.bytes, &document);
		load->first = document;
		return validate_policy(&document, file, load->host->registry, load->problems, &load->policy->pool);
	}
	bool same = document_equal(&load->first, &document);
	document_free(&document);
	if (same)
		return 0;
	problems_add(load->problems, file, 0, NULL, "a table that is the same each time the file is run", "another one");
	return ERROR_INVALID;
}

static int load_worker(struct load *load) {
	struct policy *policy = load->policy;
	struct vm *vm;
	int rc = script_run(&load->script, load->limits->memory_bytes, load->problems, &vm);
	if (rc)
		return rc;
	rc = read_result(load, vm);
	if (rc) {
		vm_close(vm);
		return rc;
	}
	struct hooks *hooks = &policy->hooks[policy->workers++];
	return hooks_open(hooks, vm, &policy->pool, load->host, load->limits, load->script.path, load->problems);
}

int policy_build(struct sources *sources, const struct policy_limits *limits, size_t workers,
                 const struct policy_host *host, struct problems *problems, struct policy **policy) {
	struct policy *built = memory_new(1, sizeof *built);
	struct load load = {.policy = built, .limits = limits, .host = host, .problems = problems};
	assert(workers > 0);
	atomic_init(&built->references, 1);
	built->hooks = memory_new(workers, sizeof *built->hooks);
	built->sources = sources;
	sources_retain(sources);
	int rc = script_read(&load.script, sources->main_path, BUILT_IN, sources, problems);
	load.script.additions = (struct sandbox_additions){model_list_ipairs, builtins_push};
	load.script.host = host->shared;
	load.script.clock = host->clock;
	load.script.now_ms = host->now_ms;
	while (rc == 0 && built->workers < workers)
		rc = load_worker(&load);
	sources_close(sources);
	document_free(&load.first);
	if (rc) {
		close_policy(built);
		*policy = NULL;
		return rc;
	}
	*policy = built;
	return 0;
}

int policy_load(const char *path, const struct policy_limits *limits, size_t workers, const struct policy_host *host,
                struct problems *problems, struct policy **policy) {
	struct sources *sources = sources_new(path);
	int rc = policy_build(sources, limits, workers, host, problems, policy);
	sources_release(sources);
	return rc;
}

void policy_retain(struct policy *policy) {
	atomic_fetch_add_explicit(&policy->references, 1, memory_order_relaxed);
}

void policy_release(struct policy *policy) {
	if (policy && atomic_fetch_sub_explicit(&policy->references, 1, memory_order_acq_rel) == 1)
		close_policy(policy);
}

const struct pool *policy_pool(const struct policy *policy) {
	return &policy->pool;
}

const struct decide *policy_decide(struct policy *policy, size_t worker) {
	return &policy->hooks[worker].decide;
}

void policy_set_observers(struct policy *policy, const struct observers *observers) {
	for (size_t i = 0; i < policy->workers; i++)
		policy->hooks[i].observers = observers;
}

void policy_on_call(struct policy *policy, size_t worker, policy_call_callback on_call, void *owner) {
	policy->hooks[worker].on_call = on_call;
	policy->hooks[worker].call_owner = owner;
}

void policy_count_exactly(struct policy *policy, size_t worker, bool exactly) {
	vm_count_exactly(policy->hooks[worker].vm, exactly);
}

bool policy_has_tick(const struct policy *policy) {
	return hooks_has(&policy->hooks[0], HOOK_TICK);
}

bool policy_sees_requests(const struct policy *policy) {
	for (enum hook_kind kind = 0; kind < HOOK_KINDS; kind++)
		if (kind != HOOK_TICK && hooks_has(&policy->hooks[0], kind))
			return true;
	return false;
}

void policy_tick(struct policy *policy, size_t worker, uint64_t now_ms) {
	hooks_tick(&policy->hooks[worker], now_ms);
}

void policy_retire(struct policy *policy) {
	for (size_t i = 0; i < policy->workers; i++)
		hooks_retire(&policy->hooks[i]);
}

struct sources *policy_sources(const struct policy *policy) {
	return policy->sources;
}

static bool has_name(const char *name, const char *const *names, size_t count) {
	for (size_t i = 0; i < count; i++)
		if (strcmp(names[i], name) == 0)
			return true;
	return false;
}

size_t policy_disabled(const struct policy *policy, const char *names[POLICY_HOOKS_MAX]) {
	size_t count = 0;
	for (size_t w = 0; w < policy->workers; w++) {
		const struct hook *hook;
		for (size_t i = 0; (hook = hooks_at(&policy->hooks[w], i)) != NULL; i++)
			if (hook->disabled && !has_name(hook->name, names, count))
				names[count++] = hook->name;
	}
	return count;
}

size_t policy_refusing(const struct policy *policy, const char *names[POLICY_HOOKS_MAX]) {
	const struct hook *hook;
	size_t count = 0;
	for (size_t i = 0; (hook = hooks_at(&policy->hooks[0], i)) != NULL; i++)
		if (hook->refuses)
			names[count++] = hook->name;
	return count;
}

const char *policy_source(const struct policy *policy) {
	return policy->sources->main_path ? policy->sources->main_path : "built-in";
}
