// SPDX-License-Identifier: Apache-2.0
#include "config/endpoint_config.h"

#include <string.h>

#include "aws/endpoint.h"
#include "base/memory.h"
#include "base/problem.h"

#define DEFAULT_REGION "us-east-1"

void endpoint_config_read_region(const struct document *value, void *target, const struct schema_place *place) {
	struct endpoint endpoint;
	const char *expected = "the name of a region";
	if (!document_is_text(value) ||
	    endpoint_of_region(value->string, (struct endpoint_variant){0}, &endpoint, &expected) != 0)
		schema_complain(place, expected, value);
	else
		memory_replace_string(target, value->string);
}

void endpoint_config_read_endpoint(const struct document *value, void *target, const struct schema_place *place) {
	struct endpoint endpoint;
	const char *expected = "\"http[s]://HOST[:PORT][/PATH]\"";
	if (!document_is_text(value) || endpoint_parse(value->string, &endpoint, &expected) != 0)
		schema_complain(place, expected, value);
	else
		memory_replace_string(target, value->string);
}

// Fills *field, if it is still NULL, from the first of the variables (ended by NULL) that isn't blank.
static void read_environment(const struct environment *environment, const char *const *names, schema_parse parse,
                             struct problems *problems, char **field) {
	for (; !*field && *names; names++) {
		struct slice text = environment_get(environment, *names);
		if (text.len == 0)
			continue;
		struct document value = {0};
		document_set_string(&value, text);
		struct schema_place place = {"environment", *names, problems};
		parse(&value, field, &place);
		document_free(&value);
		return;
	}
}

// Takes any text: connect_proxy_problem and libcurl check it.
static void read_proxy(const struct document *value, void *target, const struct schema_place *place) {
	(void)place;
	memory_replace_string(target, value->string);
}

void endpoint_config_complete(const struct environment *environment, struct problems *problems,
                              struct engine_options *options) {
	static const char *const regions[] = {"AWS_REGION", "AWS_DEFAULT_REGION", NULL};
	static const char *const endpoints[] = {"AWS_ENDPOINT_URL_BEDROCK_RUNTIME", "AWS_ENDPOINT_URL", NULL};
	static const char *const proxies[] = {"https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY", NULL};
	read_environment(environment, regions, endpoint_config_read_region, problems, &options->region);
	read_environment(environment, endpoints, endpoint_config_read_endpoint, problems, &options->endpoint);
	read_environment(environment, proxies, read_proxy, problems, &options->proxy);
	if (!options->region)
		options->region = memory_string(SLICE(DEFAULT_REGION));
}

void endpoint_config_refuse_plaintext(const char *endpoint, const char *file, struct problems *problems) {
	struct endpoint parsed;
	const char *expected;
	if (!endpoint || endpoint_parse(slice_from(endpoint), &parsed, &expected) != 0)
		return;
	if (!parsed.tls && !endpoint_is_loopback(&parsed))
		problems_add(problems, file, 0, "endpoint", "https:// (or allow_plaintext = true)", endpoint);
}
