// SPDX-License-Identifier: Apache-2.0
// The engine: the only place where routing, policy, AWS and HTTP meet. A door submits a call; the response arrives at
// the call's sink, from the model that routing chose. Doors hold no routing logic of their own.
#ifndef MUX_MUX_H
#define MUX_MUX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "aws/credentials.h"
#include "aws/operation.h"
#include "base/buffer.h"
#include "base/error.h"
#include "base/header.h"
#include "base/memory.h"
#include "base/problem.h"
#include "mux/engine_options.h"
#include "net/loop.h"
#include "policy/policy.h"
#include "route/decide.h"
#include "route/observer.h"
#include "route/state.h"

struct mux;         // one per process: settings, the running policy version, the models' states
struct mux_worker;  // one per thread: its connections and requests
struct mux_request; // one per call
struct history;     // see mux/history.h

enum { VERSION_HASH_BYTES = 65 }; // SHA-256 in hex, with its NUL

struct named_credentials_source {
	const char *name;
	struct credentials_source *source;
};

// The credentials to sign with: `own`, or for a model that names a set, that set.
struct credentials_sources {
	struct credentials_source *own;
	struct named_credentials_source *sets;
	size_t set_count;
};

// Copied by mux_new; what it points to is borrowed for the mux's life.
struct mux_settings {
	const struct engine_options *options; // its credentials are not used; these sources are:
	const struct credentials_sources *credentials;
	size_t workers;
	struct memory_meter *memory;       // charged with the memory of requests; may be NULL
	const struct observers *observers; // must be complete; may be NULL
	// Adds further problems of a policy before it is published. Called from any thread, one call at a time. May be
	// NULL.
	void (*check_policy)(void *owner, const struct policy *policy, struct problems *problems);
	void *check_owner;
};

// Loads the policy and resolves every model's endpoint and credentials. Returns 0 and *mux; or an error code, with *mux
// NULL and every mistake in `problems`.
int mux_new(const struct mux_settings *settings, struct problems *problems, struct mux **mux);
// Stops reloads first. All workers must have been freed. NULL is allowed.
void mux_free(struct mux *mux);

// Creates the worker of that index (below settings.workers), on its thread's loop, which is borrowed.
struct mux_worker *mux_worker_new(struct mux *mux, size_t index, struct loop *loop);
// The worker's requests must have ended, and its loop must not run any more.
void mux_worker_free(struct mux_worker *worker);
// The number of requests that have not ended.
size_t mux_worker_requests(const struct mux_worker *worker);

// The running policy, retained for the caller: release it with policy_release. From any thread.
struct policy *mux_policy(struct mux *mux);

// What to reload: the policy file, or a version that ran before.
struct mux_reload_order {
	uint64_t to; // the number of one of the last ten versions; 0: the file on disk
	// Reload only if the files differ from what was last read and from the running version. The reloader's thread calls
	// `stat` on each file first, which may take long on a network file system.
	bool if_changed;
	// Called first, on the reloader's thread, for what else is read from disk again; NULL: nothing.
	void (*also)(void *also_owner);
	void *also_owner;
};

// The result of a reload. A new version runs only if status is 0 and `is_new` is set.
struct mux_reloaded {
	int status; // 0; ERROR_NOT_FOUND: no such version; ERROR_BUSY: reloads have stopped; else rejected, see `problems`
	bool is_new;
	bool is_changing; // with if_changed: a file has just changed and may be half written, so nothing was read
	// Of the version that runs now:
	uint64_t version;
	size_t models;
	char hash[VERSION_HASH_BYTES];
	struct problems problems; // of the rejected policy
};

// `reloaded` is borrowed for the call.
typedef void (*mux_reload_done)(void *owner, const struct mux_reloaded *reloaded);

// Builds and validates a new version for all workers on a separate thread, then replaces the running version in one
// swap, or not at all. A request ends under the version that it began under. The last eight old versions keep their
// hooks; requests of older versions are decided by the defaults. Reloads run one at a time, in order. `done` is called
// once, either on `loop`, which must be the caller's and a worker's, or from within mux_end_reloads. Returns 0; or
// ERROR_BUSY if too many reloads wait or reloads have stopped, ERROR_LIMIT if no thread can be created: `done` is then
// not called.
int mux_reload(struct mux *mux, struct loop *loop, struct mux_reload_order order, mux_reload_done done, void *owner);
// Stops reloads: waits for the one that runs, and calls `done` of every reload that has not reported yet. Call it
// before the loops of reloads are closed. mux_free calls it too. NULL is allowed.
void mux_end_reloads(struct mux *mux);

// The running version, the versions before it (the last of `history` is the running one), and the problems of the
// policy on disk if it was rejected.
struct mux_policy_view {
	const struct policy *policy;
	const struct history *history;
	const struct problems *rejected;
};
typedef void (*mux_policy_viewer)(void *owner, const struct mux_policy_view *view);
// Calls `viewer` once before it returns, with the mux locked: `viewer` must not call the mux. From any thread.
void mux_view_policy(struct mux *mux, mux_policy_viewer viewer, void *owner);

// A client's request. Everything is borrowed until on_done or mux_cancel.
struct mux_call {
	struct slice request_id;
	enum operation operation;
	struct slice model; // as requested, percent-decoded; empty for an operation without a model
	// For operations without a model: method, raw path and raw query, which are passed on unchanged.
	struct slice method;
	struct slice path;
	struct slice query;
	struct headers headers; // the client's, in any case, without credentials; mux selects what is passed on
	struct slice body;
	struct slice caller; // empty: not authenticated
};

// The error that a failed call returns to its client. Borrowed for the call of on_done.
struct mux_error {
	enum error_type type;
	int status;
	struct slice exception; // "ThrottlingException"
	struct slice message;
	int64_t retry_after_ms; // -1: send none
	struct slice
	    code; // "NO_MODELS_AVAILABLE", "RETRIES_EXHAUSTED"; empty for an upstream's error after the verdict `fail`
	// An upstream's error that is passed on: its headers without hop-by-hop ones, and a body that SDKs can parse.
	bool from_upstream;
	struct headers headers;
	struct slice body;
};

// How a call ended, for the access log and the headers of the response.
struct mux_result {
	enum outcome outcome;
	bool failed;
	struct mux_error error; // of a call that failed before on_head
	struct slice model;     // name of the model that responded, or of the last attempt's; empty if there was none
	uint32_t attempts;
	int status;
	struct token_usage usage;
	uint64_t latency_ms;
	int64_t ttft_ms; // time to first token; -1 for unary responses
};

// The head of a response; its body follows.
struct mux_head {
	int status;
	struct headers headers; // the upstream's, without hop-by-hop ones and content-length
	int64_t content_length; // -1 for a stream
	struct slice model;
	uint32_t attempts;
};

// Receives a response. on_head and on_body are called for responses only. on_done is called exactly once, last; after
// mux_cancel nothing is called. No callback is called from within mux_submit. Arguments are borrowed for the call.
struct mux_sink {
	void (*on_head)(void *owner, const struct mux_head *head);
	// Returns false when the sink is full: on_body then pauses until mux_resume.
	bool (*on_body)(void *owner, struct slice bytes);
	void (*on_done)(void *owner, const struct mux_result *result);
};

// Starts a call. Never returns NULL; every failure arrives at on_done. A call without a model (guardrails, asynchronous
// invocations) is signed and sent once to the endpoint of the settings, without routing. The request is freed after
// on_done or mux_cancel.
struct mux_request *mux_submit(struct mux_worker *worker, const struct mux_call *call, const struct mux_sink *sink,
                               void *owner);
// Returns the number of attempts so far. *model is the name of the model whose response has begun, else of the last
// attempt's (borrowed until on_done or mux_cancel; empty if there was none).
uint32_t mux_progress(const struct mux_request *request, struct slice *model);
// The client has gone: cancels all attempts; the sink is not called any more.
void mux_cancel(struct mux_request *request);
// Ends the call now because the program is about to exit: a stream that has begun ends with an exception frame, any
// other call with the error of a gateway that shuts down. on_done is called from within this function, unless the call
// has ended already and its on_done is still to come.
void mux_stop(struct mux_request *request);
// The sink has room again: on_body continues.
void mux_resume(struct mux_request *request);

#endif
