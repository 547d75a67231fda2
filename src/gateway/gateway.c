// SPDX-License-Identifier: Apache-2.0
// Everything is created on the caller's thread, which later runs the first worker. The other workers' threads wait at a
// gate until nothing can fail any more. From then on a worker's state belongs to its thread, and threads communicate
// through loop_post.
#include "gateway/gateway.h"

#include <assert.h>
#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"
#include "base/memory.h"
#include "base/problem.h"
#include "base/random.h"
#include "config/credentials_config.h"
#include "gateway/admin.h"
#include "gateway/event_log.h"
#include "gateway/file_exposure.h"
#include "gateway/notify.h"
#include "gateway/reload.h"
#include "gateway/worker.h"
#include "net/client_places.h"
#include "http/server.h"
#include "mux/mux.h"
#include "net/connect.h"
#include "net/descriptor_limit.h"
#include "net/loop.h"
#include "net/tls_server.h"

enum { INSTANCE_BYTES = 17 };

// What the workers share is immutable once they run, except the mux, the meter and the clients' places, which lock for
// themselves. `finished` belongs to the first worker's thread.
struct gateway {
	const struct settings *settings;
	struct credentials_sources sources;
	struct mux *mux;
	struct tls_server *tls;     // of the data listeners; NULL: without TLS
	struct memory_meter memory; // of all requests
	struct client_places *clients;
	struct observers observers;
	struct worker_plan plan;
	struct worker *workers;
	size_t worker_count;
	size_t connections;    // of clients: limits.connections, or fewer for lack of descriptors
	int descriptors_below; // the others are kept back for upstreams
	size_t finished;
	struct admin admin;
	atomic_bool is_draining; // set once, on the first worker's thread; every listener's /health reports it
	struct reload reload;    // on the first worker's loop, as admin is
	pthread_mutex_t gate;    // held by the caller's thread until gateway_run, or until the start fails
	bool is_gate_closed;
	bool may_run;
	char instance[INSTANCE_BYTES];
};

// The server's message names the address.
static void add_listener_problem(struct problems *problems, const char *field, const char *message) {
	problems_add(problems, NULL, 0, field, NULL, message);
}

static void log_listener(const char *role, const char *address, const char *scheme) {
	log_entry(LOG_INFO, "listening", LOG_C("surface", role), LOG_C("address", address), LOG_C("scheme", scheme));
}

// The first worker's listeners; where the system picks the port, the other workers take the same one.
static void listen_first(struct gateway *gateway, struct problems *problems) {
	const struct address_list *listen = &gateway->settings->listen;
	bool shared = gateway->worker_count > 1;
	const char *message = NULL;
	for (size_t i = 0; i < listen->count; i++) {
		const char *address = listen->list[i];
		int rc = shared ? server_probe(address, &message) : 0;
		if (rc == 0)
			rc = server_listen_tls(gateway->workers[0].data_listener.server, address, shared, gateway->tls, &message);
		if (rc)
			add_listener_problem(problems, "listen", message);
	}
	if (server_listen(gateway->admin.server, gateway->settings->admin, false, &message) != 0)
		add_listener_problem(problems, "admin", message);
}

// Stops at the first worker that fails: the rest would fail in the same way.
static void listen_others(struct gateway *gateway, struct problems *problems) {
	const struct address_list *listen = &gateway->settings->listen;
	const char *message = NULL;
	size_t before = problems->count;
	for (size_t w = 1; w < gateway->worker_count && problems->count == before; w++)
		for (size_t i = 0; i < listen->count; i++) {
			const char *address = server_address(gateway->workers[0].data_listener.server, i);
			if (server_listen_tls(gateway->workers[w].data_listener.server, address, true, gateway->tls, &message) != 0)
				add_listener_problem(problems, "listen", message);
		}
}

static void log_listeners(const struct gateway *gateway) {
	for (size_t i = 0; i < gateway->settings->listen.count; i++)
		log_listener("data", server_address(gateway->workers[0].data_listener.server, i),
		             gateway->tls ? "https" : "http");
	log_listener("admin", server_address(gateway->admin.server, 0), "http");
}

// Checks each policy before it runs; from any thread.
static void refuse_loops(void *owner, const struct policy *policy, struct problems *problems) {
	const struct gateway *gateway = owner;
	const struct pool *pool = policy_pool(policy);
	for (size_t i = 0; i < pool->count; i++) {
		char field[64];
		snprintf(field, sizeof field, "models[%zu].endpoint", i + 1);
		settings_refuse_own_endpoint(gateway->settings, policy_source(policy), pool->models[i].line, field,
		                             pool->models[i].endpoint, problems);
	}
}

static void make_instance(char text[INSTANCE_BYTES]) {
	struct random_source random;
	random_init_from_system(&random);
	snprintf(text, INSTANCE_BYTES, "%016" PRIx64, random_next(&random));
}

static void read_certificate(struct gateway *gateway, struct problems *problems) {
	const struct settings *settings = gateway->settings;
	const char *message;
	if (settings->tls.cert && tls_server_new(settings->tls.cert, settings->tls.key, &gateway->tls, &message) != 0)
		problems_add(problems, NULL, 0, "tls", NULL, message);
}

// Credentials, policy and models: all that needs no listener.
static int start_engine(struct gateway *gateway, const struct environment *environment, struct problems *problems) {
	const struct engine_options *options = &gateway->settings->engine;
	struct mux_settings mux_settings = {
	    .options = options,
	    .credentials = &gateway->sources,
	    .workers = gateway->worker_count,
	    .memory = &gateway->memory,
	    .observers = &gateway->observers,
	    .check_policy = refuse_loops,
	    .check_owner = gateway,
	};
	observers_add(&gateway->observers, event_log_observer());
	size_t before = problems->count;
	credentials_sources_init(&gateway->sources, options, environment, problems);
	const char *proxy = connect_proxy_problem(options->proxy);
	if (proxy)
		problems_add(problems, NULL, 0, NULL, NULL, proxy);
	read_certificate(gateway, problems);
	settings_refuse_loop(gateway->settings, problems);
	int rc = mux_new(&mux_settings, problems, &gateway->mux);
	if (rc)
		return rc;
	return problems->count == before ? 0 : ERROR_INVALID;
}

int gateway_check(const struct settings *settings, const struct environment *environment, struct problems *problems) {
	struct gateway gateway = {.settings = settings, .worker_count = (size_t)settings->workers};
	memory_meter_init(&gateway.memory, settings->limits.memory_bytes);
	int rc = start_engine(&gateway, environment, problems);
	mux_free(gateway.mux);
	tls_server_free(gateway.tls);
	credentials_sources_free(&gateway.sources);
	return rc;
}

// On the first worker's thread.
static void count_finished(void *owner) {
	struct gateway *gateway = owner;
	if (++gateway->finished < gateway->worker_count)
		return;
	admin_close(&gateway->admin);
	for (size_t i = 0; i < gateway->worker_count; i++)
		loop_stop(gateway->workers[i].loop);
}

// On any worker's thread.
static void on_worker_finished(void *owner) {
	struct gateway *gateway = owner;
	loop_post(gateway->workers[0].loop, count_finished, gateway);
}

// Holds limits.connections against the process's limit of descriptors.
static int divide_descriptors(struct gateway *gateway, struct problems *problems) {
	size_t limit = descriptor_limit_raise(), wanted = (size_t)gateway->settings->limits.connections;
	struct descriptor_shares shares = descriptor_limit_divide(limit, gateway->worker_count);
	if (shares.clients == 0) {
		char expected[96], found[48];
		snprintf(expected, sizeof expected, "more descriptors for %zu workers and %zu connections",
		         gateway->worker_count, wanted);
		snprintf(found, sizeof found, "a limit of %zu (ulimit -n)", limit);
		problems_add(problems, NULL, 0, "limits.connections", expected, found);
		return ERROR_LIMIT;
	}
	gateway->connections = wanted < shares.clients ? wanted : shares.clients;
	gateway->descriptors_below = (int)(limit - shares.upstream);
	if (wanted > shares.clients)
		log_entry(LOG_WARN, "the limit of descriptors (ulimit -n) is too low for limits.connections",
		          LOG_N("connections", wanted), LOG_N("descriptors", limit), LOG_N("accepted", shares.clients),
		          LOG_N("kept_back", shares.upstream));
	return 0;
}

static int start_all(struct gateway *gateway, const struct environment *environment, struct problems *problems) {
	struct server_timeouts timeouts = settings_server_timeouts(gateway->settings);
	int rc = start_engine(gateway, environment, problems);
	if (rc)
		return rc;
	gateway->plan = (struct worker_plan){
	    .settings = gateway->settings,
	    .mux = gateway->mux,
	    .count = gateway->worker_count,
	    .connections = gateway->connections,
	    .descriptors_below = gateway->descriptors_below,
	    .instance = gateway->instance,
	    .memory = &gateway->memory,
	    .clients = gateway->clients,
	    .is_draining = &gateway->is_draining,
	    .on_finished = on_worker_finished,
	    .owner = gateway,
	};
	size_t before = problems->count;
	for (size_t i = 0; i < gateway->worker_count; i++) {
		rc = worker_init(&gateway->workers[i], &gateway->plan, i);
		if (rc) {
			problems_add(problems, NULL, 0, "workers", NULL, "no event loop could be made");
			return rc;
		}
	}
	admin_init(&gateway->admin, gateway->workers[0].loop, gateway->mux, &gateway->observers, &gateway->reload,
	           &gateway->is_draining, &gateway->settings->allowed_hosts, &timeouts);
	listen_first(gateway, problems);
	if (problems->count == before)
		listen_others(gateway, problems);
	return problems->count == before ? 0 : ERROR_INVALID;
}

// On the first worker's thread.
static void on_end_signal(void *owner) {
	struct gateway *gateway = owner;
	if (!atomic_exchange(&gateway->is_draining, true)) {
		log_entry(LOG_INFO, "draining", LOG_N("milliseconds", gateway->settings->timeouts.drain_ms));
		notify_send(gateway->settings->notify_socket, "STOPPING=1");
		// An inherited admin socket is taken over by the next process; our own keeps reporting the drain.
		if (server_is_adopted(gateway->admin.server, 0))
			server_drain(gateway->admin.server, NULL, NULL);
	}
	for (size_t i = 0; i < gateway->worker_count; i++)
		loop_post(gateway->workers[i].loop, worker_drain, &gateway->workers[i]);
}

// At SIGHUP, on the thread of reloads: a disk may take its time.
static void renew_certificate(void *owner) {
	struct gateway *gateway = owner;
	const char *message;
	if (!gateway->tls)
		return;
	if (tls_server_reload(gateway->tls, &message) == 0)
		log_entry(LOG_INFO, "certificate read again", LOG_C("file", gateway->settings->tls.cert));
	else
		log_entry(LOG_ERROR, "the certificate stays as it was", LOG_C("cause", message));
}

// On the first worker's thread.
static void on_reload_signal(void *owner) {
	struct gateway *gateway = owner;
	reload_now(&gateway->reload);
}

// Called before the log announces the listeners: a signal may follow at once.
static void handle_signals(struct gateway *gateway) {
	struct loop *first = gateway->workers[0].loop;
	loop_on_signal(first, SIGHUP, on_reload_signal, gateway);
	loop_on_signal(first, SIGTERM, on_end_signal, gateway);
	loop_on_signal(first, SIGINT, on_end_signal, gateway);
}

static void *run_worker(void *owner) {
	struct worker *worker = owner;
	struct gateway *gateway = worker->plan->owner;
	pthread_mutex_lock(&gateway->gate);
	bool may_run = gateway->may_run;
	pthread_mutex_unlock(&gateway->gate);
	if (may_run)
		loop_run(worker->loop);
	return NULL;
}

static void open_gate(struct gateway *gateway, bool may_run) {
	gateway->may_run = may_run;
	if (gateway->is_gate_closed)
		pthread_mutex_unlock(&gateway->gate);
	gateway->is_gate_closed = false;
}

static void join_threads(struct gateway *gateway) {
	for (size_t i = 1; i < gateway->worker_count; i++) {
		if (gateway->workers[i].has_thread)
			pthread_join(gateway->workers[i].thread, NULL);
		gateway->workers[i].has_thread = false;
	}
}

static int start_threads(struct gateway *gateway, struct problems *problems) {
	pthread_mutex_lock(&gateway->gate);
	gateway->is_gate_closed = true;
	for (size_t i = 1; i < gateway->worker_count; i++) {
		struct worker *worker = &gateway->workers[i];
		worker->has_thread = pthread_create(&worker->thread, NULL, run_worker, worker) == 0;
		if (!worker->has_thread) {
			problems_add(problems, NULL, 0, "workers", NULL, "the system gives no more threads");
			return ERROR_LIMIT;
		}
	}
	return 0;
}

// All processes of this machine share its loopback address: by default that is no client.
static struct client_places *count_clients(const struct gateway *gateway) {
	size_t connections = gateway->connections, each = (size_t)gateway->settings->limits.connections_per_client;
	if (each)
		return client_places_new(each, each, connections);
	return client_places_new((connections + 3) / 4, SIZE_MAX, connections);
}

int gateway_start(const struct settings *settings, const struct environment *environment, struct problems *problems,
                  struct gateway **out) {
	struct gateway *gateway = memory_new(1, sizeof *gateway);
	gateway->settings = settings;
	gateway->worker_count = (size_t)settings->workers;
	gateway->workers = memory_new(gateway->worker_count, sizeof *gateway->workers);
	pthread_mutex_init(&gateway->gate, NULL);
	memory_meter_init(&gateway->memory, settings->limits.memory_bytes);
	make_instance(gateway->instance);
	int rc = divide_descriptors(gateway, problems);
	gateway->clients = count_clients(gateway);
	if (rc == 0)
		rc = start_all(gateway, environment, problems);
	if (rc == 0)
		rc = start_threads(gateway, problems);
	if (rc) {
		gateway_free(gateway);
		gateway = NULL;
	} else {
		reload_init(&gateway->reload, gateway->workers[0].loop, gateway->mux, renew_certificate, gateway);
		handle_signals(gateway);
		file_exposure_warn(gateway->settings);
		log_listeners(gateway);
	}
	*out = gateway;
	return rc;
}

void gateway_run(struct gateway *gateway) {
	open_gate(gateway, true);
	notify_send(gateway->settings->notify_socket, "READY=1");
	loop_run(gateway->workers[0].loop);
	join_threads(gateway);
	log_entry(LOG_INFO, "stopped", LOG_N("workers", gateway->worker_count));
}

void gateway_free(struct gateway *gateway) {
	if (!gateway)
		return;
	open_gate(gateway, false);
	join_threads(gateway);
	mux_end_reloads(gateway->mux);
	reload_close(&gateway->reload);
	admin_close(&gateway->admin);
	for (size_t i = 0; i < gateway->worker_count; i++)
		worker_free(&gateway->workers[i]);
	mux_free(gateway->mux);
	assert(memory_meter_held(&gateway->memory) == 0);
	client_places_free(gateway->clients);
	tls_server_free(gateway->tls);
	credentials_sources_free(&gateway->sources);
	pthread_mutex_destroy(&gateway->gate);
	free(gateway->workers);
	free(gateway);
}
