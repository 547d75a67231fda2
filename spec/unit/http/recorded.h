// SPDX-License-Identifier: Apache-2.0
// The owner of an exchange in specs: records its events, checks their order, and stops the loop at the end.
#ifndef SPEC_NET_RECORDED_H
#define SPEC_NET_RECORDED_H

#include <dirent.h>
#include <stdlib.h>
#include <unistd.h>

#include "../check.h"
#include "../net/await.h"
#include "base/buffer.h"
#include "http/exchange.h"
#include "net/loop.h"

struct recorded {
	struct loop *loop;
	struct exchange *exchange;
	struct buffer body;
	int status;
	int failure; // -1: none
	int heads, ends, failures;
	size_t body_bytes;
	char note[64]; // the header of that name in the response
	// What to do, and when.
	enum { CANCEL_NEVER, CANCEL_ON_HEAD, CANCEL_ON_BODY, CANCEL_ON_END } cancel;
	bool pause_on_head;
	void (*on_over)(struct recorded *record); // instead of stopping the loop
	void *on_over_owner;
	int rounds; // for on_over
};

static inline void recorded_over(struct recorded *record) {
	if (record->on_over)
		record->on_over(record);
	else
		loop_stop(record->loop);
}

static inline void recorded_cancel(struct recorded *record) {
	exchange_cancel(record->exchange);
	recorded_over(record);
}

static inline void recorded_head(void *owner, int status, struct headers headers) {
	struct recorded *record = owner;
	const struct slice *note = headers_find(headers, SLICE("note"));
	CHECK_INT(record->heads + record->ends + record->failures, 0);
	record->heads++;
	record->status = status;
	if (note)
		snprintf(record->note, sizeof(record->note), "%.*s", SLICE_ARGS(*note));
	if (record->pause_on_head)
		exchange_pause(record->exchange);
	if (record->cancel == CANCEL_ON_HEAD)
		recorded_cancel(record);
}

static inline void recorded_body(void *owner, struct slice bytes) {
	struct recorded *record = owner;
	CHECK_INT(record->heads, 1);
	CHECK_INT(record->ends + record->failures, 0);
	CHECK(bytes.len > 0);
	record->body_bytes += bytes.len;
	if (record->body.len + bytes.len <= record->body.limit_bytes)
		buffer_append(&record->body, bytes);
	if (record->cancel == CANCEL_ON_BODY)
		recorded_cancel(record);
}

static inline void recorded_end(void *owner) {
	struct recorded *record = owner;
	CHECK_INT(record->heads, 1);
	CHECK_INT(record->ends + record->failures, 0);
	record->ends++;
	if (record->cancel == CANCEL_ON_END)
		exchange_cancel(record->exchange);
	record->exchange = NULL;
	recorded_over(record);
}

static inline void recorded_failed(void *owner, enum exchange_failure failure) {
	struct recorded *record = owner;
	CHECK_INT(record->ends + record->failures, 0);
	record->failures++;
	record->failure = (int)failure;
	record->exchange = NULL;
	recorded_over(record);
}

static const struct exchange_events recorded_events = {recorded_head, recorded_body, recorded_end, recorded_failed};

static inline void recorded_init(struct recorded *record, struct loop *loop) {
	*record = (struct recorded){.loop = loop, .failure = -1};
	buffer_init(&record->body, 4096);
}

static inline void recorded_start(struct recorded *record, struct upstream *upstream, const char *method,
                                  struct slice body) {
	static const struct header host = {{"host", 4}, {"spec.test", 9}};
	struct exchange_request request = {slice_from(method), SLICE("/path?query"), {&host, 1}, body};
	record->exchange = exchange_start(upstream, &request, &recorded_events, record);
	// No event is reported from within.
	CHECK_INT(record->heads + record->ends + record->failures, 0);
}

static inline void recorded_free(struct recorded *record) {
	buffer_free(&record->body);
}

static inline size_t open_descriptors(void) {
	size_t count = 0;
	DIR *directory = opendir("/proc/self/fd");
	while (readdir(directory))
		count++;
	closedir(directory);
	return count;
}

static const struct upstream_settings quick_settings = {
    .connect_ms = 5000, .pool_idle_ms = 60000, .header_bytes = 4096, .ca_file = NULL};

#endif
