// SPDX-License-Identifier: Apache-2.0
// The tokens of a response.
#ifndef BASE_TOKEN_USAGE_H
#define BASE_TOKEN_USAGE_H

#include <stdint.h>

// As the model counted them; -1 is unknown.
struct token_usage {
	int64_t input_tokens;
	int64_t output_tokens;
	int64_t cache_read_tokens;
	int64_t cache_write_tokens;
};

#define TOKEN_USAGE_UNKNOWN ((struct token_usage){-1, -1, -1, -1})

#endif
