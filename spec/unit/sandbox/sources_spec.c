// SPDX-License-Identifier: Apache-2.0
// Reading texts: each once, within bounds.
#include "fixture.h"

#include "base/error.h"
#include "sandbox/sources.h"

TEST(a_path_is_read_once) {
	struct fixture fixture;
	struct source_text text;
	fixture_init(&fixture);
	fixture_write(&fixture, "main.lua", "then");
	struct sources *sources = sources_new(fixture.path);
	CHECK_INT(sources_read(sources, fixture.path, &text), 0);
	CHECK_SLICE(text.bytes, SLICE("then"));
	fixture_write(&fixture, "main.lua", "now");
	CHECK_INT(sources_read(sources, fixture.path, &text), 0);
	CHECK_SLICE(text.bytes, SLICE("then"));
	sources_close(sources);
	CHECK_INT(sources_read(sources, fixture.path, &text), 0);
	CHECK_INT(sources_read(sources, fixture.folder, &text), ERROR_BUSY);
	sources_release(sources);
	fixture_free(&fixture);
}

TEST(texts_are_bounded_in_total) {
	struct fixture fixture;
	struct source_text text;
	char path[256];
	size_t bytes = 1 << 20;
	char *big = malloc(bytes + 1);
	memset(big, ' ', bytes);
	big[bytes] = '\0';
	fixture_init(&fixture);
	fixture_write(&fixture, "big.lua", big);
	struct sources *sources = sources_new(fixture.path);
	int rc = 0;
	size_t read = 0;
	for (; rc == 0 && read < 100; read++) {
		snprintf(path, sizeof path, "%s/%zu.lua", fixture.folder, read);
		char target[256];
		snprintf(target, sizeof target, "%s/big.lua", fixture.folder);
		if (symlink(target, path))
			abort();
		rc = sources_read(sources, path, &text);
	}
	CHECK_INT(rc, ERROR_LIMIT);
	CHECK_INT(read - 1, 16);
	sources_release(sources);
	free(big);
	fixture_free(&fixture);
}

int main(void) {
	RUN(a_path_is_read_once);
	RUN(texts_are_bounded_in_total);
	return check_summary();
}
