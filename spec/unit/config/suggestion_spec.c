// SPDX-License-Identifier: Apache-2.0
// Every kind of failure has suggestions, and they fit it.
#include "config/suggestion.h"

#include "../check.h"

TEST(every_kind_of_failure_has_a_sentence) {
#define X(constant, name, retryable) {constant, name},
	static const struct {
		enum error_type type;
		const char *name;
	} rows[] = {ERROR_TYPE_LIST(X)};
#undef X
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		const char *const *list = suggestion_list(rows[i].type);
		CHECK(*list != NULL);
		for (; *list; list++)
			CHECK(slice_ends(slice_from(*list), SLICE(".")));
	}
}

TEST(retryable_kinds_say_when_or_what_else) {
	CHECK(strstr(suggestion_list(TYPE_THROTTLING)[0], "retry_after_ms") != NULL);
	CHECK(strstr(suggestion_list(TYPE_AUTHENTICATION)[0], "credentials") != NULL);
	CHECK(suggestion_list(TYPE_VALIDATION) != suggestion_list(TYPE_UNKNOWN));
}

int main(void) {
	RUN(every_kind_of_failure_has_a_sentence);
	RUN(retryable_kinds_say_when_or_what_else);
	return check_summary();
}
