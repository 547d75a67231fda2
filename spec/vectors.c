// SPDX-License-Identifier: Apache-2.0
// Runs signer, codec and tables over a folder of test vectors, whose layout is in spec/fixtures/README.md. It searches
// the folder for cases; no case is hard-coded. Prints each failure with its stage, then "N passed, N failed".
#include "vectors/bedrock.h"
#include "vectors/frames.h"
#include "vectors/sigv4.h"
#include "vectors/streams.h"

int main(int count, char **arguments) {
	if (count != 2) {
		fprintf(stderr, "usage: vectors FOLDER\n");
		return 2;
	}
	vectors_sigv4(arguments[1]);
	vectors_frames(arguments[1]);
	vectors_streams(arguments[1]);
	vectors_bedrock(arguments[1]);
	if (vectors_passed + vectors_failed == 0)
		fprintf(stderr, "vectors: no cases in %s\n", arguments[1]);
	printf("%d passed, %d failed\n", vectors_passed, vectors_failed);
	return vectors_failed || vectors_passed == 0;
}
