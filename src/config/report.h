// SPDX-License-Identifier: Apache-2.0
// Reports of a pool and its policy, as JSON. Reads the models' states through route/state.h and changes nothing. Times
// are ISO 8601 in UTC with milliseconds, null where there is none; latencies are milliseconds; error rates are 0 to 1.
#ifndef CONFIG_REPORT_H
#define CONFIG_REPORT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/error.h"
#include "base/json_writer.h"
#include "base/problem.h"
#include "mux/mux.h"
#include "policy/policy.h"
#include "route/model.h"

// The two clocks at one moment. The models' states have monotonic times only.
struct report_time {
	uint64_t now_ms;
	int64_t wall_ms;
};

// {"status": "healthy", "unhealthy" or "draining", "code": status}. Returns the status: 200 for "healthy", else 503.
int report_health(bool is_healthy, bool is_draining, struct buffer *out);
// `policy` is the one that has the pool; NULL: the report is without its member.
void report_health_detail(const struct pool *pool, const struct policy *policy, struct report_time time,
                          struct buffer *out);
void report_statistics(const struct pool *pool, struct buffer *out);
void report_breakers(const struct pool *pool, struct report_time time, struct buffer *out);
// {NAME: {...}} of one model, in the form of report_breakers.
void report_breaker(const struct model *model, struct report_time time, struct buffer *out);

// The running version of the policy, its source, the mistakes of the one last rejected, and the versions before:
// {"version","hash","since","source","models","restores","errors","benched","history"}.
void report_policy(struct mux *mux, struct buffer *out);

// Writes [{"file","line","field","expected","found"}] under the key.
void report_problems(const struct problems *problems, const char *key, struct json_writer *json);

// Writes the member "line"; 0, an unknown line, is written as null.
void report_line(int line, struct json_writer *json);

// Whether a request could be sent to any model now: its breaker is not open, or due for a probe. A cooldown doesn't
// count: if all models are in cooldown, the request goes to the one whose cooldown ends first.
bool report_is_serving(const struct pool *pool, uint64_t now_ms);

#endif
