// SPDX-License-Identifier: Apache-2.0
#include "aws/credentials.h"

#include "../check.h"
#include "../variables.h"

TEST(refuses_values_that_headers_forbid) {
	CHECK(!credentials_new(NULL, NULL, NULL, NULL));
	CHECK(!credentials_new("key", NULL, NULL, NULL));
	CHECK(!credentials_new(NULL, "secret", NULL, NULL));
	CHECK(!credentials_new(NULL, NULL, "token", NULL));
	CHECK(!credentials_new("", "secret", NULL, NULL));
	CHECK(!credentials_new("key\r\nx: y", "secret", NULL, NULL));
	CHECK(!credentials_new("key", "secret", "to ken", NULL));
	CHECK(!credentials_new(NULL, NULL, NULL, "token\n"));
	CHECK(!credentials_new(NULL, NULL, NULL, "tok\xc3\xa9n"));
	struct credentials *credentials = credentials_new("key", "secret", "token", NULL);
	CHECK_STRING(credentials->session_token, "token");
	CHECK(!credentials->bearer_token);
	credentials_release(credentials);
	credentials_release(NULL);
}

struct environment_row {
	struct variable variables[5];
	const char *access_key_id, *session_token, *bearer_token;
	const char *reason; // a part of it; NULL: there are credentials
};

#define KEY "AWS_ACCESS_KEY_ID"
#define SECRET "AWS_SECRET_ACCESS_KEY"
#define TOKEN "AWS_SESSION_TOKEN"
#define BEARER "AWS_BEARER_TOKEN_BEDROCK"

static struct environment_row ENVIRONMENT[] = {
    {{{KEY, "k"}, {SECRET, "s"}}, "k", NULL, NULL, NULL},
    {{{KEY, "k"}, {SECRET, "s"}, {TOKEN, "t"}}, "k", "t", NULL, NULL},
    {{{KEY, " k\n"}, {SECRET, "s"}, {TOKEN, "  "}}, "k", NULL, NULL, NULL},
    {{{BEARER, "b"}}, NULL, NULL, "b", NULL},
    {{{KEY, "k"}, {SECRET, "s"}, {BEARER, "b"}}, NULL, NULL, "b", NULL},
    {{{KEY, "k"}, {SECRET, "s"}, {BEARER, " "}}, "k", NULL, NULL, NULL},
    {{{KEY, "k"}}, NULL, NULL, NULL, "AWS_SECRET_ACCESS_KEY is not"},
    {{{KEY, "k"}, {SECRET, "\t"}}, NULL, NULL, NULL, "AWS_SECRET_ACCESS_KEY is not"},
    {{{SECRET, "s"}}, NULL, NULL, NULL, "AWS_ACCESS_KEY_ID is not"},
    {{{TOKEN, "t"}},
     NULL,
     NULL,
     NULL,
     "AWS_SESSION_TOKEN is set, but AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are not"},
    {{{TOKEN, "t"}, {BEARER, "b"}}, NULL, NULL, "b", NULL},
    {{{TOKEN, "t"}, {SECRET, "s"}}, NULL, NULL, NULL, "AWS_ACCESS_KEY_ID is not"},
    {{{NULL, NULL}}, NULL, NULL, NULL, "neither"},
    {{{BEARER, "a b"}}, NULL, NULL, NULL, "no header may carry"},
    {{{KEY, "k"}, {SECRET, "s\x01"}}, NULL, NULL, NULL, "no header may carry"},
};

TEST(reads_the_environment) {
	for (size_t i = 0; i < sizeof ENVIRONMENT / sizeof ENVIRONMENT[0]; i++) {
		struct environment_row *row = &ENVIRONMENT[i];
		struct environment environment = environment_of(row->variables);
		const char *reason = NULL, *mistake;
		struct credentials_source *source = credentials_source_environment(&environment, &mistake);
		struct credentials *credentials = credentials_source_get(source, &reason);
		credentials_source_free(source); // the caller's reference stays valid
		if (row->reason) {
			CHECK(!credentials);
			CHECK(reason && strstr(reason, row->reason));
			CHECK(reason && !strchr(reason, '\n'));
			CHECK_STRING(mistake, strstr(reason, " is set, but ") ? reason : NULL);
		} else if (credentials) {
			CHECK(!mistake);
			CHECK_STRING(credentials->access_key_id, row->access_key_id);
			CHECK_STRING(credentials->session_token, row->session_token);
			CHECK_STRING(credentials->bearer_token, row->bearer_token);
		}
		CHECK((credentials != NULL) == (row->reason == NULL));
		credentials_release(credentials);
	}
}

TEST(counts_references) {
	const char *reason;
	struct credentials *credentials = credentials_new("key", "secret", NULL, NULL);
	struct credentials_source *source = credentials_source_static(credentials);
	CHECK_INT(credentials->references, 2);
	CHECK(credentials_source_get(source, &reason) == credentials);
	CHECK_INT(credentials->references, 3);
	credentials_release(credentials);
	credentials_source_free(source);
	CHECK_INT(credentials->references, 1);
	credentials_release(credentials);
	credentials_source_free(NULL);
}

int main(void) {
	RUN(refuses_values_that_headers_forbid);
	RUN(reads_the_environment);
	RUN(counts_references);
	return check_summary();
}
