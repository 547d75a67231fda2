// SPDX-License-Identifier: Apache-2.0
// Keeps the TLS handshakes of a worker's clients, or of its upstreams, to a share of its time. A handshake goes in
// steps, each of which answers what the other end has sent; what a step costs is the other end's choice and the
// certificate's. Steps beyond the share wait in order of arrival, and the loop serves all else in between.
#ifndef NET_HANDSHAKE_PACE_H
#define NET_HANDSHAKE_PACE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/list.h"
#include "net/loop.h"
#include "net/time_share.h"

// The burst is the longest that the loop's other sockets wait, but for the step that ends it. Of a worker's time,
// clients get two fifths: 500 whole handshakes a second with a key of RSA 2048 bits, on a busy machine too. Upstreams
// get more, since requests wait for them.
enum { HANDSHAKE_BURST_US = 4000, HANDSHAKE_US_PER_MS = 400, UPSTREAM_HANDSHAKE_US_PER_MS = 700 };

struct handshake_pace {
	struct loop *loop;
	struct time_share share;
	struct list waiting; // steps
	struct timer next;
	uint64_t (*used_ns)(void); // processor time of this thread; a spec's clock may stand in
	// Some step waits, or none any more; see handshake_pace_is_behind. NULL: nothing asks.
	loop_callback on_change;
	void *owner;
};

// One handshake's, in its socket.
struct handshake_step {
	struct handshake_pace *pace;
	struct list link;
	loop_callback go_on; // runs the step
	void *owner;
};

// `us_per_ms` of each millisecond may be used.
void handshake_pace_init(struct handshake_pace *pace, struct loop *loop, uint32_t us_per_ms, loop_callback on_change,
                         void *owner);
// No step may wait any more.
void handshake_pace_close(struct handshake_pace *pace);

// Whether steps wait.
bool handshake_pace_is_behind(const struct handshake_pace *pace);

void handshake_step_init(struct handshake_step *step, struct handshake_pace *pace, loop_callback go_on, void *owner);
// Calls `go_on` now, or from the loop when the step's turn comes.
void handshake_step_take(struct handshake_step *step);
// It waits: `go_on` will be called.
bool handshake_step_waits(const struct handshake_step *step);
// It doesn't wait any more.
void handshake_step_drop(struct handshake_step *step);

#endif
