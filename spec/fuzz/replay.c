// SPDX-License-Identifier: Apache-2.0
// Runs a fuzz target on the inputs of its corpus, without the fuzzer, so that every build tests the mended defects.
#include <dirent.h>

#include "fuzz.h"

enum { PATH_BYTES = 512, INPUT_BYTES = 1 << 20 };

static int is_input(const struct dirent *entry) {
	return entry->d_name[0] != '.';
}

static bool replay(const char *path) {
	static uint8_t bytes[INPUT_BYTES];
	FILE *file = fopen(path, "rb");
	if (!file)
		return false;
	size_t size = fread(bytes, 1, sizeof bytes, file);
	fclose(file);
	LLVMFuzzerTestOneInput(bytes, size);
	return true;
}

// The program's name is the target's name.
int main(int count, char **arguments) {
	const char *slash = count > 0 ? strrchr(arguments[0], '/') : NULL;
	struct dirent **entries;
	char folder[PATH_BYTES], path[PATH_BYTES];
	int passed = 0, failed = 0;
	snprintf(folder, sizeof folder, "spec/fuzz/corpus/%.100s", slash ? slash + 1 : "");
	int found = scandir(folder, &entries, is_input, alphasort);
	for (int i = 0; i < found; i++) {
		snprintf(path, sizeof path, "%.200s/%.200s", folder, entries[i]->d_name);
		if (replay(path))
			passed++;
		else
			failed++;
		free(entries[i]);
	}
	if (found > 0)
		free(entries);
	printf("%d passed, %d failed\n", passed, failed + (found <= 0));
	return passed > 0 && failed == 0 ? 0 : 1;
}
