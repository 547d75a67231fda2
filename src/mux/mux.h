// SPDX-License-Identifier: Apache-2.0
// The engine: the only place where routing, policy, AWS and the network meet. A call goes in; an answer comes out at a
// sink, from whichever model gave it. The doors (gateway, library, ask) hold no routing logic of their own.
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
#include "base/memory_meter.h"
#include "base/problem.h"
#include "mux/engine_options.h"
#include "net/loop.h"
#include "policy/policy.h"
#include "route/decide.h"
#include "route/observer.h"
#include "route/state.h"

struct mux;        // one a process: settings, the running policy version, the models' states
struct mux_worker; // one a thread: its connections and requests
struct mux_request;
struct history; // see mux/history.h

enum { VERSION_HASH_BYTES = 65 }; // SHA-256 in hex, with its NUL

struct named_credentials_source {
	const char *name;
	struct credentials_source *source;
};

// Whom to sign as: `own`, or for a model that names one, one of the sets.
struct credentials_sources {
	struct credentials_source *own;
	struct named_credentials_source *sets;
	size_t set_count;
};

// Copied by mux_new; what it points to is borrowed for the mux's life.
struct mux_settings {
	const struct engine_options *options; // all but its credentials, which come as sources:
	const struct credentials_sources *credentials;
	size_t workers;
	struct memory_meter *memory;       // is charged with what requests hold here; may be NULL
	const struct observers *observers; // complete; may be NULL
	// Adds what else is wrong with a policy, before it is published; from any thread, one at a time. May be NULL.
	void (*check_policy)(void *owner, const struct policy *policy, struct problems *problems);
	void *check_owner;
};

// Loads the policy and resolves every model's endpoint and credentials. 0, or a status with every mistake in
// `problems`.
int mux_new(const struct mux_settings *settings, struct problems *problems, struct mux **mux);
// All workers must have been freed.
void mux_free(struct mux *mux);

// The worker of that index (below settings.workers), on its thread's loop.
struct mux_worker *mux_worker_new(struct mux *mux, size_t index, struct loop *loop);
// Its requests must have ended; its loop is not run any more.
void mux_worker_free(struct mux_worker *worker);
size_t mux_worker_requests(const struct mux_worker *worker);

// The running policy version; retained for the caller, release with policy_release. From any thread.
struct policy *mux_policy(struct mux *mux);

// What is to be reloaded: the policy from where it was read first, or a version that ran before.
struct mux_reload_order {
	uint64_t to; // one of the last ten versions that ran; 0: what is on disk
	// Only where disk says other than when it was last read, and other than what runs. A `stat` of each file comes
	// first, on the reloader's thread: it may take long where a file is on another machine.
	bool if_changed;
};

// What came of it. The running version is a new one only with status 0 and `is_new`.
struct mux_reloaded {
	int status; // 0; ERROR_NOT_FOUND: there is no such version; ERROR_BUSY: the mux ends; else: rejected, see problems
	bool is_new;
	bool is_changing; // of an order with if_changed: a file has just changed; nothing was read, it may be half written
	uint64_t version; // that runs now
	size_t models;
	char hash[VERSION_HASH_BYTES];
	struct problems problems;
};

// `reloaded` is borrowed for the call.
typedef void (*mux_reload_done)(void *owner, const struct mux_reloaded *reloaded);

// Builds and validates a new version on a thread of its own, for all workers, and puts it in the running one's place by
// one swap, or not at all. Requests end under the version that they began under; of those that are old the last eight
// are left as they are, requests of older ones are decided by the defaults. `done` is called once, on `loop`, which is
// a worker's and the caller's, or from within mux_end_reloads. Orders are carried out one after the other. 0; or
// ERROR_BUSY when too many wait, or ERROR_LIMIT when the system gives no thread: `done` is then not called.
int mux_reload(struct mux *mux, struct loop *loop, struct mux_reload_order order, mux_reload_done done, void *owner);
// No reload runs or is answered from here on. Before the loops of orders are closed; mux_free does it too.
void mux_end_reloads(struct mux *mux);

// The running version, the versions before it (the last of `history` is the running one), and what was wrong with the
// one last rejected.
struct mux_policy_view {
	const struct policy *policy;
	const struct history *history;
	const struct problems *rejected;
};
typedef void (*mux_policy_viewer)(void *owner, const struct mux_policy_view *view);
// Calls `viewer` once, from within, under the lock of reloads: it calls nothing of the mux. From any thread.
void mux_view_policy(struct mux *mux, mux_policy_viewer viewer, void *owner);

// What a client wants. Everything is borrowed until on_done.
struct mux_call {
	struct slice request_id;
	enum operation operation;
	struct slice model;  // as asked, decoded; empty for an operation that is on no model
	struct slice method; // for those: as sent, with the raw path and query, which pass unchanged
	struct slice path;
	struct slice query;
	struct headers headers; // the client's, lower or mixed case, credentials already removed; mux picks what goes up
	struct slice body;
	struct slice caller; // empty: nobody authenticated
};

// Why there is no answer, in the terms of the design's section 5. Borrowed for the call of on_done.
struct mux_error {
	enum error_type type;
	int status;
	struct slice exception; // "ThrottlingException"
	struct slice message;
	int64_t retry_after_ms; // -1: none is to be told
	struct slice code; // "NO_MODELS_AVAILABLE", "RETRIES_EXHAUSTED"; empty for an upstream's own error after `fail`
	// An upstream's error that is passed on as it was: its headers (hop-by-hop ones removed) and body, which SDKs can
	// parse.
	bool from_upstream;
	struct headers headers;
	struct slice body;
};

// How a call ended, for the access log and the headers of the answer.
struct mux_result {
	enum outcome outcome;
	bool failed;
	struct mux_error error; // when failed before any head went to the sink
	struct slice model;     // name of the model of the answer or of the last attempt; empty where there was none
	uint32_t attempts;
	int status;
	struct usage usage;
	uint64_t latency_ms;
	int64_t ttft_ms; // -1 for unary answers
};

// The head of an answer that will be followed by its body.
struct mux_head {
	int status;
	struct headers headers; // upstream's, hop-by-hop and content-length removed
	int64_t content_length; // -1 for a stream
	struct slice model;
	uint32_t attempts;
};

// Where an answer goes. on_head and on_body come for answers only; on_done comes exactly once and last, but never after
// mux_cancel. None is called from within mux_submit.
struct mux_sink {
	void (*on_head)(void *owner, const struct mux_head *head);
	// False when the sink is full: nothing more comes until mux_resume. Bytes are borrowed for the call.
	bool (*on_body)(void *owner, struct slice bytes);
	void (*on_done)(void *owner, const struct mux_result *result);
};

// Starts a call. Never NULL; every failure arrives at on_done. A call that is on no model (guardrails, asynchronous
// invocations) is signed and passed through to the settings' own endpoint, once, unrouted.
struct mux_request *mux_submit(struct mux_worker *worker, const struct mux_call *call, const struct mux_sink *sink,
                               void *owner);
// How far the call has come: the number of its attempts until now, and the name of the model of the answer that has
// begun or of the last attempt (borrowed until on_done or mux_cancel; empty where there was none).
uint32_t mux_progress(const struct mux_request *request, struct slice *model);
// The client has gone: attempts are cancelled, the sink hears nothing more.
void mux_cancel(struct mux_request *request);
// Ends the call now, because the program is about to end: a stream that has begun ends with an exception frame, any
// other call with the failure of a gateway that shuts down. on_done comes as ever, from within this call at the latest,
// unless it is on its way already.
void mux_stop(struct mux_request *request);
// The sink has room again.
void mux_resume(struct mux_request *request);

#endif
