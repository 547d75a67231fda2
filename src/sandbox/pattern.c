// SPDX-License-Identifier: Apache-2.0
// A backtracking matcher that recurses only where the pattern branches. Each character it compares is a step.
#include "sandbox/pattern.h"

#include <ctype.h>
#include <string.h>

#include <lauxlib.h>

#include "sandbox/vm.h"

enum { DEPTH_MAX = 200, STEPS_PER_CHARGE = 4, STEPS_BETWEEN_CHARGES = 64, ESCAPE = '%' };

static const char *match_here(struct pattern_match *match, const char *at, const char *pattern);

static void count_steps(struct pattern_match *match, size_t steps) {
	match->steps += steps;
	if (match->steps >= STEPS_BETWEEN_CHARGES) {
		vm_charge(match->lua, match->steps / STEPS_PER_CHARGE);
		match->steps = 0;
	}
}

static const char *subject_end(const struct pattern_match *match) {
	return match->subject.ptr + match->subject.len;
}

static const char *pattern_end(const struct pattern_match *match) {
	return match->pattern.ptr + match->pattern.len;
}

// The end of the single item at `pattern`: a character, an escaped one, or a set.
static const char *item_end(struct pattern_match *match, const char *pattern) {
	const char *end = pattern_end(match);
	const char *at = pattern + 1;
	if (*pattern == ESCAPE) {
		if (at == end)
			luaL_error(match->lua, "malformed pattern (ends with '%%')");
		return at + 1;
	}
	if (*pattern != '[')
		return at;
	if (at < end && *at == '^')
		at++;
	// A closing bracket that comes first is a member of the set.
	for (bool first = true; first || at >= end || *at != ']'; first = false) {
		if (at >= end)
			luaL_error(match->lua, "malformed pattern (missing ']')");
		at += *at == ESCAPE && at + 1 < end ? 2 : 1;
	}
	count_steps(match, (size_t)(at - pattern));
	return at + 1;
}

static bool is_in_class(unsigned char byte, unsigned char class) {
	bool found;
	switch (tolower(class)) {
	case 'a':
		found = isalpha(byte);
		break;
	case 'c':
		found = iscntrl(byte);
		break;
	case 'd':
		found = isdigit(byte);
		break;
	case 'g':
		found = isgraph(byte);
		break;
	case 'l':
		found = islower(byte);
		break;
	case 'p':
		found = ispunct(byte);
		break;
	case 's':
		found = isspace(byte);
		break;
	case 'u':
		found = isupper(byte);
		break;
	case 'w':
		found = isalnum(byte);
		break;
	case 'x':
		found = isxdigit(byte);
		break;
	case 'z': // deprecated in Lua, but still accepted by its matcher
		found = byte == 0;
		break;
	default:
		return class == byte;
	}
	return isupper(class) ? !found : found;
}

// `set` points to the opening bracket, `end` behind the closing one.
static bool is_in_set(struct pattern_match *match, unsigned char byte, const char *set, const char *end) {
	const char *last = end - 1;
	bool found = true;
	const char *at = set + 1;
	if (*at == '^') {
		found = false;
		at++;
	}
	count_steps(match, (size_t)(end - set));
	while (at < last) {
		unsigned char low = (unsigned char)*at;
		// An escape as the end of a range is a plain character, so a second one after it escapes what follows, as in
		// Lua's matcher.
		if (low == ESCAPE) {
			if (is_in_class(byte, (unsigned char)at[1]))
				return found;
			at += 2;
		} else if (at + 2 < last && at[1] == '-') {
			if (low <= byte && byte <= (unsigned char)at[2])
				return found;
			at += 3;
		} else {
			if (low == byte)
				return found;
			at++;
		}
	}
	return !found;
}

static bool is_item(struct pattern_match *match, const char *at, const char *item, const char *end) {
	if (at >= subject_end(match))
		return false;
	count_steps(match, 1);
	unsigned char byte = (unsigned char)*at;
	switch (*item) {
	case '.':
		return true;
	case ESCAPE:
		return is_in_class(byte, (unsigned char)item[1]);
	case '[':
		return is_in_set(match, byte, item, end);
	default:
		return (unsigned char)*item == byte;
	}
}

// Tries the longest repetition first.
static const char *match_greedy(struct pattern_match *match, const char *at, const char *item, const char *end) {
	ptrdiff_t count = 0;
	while (is_item(match, at + count, item, end))
		count++;
	for (; count >= 0; count--) {
		const char *found = match_here(match, at + count, end + 1);
		if (found)
			return found;
	}
	return NULL;
}

// Tries the shortest repetition first.
static const char *match_lazy(struct pattern_match *match, const char *at, const char *item, const char *end) {
	for (;;) {
		const char *found = match_here(match, at, end + 1);
		if (found)
			return found;
		if (!is_item(match, at, item, end))
			return NULL;
		at++;
	}
}

static const char *match_capture_start(struct pattern_match *match, const char *at, const char *pattern) {
	if (match->capture_count >= PATTERN_CAPTURES_MAX)
		luaL_error(match->lua, "too many captures");
	bool position = pattern + 1 < pattern_end(match) && pattern[1] == ')';
	match->captures[match->capture_count++] =
	    (struct pattern_capture){at, position ? PATTERN_CAPTURE_POSITION : PATTERN_CAPTURE_OPEN};
	const char *found = match_here(match, at, pattern + (position ? 2 : 1));
	if (!found)
		match->capture_count--;
	return found;
}

static const char *match_capture_end(struct pattern_match *match, const char *at, const char *pattern) {
	int i = match->capture_count - 1;
	while (i >= 0 && match->captures[i].length != PATTERN_CAPTURE_OPEN)
		i--;
	if (i < 0)
		luaL_error(match->lua, "invalid pattern capture");
	match->captures[i].length = at - match->captures[i].start;
	const char *found = match_here(match, at, pattern + 1);
	if (!found)
		match->captures[i].length = PATTERN_CAPTURE_OPEN;
	return found;
}

// %bxy: from x to the matching y.
static const char *match_balanced(struct pattern_match *match, const char *at, const char *pattern) {
	if (pattern_end(match) - pattern < 4)
		luaL_error(match->lua, "malformed pattern (missing arguments to '%%b')");
	if (at >= subject_end(match) || *at != pattern[2])
		return NULL;
	size_t open = 1;
	for (at++; at < subject_end(match); at++) {
		count_steps(match, 1);
		if (*at == pattern[3]) {
			if (--open == 0)
				return at + 1;
		} else if (*at == pattern[2]) {
			open++;
		}
	}
	return NULL;
}

// %f[set]: a place where the character before is not in the set and the one behind is. Returns the end of the set, or
// NULL.
static const char *match_frontier(struct pattern_match *match, const char *at, const char *pattern) {
	const char *set = pattern + 2;
	if (set >= pattern_end(match) || *set != '[')
		luaL_error(match->lua, "missing '[' after '%%f' in pattern");
	const char *end = item_end(match, set);
	unsigned char before = at == match->subject.ptr ? '\0' : (unsigned char)at[-1];
	unsigned char here = at < subject_end(match) ? (unsigned char)*at : '\0';
	return !is_in_set(match, before, set, end) && is_in_set(match, here, set, end) ? end : NULL;
}

static const char *match_back_reference(struct pattern_match *match, const char *at, char digit) {
	int i = digit - '1';
	if (i < 0 || i >= match->capture_count || match->captures[i].length == PATTERN_CAPTURE_OPEN)
		luaL_error(match->lua, "invalid capture index %%%d", i + 1);
	count_steps(match, 1);
	// A position capture has no text to compare with.
	if (match->captures[i].length == PATTERN_CAPTURE_POSITION)
		return NULL;
	size_t length = (size_t)match->captures[i].length;
	count_steps(match, length);
	bool same = (size_t)(subject_end(match) - at) >= length && memcmp(match->captures[i].start, at, length) == 0;
	return same ? at + length : NULL;
}

// Matches an escape that stands for more than a single character (%b, %f, %1). False for any other escape.
static bool match_special(struct pattern_match *match, const char **at, const char **pattern) {
	const char *next = *pattern + 1;
	if (next >= pattern_end(match))
		return false;
	if (*next == 'b') {
		*at = match_balanced(match, *at, *pattern);
		*pattern += 4;
	} else if (*next == 'f') {
		const char *end = match_frontier(match, *at, *pattern);
		*at = end ? *at : NULL;
		*pattern = end;
	} else if (isdigit((unsigned char)*next)) {
		*at = match_back_reference(match, *at, *next);
		*pattern += 2;
	} else {
		return false;
	}
	return true;
}

// Matches one item with its quantifier. True when the rest of the pattern is decided: `found` is the end or NULL.
static bool match_item(struct pattern_match *match, const char **at, const char **pattern, const char **found) {
	const char *end = item_end(match, *pattern);
	char quantifier = end < pattern_end(match) ? *end : '\0';
	if (quantifier == '*' || quantifier == '-') {
		*found = quantifier == '*' ? match_greedy(match, *at, *pattern, end) : match_lazy(match, *at, *pattern, end);
		return true;
	}
	bool matches = is_item(match, *at, *pattern, end);
	if (quantifier == '+') {
		*found = matches ? match_greedy(match, *at + 1, *pattern, end) : NULL;
		return true;
	}
	if (quantifier == '?') {
		*found = matches ? match_here(match, *at + 1, end + 1) : NULL;
		*pattern = end + 1;
		return *found != NULL;
	}
	*found = NULL;
	*pattern = end;
	*at += matches;
	return !matches;
}

static const char *match_rest(struct pattern_match *match, const char *at, const char *pattern) {
	while (pattern < pattern_end(match)) {
		count_steps(match, 1);
		if (*pattern == '(')
			return match_capture_start(match, at, pattern);
		if (*pattern == ')')
			return match_capture_end(match, at, pattern);
		if (*pattern == '$' && pattern + 1 == pattern_end(match))
			return at == subject_end(match) ? at : NULL;
		const char *found;
		if (*pattern == ESCAPE && match_special(match, &at, &pattern)) {
			if (!at)
				return NULL;
		} else if (match_item(match, &at, &pattern, &found)) {
			return found;
		}
	}
	return at;
}

static const char *match_here(struct pattern_match *match, const char *at, const char *pattern) {
	if (++match->depth > DEPTH_MAX)
		luaL_error(match->lua, "pattern too complex");
	const char *found = match_rest(match, at, pattern);
	match->depth--;
	return found;
}

const char *pattern_match_at(struct pattern_match *match, const char *start) {
	match->capture_count = 0;
	match->depth = 0;
	count_steps(match, 1);
	return match_here(match, start, match->pattern.ptr);
}
