// SPDX-License-Identifier: Apache-2.0
// The credentials that an engine signs with: the options' own, else the environment's, of which half a key pair is a
// mistake, and so is a session token without one.
#include "config/credentials_config.h"

#include "../check.h"
#include "../variables.h"
#include "base/problem.h"

#define KEY "AWS_ACCESS_KEY_ID"
#define SECRET "AWS_SECRET_ACCESS_KEY"
#define TOKEN "AWS_SESSION_TOKEN"
#define BEARER "AWS_BEARER_TOKEN_BEDROCK"

static const struct row {
	struct variable variables[4];
	const char *own;      // access key id of the options
	const char *signs_as; // NULL: no credentials
	const char *problem;  // the whole text; NULL for none
} ROWS[] = {
    {{{KEY, "k"}, {SECRET, "s"}}, NULL, "k", NULL},
    {{{NULL, NULL}}, NULL, NULL, NULL},
    {{{TOKEN, "t"}},
     NULL,
     NULL,
     "environment: AWS_SESSION_TOKEN is set, but AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are not\n"},
    {{{TOKEN, "t"}, {BEARER, "b"}}, NULL, "", NULL},
    {{{TOKEN, "t"}}, "own", "own", NULL},
    {{{KEY, "k"}}, NULL, NULL, "environment: AWS_ACCESS_KEY_ID is set, but AWS_SECRET_ACCESS_KEY is not\n"},
    {{{SECRET, "s"}}, NULL, NULL, "environment: AWS_SECRET_ACCESS_KEY is set, but AWS_ACCESS_KEY_ID is not\n"},
    {{{KEY, " "}, {SECRET, "s"}},
     NULL,
     NULL,
     "environment: AWS_SECRET_ACCESS_KEY is set, but AWS_ACCESS_KEY_ID is not\n"},
    {{{KEY, "k"}, {BEARER, "b"}}, NULL, "", NULL},
    {{{KEY, "k"}}, "own", "own", NULL},
};

static void check_row(const struct row *row) {
	char own[16] = "", secret[] = "secret";
	struct engine_options options = {0};
	struct environment environment = environment_of(row->variables);
	struct credentials_sources sources;
	struct problems problems = {0};
	struct buffer text;
	const char *reason;
	if (row->own) {
		snprintf(own, sizeof own, "%s", row->own);
		options.credentials = (struct credentials_config){.access_key_id = own, .secret_access_key = secret};
	}
	int rc = credentials_sources_init(&sources, &options, &environment, &problems);
	CHECK_INT(rc, row->problem ? ERROR_INVALID : 0);
	buffer_init(&text, 4096);
	problems_format(&problems, &text);
	CHECK_SLICE(buffer_slice(&text), slice_from(row->problem));
	struct credentials *credentials = credentials_source_get(sources.own, &reason);
	CHECK((credentials != NULL) == (row->signs_as != NULL));
	if (credentials && *row->signs_as)
		CHECK_STRING(credentials->access_key_id, row->signs_as);
	credentials_release(credentials);
	credentials_sources_free(&sources);
	buffer_free(&text);
	problems_free(&problems);
}

TEST(half_a_key_pair_is_a_mistake_if_the_environment_is_read) {
	for (size_t i = 0; i < sizeof ROWS / sizeof *ROWS; i++)
		check_row(&ROWS[i]);
}

int main(void) {
	RUN(half_a_key_pair_is_a_mistake_if_the_environment_is_read);
	return check_summary();
}
