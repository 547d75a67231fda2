// SPDX-License-Identifier: Apache-2.0
// For the thread sanitizer only. Debian's Lua raises its errors by the checked form of longjmp, which the sanitizer
// does not know: its own stack would keep the frames jumped over, and give up after 65536 of them. This hands such a
// jump to the form that it does know.
#include <setjmp.h>

__attribute__((noreturn, visibility("default"))) void __longjmp_chk(jmp_buf place, int value);

void __longjmp_chk(jmp_buf place, int value) {
	longjmp(place, value);
}
