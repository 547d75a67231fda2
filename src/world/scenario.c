// SPDX-License-Identifier: Apache-2.0
// Defines a scenario's keys and reads them. The parsers here check what schema ranges can't express (p99 on the right
// side of p50, spans in order). An invalid value leaves the default in place, and the whole scenario is refused.
#include "world/scenario.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/problem.h"
#include "world/tier.h"

enum { TEXT_BYTES = 256, MODELS_MAX = 10000, ID_BYTES_MAX = 2048 };

#define DURATION_MAX_MS 1e12
#define SEED_MAX 9007199254740992.0 // beyond it doubles skip whole numbers
#define TOKENS_MAX 1e7

static const struct span input_tokens_default = {500, 2000};
static const struct span output_tokens_default = {100, 800};

static bool read_whole(const struct document *value, double maximum, uint64_t *number) {
	if (value->kind != DOCUMENT_NUMBER || !(value->number >= 1 && value->number <= maximum) ||
	    value->number != (double)(uint64_t)value->number)
		return false;
	*number = (uint64_t)value->number;
	return true;
}

static void parse_span(const struct document *value, void *target, const struct schema_place *place) {
	struct span span;
	if (value->kind == DOCUMENT_TABLE && value->item_count == 2 && value->entry_count == 0 &&
	    read_whole(&value->items[0], TOKENS_MAX, &span.from) && read_whole(&value->items[1], TOKENS_MAX, &span.to) &&
	    span.from <= span.to)
		*(struct span *)target = span;
	else
		schema_complain(place, "{ FEWEST, MOST }, whole numbers from 1 to 10000000", value);
}

static const struct schema_key quantile_keys[] = {
    {.name = "p50",
     .type = SCHEMA_NUMBER,
     .offset = offsetof(struct quantiles, p50),
     .required = true,
     .maximum = 1e9,
     .expected = "the median",
     .meaning = "the median"},
    {.name = "p99",
     .type = SCHEMA_NUMBER,
     .offset = offsetof(struct quantiles, p99),
     .required = true,
     .maximum = 1e9,
     .expected = "the 99th percentile",
     .meaning = "99 of 100 are no worse"},
    {0},
};

static void parse_ttft(const struct document *value, void *target, const struct schema_place *place) {
	struct quantiles read = *(struct quantiles *)target;
	size_t before = place->problems->count + place->problems->dropped;
	schema_read(quantile_keys, value, &read, place);
	if (place->problems->count + place->problems->dropped > before)
		return;
	if (read.p99 < read.p50 || (read.p50 <= 0 && read.p99 > 0))
		schema_complain(place, "p99 not below p50, and both above 0 or both 0", value);
	else
		*(struct quantiles *)target = read;
}

static void parse_speed(const struct document *value, void *target, const struct schema_place *place) {
	struct quantiles read = *(struct quantiles *)target;
	size_t before = place->problems->count + place->problems->dropped;
	schema_read(quantile_keys, value, &read, place);
	if (place->problems->count + place->problems->dropped > before)
		return;
	if (read.p99 > read.p50 || read.p99 <= 0)
		schema_complain(place, "p99, the slow end, above 0 and not above p50", value);
	else
		*(struct quantiles *)target = read;
}

static const struct schema_key quota_keys[] = {
    {.name = "rpm",
     .type = SCHEMA_INTEGER,
     .offset = offsetof(struct scenario_quota, rpm),
     .minimum = 1,
     .maximum = 1e9,
     .meaning = "requests a minute; beyond them 429 ThrottlingException"},
    {.name = "tpm",
     .type = SCHEMA_INTEGER,
     .offset = offsetof(struct scenario_quota, tpm),
     .minimum = 1,
     .maximum = 1e12,
     .meaning = "tokens a minute, of input and output"},
    {0},
};

static const struct schema_key prompt_cache_keys[] = {
    {.name = "ttl_ms",
     .type = SCHEMA_INTEGER,
     .offset = offsetof(struct scenario_prompt_cache, ttl_ms),
     .maximum = 1e9,
     .meaning = "how long a prompt's beginning is kept after its last use; 0 is not at all"},
    {.name = "ttft_share",
     .type = SCHEMA_NUMBER,
     .offset = offsetof(struct scenario_prompt_cache, ttft_share),
     .maximum = 1,
     .default_number = 0.2,
     .meaning = "what is left of the time to the first token when the beginning is known"},
    {0},
};

#define FIELD(name) offsetof(struct scenario_model, name)
static const struct schema_key model_keys[] = {
    {.name = "ttft_ms",
     .type = SCHEMA_CUSTOM,
     .offset = FIELD(ttft_ms),
     .parse = parse_ttft,
     .expected = "{ p50 = MS, p99 = MS }",
     .meaning = "time to the first token, log-normal through both points"},
    {.name = "tokens_per_second",
     .type = SCHEMA_CUSTOM,
     .offset = FIELD(tokens_per_second),
     .parse = parse_speed,
     .expected = "{ p50 = SPEED, p99 = SPEED }",
     .meaning = "speed of the output, log-normal through both points; p99 is the slow end"},
    {.name = "concurrency",
     .type = SCHEMA_INTEGER,
     .offset = FIELD(concurrency),
     .minimum = 1,
     .maximum = 1e6,
     .meaning = "requests served at once, more wait in a queue; without it, any number"},
    {.name = "quota",
     .type = SCHEMA_TABLE,
     .offset = FIELD(quota),
     .keys = quota_keys,
     .meaning = "what is let in within a minute"},
    {.name = "prompt_cache",
     .type = SCHEMA_TABLE,
     .offset = FIELD(prompt_cache),
     .keys = prompt_cache_keys,
     .meaning = "keeps system prompt and tools of requests with a cache point"},
    {.name = "refusal_share",
     .type = SCHEMA_NUMBER,
     .offset = FIELD(refusal_share),
     .maximum = 1,
     .meaning = "share of the responses in which the model declines"},
    {.name = "tiers",
     .type = SCHEMA_CUSTOM,
     .offset = FIELD(tiers),
     .parse = tier_bits_parse,
     .expected = "a service tier or a list of them",
     .meaning = "the service tiers that it has; requests at others are invalid"},
    {.name = "faults",
     .type = SCHEMA_CUSTOM,
     .offset = FIELD(faults),
     .parse = scenario_faults_parse,
     .expected = "a list of faults",
     .meaning = "what goes wrong, and when"},
    {0},
};
#undef FIELD

static void model_init(struct scenario_model *model, struct slice id, const char *const *exception_names) {
	*model = (struct scenario_model){
	    .id = memory_string(id),
	    .ttft_ms = {300, 1200},
	    .tokens_per_second = {80, 30},
	    .faults = {.exception_names = exception_names},
	};
	schema_defaults(model_keys, model);
}

static int compare_models(const void *a, const void *b) {
	const struct scenario_model *left = a, *right = b;
	return strcmp(left->id, right->id);
}

static bool id_is_good(struct slice id) {
	for (size_t i = 0; i < id.len; i++)
		if (id.ptr[i] <= ' ' || id.ptr[i] > '~')
			return false;
	return id.len > 0 && id.len <= ID_BYTES_MAX;
}

static void parse_models(const struct document *value, void *target, const struct schema_place *place) {
	struct scenario_models *models = target;
	if (value->kind != DOCUMENT_TABLE || value->item_count > 0 || value->entry_count == 0 ||
	    value->entry_count > MODELS_MAX) {
		schema_complain(place, "a table with a model's id as each key", value);
		return;
	}
	models->list = memory_new(value->entry_count, sizeof *models->list);
	for (size_t i = 0; i < value->entry_count; i++) {
		const struct document_entry *entry = &value->entries[i];
		char name[TEXT_BYTES];
		snprintf(name, sizeof name, "%s[\"%.*s\"]", place->field, SLICE_ARGS(entry->key));
		struct schema_place inner = {place->file, name, place->problems};
		if (!id_is_good(entry->key)) {
			problems_add(place->problems, place->file, entry->value.line, name,
			             "an id of 1 to 2048 printable ASCII characters", "another key");
			continue;
		}
		struct scenario_model *model = &models->list[models->count++];
		model_init(model, entry->key, models->exception_names);
		schema_read(model_keys, &entry->value, model, &inner);
	}
	qsort(models->list, models->count, sizeof *models->list, compare_models);
}

#define FIELD(name) offsetof(struct scenario_traffic, name)
static const struct schema_key traffic_keys[] = {
    {.name = "rate",
     .type = SCHEMA_NUMBER,
     .offset = FIELD(rate),
     .maximum = 1e6,
     .default_number = 10,
     .meaning = "requests a second, at random moments (Poisson)"},
    {.name = "streaming",
     .type = SCHEMA_NUMBER,
     .offset = FIELD(streaming),
     .maximum = 1,
     .default_number = 0.3,
     .meaning = "share of streamed requests"},
    {.name = "input_tokens",
     .type = SCHEMA_CUSTOM,
     .offset = FIELD(input_tokens),
     .parse = parse_span,
     .expected = "{ FEWEST, MOST }",
     .meaning = "tokens of a request"},
    {.name = "output_tokens",
     .type = SCHEMA_CUSTOM,
     .offset = FIELD(output_tokens),
     .parse = parse_span,
     .expected = "{ FEWEST, MOST }",
     .meaning = "tokens of a response, unless the request's own limit ends it sooner"},
    {0},
};
#undef FIELD

#define FIELD(name) offsetof(struct scenario, name)
static const struct schema_key keys[] = {
    {.name = "seed",
     .type = SCHEMA_INTEGER,
     .offset = FIELD(seed),
     .maximum = SEED_MAX,
     .default_number = 1,
     .meaning = "the same seed gives the same world"},
    {.name = "duration_ms",
     .type = SCHEMA_INTEGER,
     .offset = FIELD(duration_ms),
     .minimum = 1,
     .maximum = DURATION_MAX_MS,
     .default_number = 600000,
     .meaning = "how long a simulation lasts; the emulator runs until it is stopped"},
    {.name = "traffic",
     .type = SCHEMA_TABLE,
     .offset = FIELD(traffic),
     .keys = traffic_keys,
     .meaning = "what clients send"},
    {.name = "models",
     .type = SCHEMA_CUSTOM,
     .offset = FIELD(models),
     .required = true,
     .parse = parse_models,
     .expected = "a table with a model's id as each key",
     .meaning = "the models by id; \"*\" is every other one"},
    {0},
};
#undef FIELD

const struct schema_key *scenario_keys(void) {
	return keys;
}

int scenario_read(const struct document *document, const char *file, const char *const *exception_names,
                  struct problems *problems, struct scenario *scenario) {
	*scenario = (struct scenario){.models = {.exception_names = exception_names}};
	schema_defaults(keys, scenario);
	scenario->traffic.input_tokens = input_tokens_default;
	scenario->traffic.output_tokens = output_tokens_default;
	size_t before = problems->count + problems->dropped;
	struct schema_place place = {file, "", problems};
	schema_read(keys, document, scenario, &place);
	if (problems->count + problems->dropped == before)
		return 0;
	scenario_free(scenario);
	return ERROR_INVALID;
}

void scenario_read_healthy(struct scenario *scenario) {
	static const char *const no_names[] = {NULL};
	struct document document = {.kind = DOCUMENT_TABLE};
	struct document *models = document_add_entry(&document, SLICE("models"));
	models->kind = DOCUMENT_TABLE;
	document_add_entry(models, SLICE("*"))->kind = DOCUMENT_TABLE;
	struct problems problems = {0};
	int status = scenario_read(&document, "", no_names, &problems, scenario);
	assert(status == 0);
	(void)status;
	document_free(&document);
}

void scenario_free(struct scenario *scenario) {
	for (size_t i = 0; i < scenario->models.count; i++) {
		free(scenario->models.list[i].id);
		scenario_faults_free(&scenario->models.list[i].faults);
	}
	free(scenario->models.list);
	schema_free(keys, scenario);
	*scenario = (struct scenario){0};
}
