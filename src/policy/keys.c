// SPDX-License-Identifier: Apache-2.0
#include "policy/keys.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/memory.h"

#define LATER "nothing: not available in this version"
#define ON_ERROR "\"default\" or \"refuse\""
#define ONE_TIER "\"default\", \"flex\", \"priority\" or \"reserved\""
#define LADDER "\"priority\", \"reserved\" or a list of different tiers"

// A model's state takes 10 to 30 KB outside of the VM.
enum { MODELS_MAX = 4096 };

enum { TEXT_BYTES_MAX = 2048, FIELD_BYTES = 256, REGION_BYTES_MAX = 63 };

// A thousand million per minute, more than any account has.
#define QUOTA_MAX 1000000000

#define PRICE_MAX 1000000

static void read_models(const struct document *value, void *target, const struct schema_place *place) {
	if (value->kind != DOCUMENT_TABLE || value->entry_count || !value->item_count)
		schema_complain(place, "a list of at least one model", value);
	else if (value->item_count > MODELS_MAX)
		schema_complain(place, "at most 4096 models", value);
	else
		*(const struct document **)target = value;
}

static bool is_printable(struct slice text) {
	for (size_t i = 0; i < text.len; i++)
		if (text.ptr[i] < ' ' || text.ptr[i] > '~')
			return false;
	return text.len > 0 && text.len <= TEXT_BYTES_MAX;
}

// A string that is written to headers, addresses and logs.
static void read_text(const struct document *value, void *target, const struct schema_place *place) {
	char **text = target;
	if (value->kind != DOCUMENT_STRING || !is_printable(value->string)) {
		schema_complain(place, "a string of 1 to 2048 printable ASCII characters", value);
		return;
	}
	free(*text);
	*text = memory_string(value->string);
}

static bool is_region(struct slice text) {
	for (size_t i = 0; i < text.len; i++) {
		char byte = text.ptr[i];
		if (!((byte >= 'a' && byte <= 'z') || (byte >= '0' && byte <= '9') || byte == '-'))
			return false;
	}
	return text.len > 0 && text.len <= REGION_BYTES_MAX;
}

// A region becomes a part of a host name and of the signature's scope.
static void read_region(const struct document *value, void *target, const struct schema_place *place) {
	if (value->kind == DOCUMENT_STRING && is_region(value->string))
		read_text(value, target, place);
	else
		schema_complain(place, "a region such as \"us-east-1\"", value);
}

static void read_endpoint(const struct document *value, void *target, const struct schema_place *place) {
	bool is_url = value->kind == DOCUMENT_STRING &&
	              (slice_starts(value->string, SLICE("https://")) || slice_starts(value->string, SLICE("http://")));
	if (is_url && slice_find(value->string, ' ') == value->string.len)
		read_text(value, target, place);
	else
		schema_complain(place, "an address such as \"https://HOST\"", value);
}

static void read_serves(const struct document *value, void *target, const struct schema_place *place) {
	struct model *model = (struct model *)(void *)((char *)target - offsetof(struct model, serves));
	if (value->kind != DOCUMENT_TABLE || value->entry_count) {
		schema_complain(place, "a list of names or globs", value);
		return;
	}
	model->serves = memory_new(value->item_count, sizeof *model->serves);
	for (size_t i = 0; i < value->item_count; i++) {
		char field[FIELD_BYTES];
		snprintf(field, sizeof field, "%s[%zu]", place->field, i + 1);
		struct schema_place inner = {place->file, field, place->problems};
		char *name = NULL;
		read_text(&value->items[i], &name, &inner);
		if (name)
			model->serves[model->serves_count++] = name;
	}
}

static enum service_tier tier_of(const struct document *value) {
	return value->kind == DOCUMENT_STRING ? service_tier_find(value->string) : TIER_NONE;
}

static void read_tier(const struct document *value, void *target, const struct schema_place *place) {
	enum service_tier tier = tier_of(value);
	if (tier == TIER_NONE)
		schema_complain(place, ONE_TIER, value);
	else
		*(enum service_tier *)target = tier;
}

static bool has_rung(const struct tier_ladder *ladder, enum service_tier tier) {
	for (size_t i = 0; i < ladder->count; i++)
		if (ladder->rungs[i] == tier)
			return true;
	return false;
}

// A throttle at any other tier leads to a single tier; a list is climbed rung by rung.
static void read_ladder(const struct document *value, void *target, const struct schema_place *place) {
	struct tier_ladder ladder = {0};
	bool is_list = value->kind == DOCUMENT_TABLE && value->item_count && !value->entry_count;
	size_t count = is_list ? value->item_count : 1;
	for (size_t i = 0; i < count && i < TIER_RUNGS_MAX; i++) {
		enum service_tier tier = tier_of(is_list ? &value->items[i] : value);
		if (tier == TIER_NONE || has_rung(&ladder, tier))
			break;
		ladder.rungs[ladder.count++] = tier;
	}
	bool climbs = is_list || ladder.rungs[0] == TIER_PRIORITY || ladder.rungs[0] == TIER_RESERVED;
	if (ladder.count != count || !climbs)
		schema_complain(place, LADDER, value);
	else
		*(struct tier_ladder *)target = ladder;
}

static void read_on_error(const struct document *value, void *target, const struct schema_place *place) {
	bool is_word = value->kind == DOCUMENT_STRING;
	bool refuses = is_word && slice_equal(value->string, SLICE("refuse"));
	if (!refuses && !(is_word && slice_equal(value->string, SLICE("default"))))
		schema_complain(place, ON_ERROR, value);
	else
		*(bool *)target = refuses;
}

static void read_price(const struct document *value, void *target, const struct schema_place *place) {
	struct model *model = (struct model *)(void *)((char *)target - offsetof(struct model, price));
	model->is_priced = value->kind == DOCUMENT_TABLE;
	schema_read(price_keys, value, target, place);
}

// Tags stay in Lua; only their type is checked.
static void read_tags(const struct document *value, void *target, const struct schema_place *place) {
	(void)target;
	if (value->kind != DOCUMENT_TABLE)
		schema_complain(place, "a table", value);
}

#define INTEGER(key, object, member, low, high, standard, text)                                                        \
	{                                                                                                                  \
		.name = key, .type = SCHEMA_INTEGER, .offset = offsetof(object, member), .minimum = low, .maximum = high,      \
		.default_number = standard, .meaning = text                                                                    \
	}
#define HOOK(key, text)                                                                                                \
	{ .name = key, .type = SCHEMA_FUNCTION, .meaning = text }
#define ON_ERROR_KEY(key, text)                                                                                        \
	{                                                                                                                  \
		.name = #key, .type = SCHEMA_CUSTOM, .offset = offsetof(struct on_error, key), .parse = read_on_error,         \
		.expected = ON_ERROR, .meaning = text                                                                          \
	}
#define NUMBER(key, object, member, high, standard, text)                                                              \
	{                                                                                                                  \
		.name = key, .type = SCHEMA_NUMBER, .offset = offsetof(object, member), .maximum = high,                       \
		.default_number = standard, .meaning = text                                                                    \
	}
#define UNAVAILABLE(key, text)                                                                                         \
	{ .name = key, .type = SCHEMA_FUNCTION, .unavailable = LATER, .meaning = text }
#define CUSTOM(key, member, reader, what, text)                                                                        \
	{                                                                                                                  \
		.name = key, .type = SCHEMA_CUSTOM, .offset = offsetof(struct model, member), .parse = reader,                 \
		.expected = what, .meaning = text                                                                              \
	}

const struct schema_key breaker_keys[] = {
    INTEGER("failure_threshold", struct breaker_settings, failure_threshold, 1, 100, 5,
            "counted failures within the window that open it"),
    INTEGER("recovery_time_ms", struct breaker_settings, recovery_time_ms, 1000, 300000, 30000,
            "how long it stays open before it lets a probe through"),
    INTEGER("success_threshold", struct breaker_settings, success_threshold, 1, 20, 2,
            "successes in half-open that close it"),
    INTEGER("failure_window_ms", struct breaker_settings, failure_window_ms, 1000, 600000, 60000,
            "how long a failure counts"),
    INTEGER("half_open_probes", struct breaker_settings, half_open_probes, 1, 20, 1, "attempts at a time in half-open"),
    {0},
};

// The hooks that decide something about a request.
const struct schema_key on_error_keys[] = {
    ON_ERROR_KEY(select, "no model gets the request"),
    ON_ERROR_KEY(classify, "the failure ends the request"),
    ON_ERROR_KEY(accept, "the response is dropped"),
    ON_ERROR_KEY(prepare, "the request is not sent"),
    {0},
};

const struct schema_key quota_keys[] = {
    INTEGER("rpm", struct quota, requests_per_minute, 1, QUOTA_MAX, 0, "requests"),
    INTEGER("tpm", struct quota, tokens_per_minute, 1, QUOTA_MAX, 0, "tokens"),
    {0},
};

const struct schema_key price_keys[] = {
    NUMBER("input", struct price, input, PRICE_MAX, 0, "that the model reads"),
    NUMBER("output", struct price, output, PRICE_MAX, 0, "that it writes"),
    NUMBER("cache_read", struct price, cache_read, PRICE_MAX, 0, "read from its prompt cache"),
    NUMBER("cache_write", struct price, cache_write, PRICE_MAX, 0, "written to it"),
    {0},
};

const struct schema_key policy_keys[] = {
    {.name = "models",
     .type = SCHEMA_CUSTOM,
     .offset = offsetof(struct policy_settings, models),
     .required = true,
     .parse = read_models,
     .expected = "a list of at least one model",
     .meaning = "the pool, in order"},
    INTEGER("max_retries", struct policy_settings, limits.max_retries, 0, 10, 3,
            "changes of model and `retry` verdicts"),
    INTEGER("timeout_ms", struct policy_settings, limits.timeout_ms, 1000, 300000, 120000,
            "one attempt: unary to its last byte, streamed to its commit"),
    INTEGER("ttft_ms", struct policy_settings, limits.ttft_ms, 100, 300000, 30000, "a stream's first content"),
    INTEGER("stream_idle_ms", struct policy_settings, limits.stream_idle_ms, 1000, 600000, 120000,
            "between bytes after the commit"),
    {.name = "deadline_ms",
     .type = SCHEMA_INTEGER,
     .offset = offsetof(struct policy_settings, limits.deadline_ms),
     .minimum = 1000,
     .maximum = 600000,
     .meaning = "the whole request until its commit; absent is no deadline"},
    INTEGER("max_wait_ms", struct policy_settings, limits.max_wait_ms, 0, 60000, 0,
            "how long a request waits when no model is available"),
    {.name = "breaker",
     .type = SCHEMA_TABLE,
     .offset = offsetof(struct policy_settings, breaker),
     .keys = breaker_keys,
     .meaning = "the circuit breaker of each model"},
    HOOK("select", "chooses the model of the next attempt"),
    HOOK("classify", "says what a failed attempt means"),
    HOOK("accept", "judges a whole response"),
    HOOK("prepare", "edits a request before it is signed"),
    HOOK("finish", "is called at the end of a request"),
    HOOK("tick", "runs once a second in each worker"),
    {.name = "on_error",
     .type = SCHEMA_TABLE,
     .offset = offsetof(struct policy_settings, on_error),
     .keys = on_error_keys,
     .meaning = "whether the request is refused when a hook fails"},
    {.name = "tier_escalation",
     .type = SCHEMA_CUSTOM,
     .offset = offsetof(struct policy_settings, limits.tier_escalation),
     .parse = read_ladder,
     .expected = LADDER,
     .meaning = "the service tiers to try after a throttle"},
    NUMBER("hedge_budget", struct policy_settings, limits.hedge_budget, 1, 0.2,
           "hedges and `retry` verdicts, as a share of the requests of the last minute"),
    UNAVAILABLE("refusal", "refusal detection"),
    {0},
};

const struct schema_key model_keys[] = {
    {.name = "id",
     .type = SCHEMA_CUSTOM,
     .offset = offsetof(struct model, id),
     .required = true,
     .parse = read_text,
     .expected = "a string of 1 to 2048 printable ASCII characters",
     .meaning = "model id, inference profile or ARN"},
    CUSTOM("name", name, read_text, "a string of 1 to 2048 printable ASCII characters", "unique; the id where absent"),
    {.name = "weight",
     .type = SCHEMA_NUMBER,
     .offset = offsetof(struct model, weight),
     .minimum = 0,
     .maximum = 10000,
     .default_number = 1,
     .meaning = "its share of the traffic"},
    {.name = "fallback",
     .type = SCHEMA_BOOLEAN,
     .offset = offsetof(struct model, fallback),
     .meaning = "waits for the primaries to be out"},
    CUSTOM("serves", serves, read_serves, "a list of names or globs",
           "what clients may ask for; anything where absent"),
    CUSTOM("family", family, read_text, "a string of 1 to 2048 printable ASCII characters",
           "InvokeModel bodies are interchangeable within one"),
    CUSTOM("region", region, read_region, "a region such as \"us-east-1\"", "the settings' where absent"),
    CUSTOM("endpoint", endpoint, read_endpoint, "an address such as \"https://HOST\"", "the settings' where absent"),
    CUSTOM("credentials", credentials, read_text, "the name of a set", "a set in the settings; theirs where absent"),
    {.name = "breaker",
     .type = SCHEMA_TABLE,
     .offset = offsetof(struct model, breaker),
     .keys = breaker_keys,
     .meaning = "the policy's, key by key, where absent"},
    INTEGER("timeout_ms", struct model, timeout_ms, 1000, 300000, 120000, "the policy's where absent"),
    INTEGER("ttft_ms", struct model, ttft_ms, 100, 300000, 30000, "the policy's where absent"),
    {.name = "tags", .type = SCHEMA_CUSTOM, .parse = read_tags, .expected = "a table", .meaning = "the operator's own"},
    CUSTOM("tier", tier, read_tier, ONE_TIER, "the service tier to start at"),
    {.name = "quota",
     .type = SCHEMA_TABLE,
     .offset = offsetof(struct model, quota),
     .keys = quota_keys,
     .meaning = "what the account may send to it in any minute"},
    NUMBER("output_token_weight", struct model, quota.output_token_weight, 100, 1,
           "what an output token counts against the quota"),
    CUSTOM("price", price, read_price, "a table", "of a million tokens"),
    {0},
};
