// SPDX-License-Identifier: Apache-2.0
// For the thread sanitizer only. Debian's Lua raises errors by the checked form of longjmp, which the sanitizer does
// not intercept: its shadow stack would keep the skipped frames, and overflow after 65536 of them. This forwards the
// checked form to longjmp itself, which the sanitizer intercepts.
#include <setjmp.h>

__attribute__((noreturn, visibility("default"))) void __longjmp_chk(jmp_buf place, int value);

void __longjmp_chk(jmp_buf place, int value) {
	longjmp(place, value);
}
