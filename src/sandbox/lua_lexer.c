// SPDX-License-Identifier: Apache-2.0
#include "sandbox/lua_lexer.h"

static bool is_newline(char byte) {
	return byte == '\n' || byte == '\r';
}

static bool is_space(char byte) {
	return byte == ' ' || is_newline(byte) || byte == '\t' || byte == '\v' || byte == '\f';
}

static bool is_digit(char byte) {
	return byte >= '0' && byte <= '9';
}

static bool is_name(char byte) {
	return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') || byte == '_' || is_digit(byte);
}

// The byte at `offset` in the rest; NUL behind the end.
static char byte_at(const struct lua_lexer *lexer, size_t offset) {
	return offset < lexer->rest.len ? lexer->rest.ptr[offset] : '\0';
}

// Consumes `length` bytes and counts the line ends in them: \n, \r or both together.
static struct slice take_bytes(struct lua_lexer *lexer, size_t length) {
	struct slice taken = slice_of(lexer->rest.ptr, length < lexer->rest.len ? length : lexer->rest.len);
	for (size_t i = 0; i < taken.len; i++) {
		if (!is_newline(taken.ptr[i]))
			continue;
		lexer->rest_line++;
		if (i + 1 < taken.len && is_newline(taken.ptr[i + 1]) && taken.ptr[i] != taken.ptr[i + 1])
			i++;
	}
	lexer->rest = slice_from_offset(lexer->rest, taken.len);
	return taken;
}

// The length of the "[==[ ... ]==]" at `offset`; 0 when there is none.
static size_t long_bracket(const struct lua_lexer *lexer, size_t offset) {
	size_t level = 0, i = offset + 1;
	if (byte_at(lexer, offset) != '[')
		return 0;
	for (; byte_at(lexer, i) == '='; i++)
		level++;
	if (byte_at(lexer, i) != '[')
		return 0;
	for (i++; i < lexer->rest.len; i++) {
		size_t equals = 0;
		if (lexer->rest.ptr[i] != ']')
			continue;
		while (byte_at(lexer, i + 1 + equals) == '=')
			equals++;
		if (equals == level && byte_at(lexer, i + 1 + equals) == ']')
			return i + level + 2 - offset;
		i += equals;
	}
	return lexer->rest.len - offset;
}

static size_t comment_length(const struct lua_lexer *lexer) {
	size_t length = long_bracket(lexer, 2);
	if (length)
		return 2 + length;
	while (length < lexer->rest.len && !is_newline(lexer->rest.ptr[length]))
		length++;
	return length;
}

static void skip_blank(struct lua_lexer *lexer) {
	for (;;) {
		size_t spaces = 0;
		while (is_space(byte_at(lexer, spaces)))
			spaces++;
		take_bytes(lexer, spaces);
		if (!slice_starts(lexer->rest, SLICE("--")))
			return;
		take_bytes(lexer, comment_length(lexer));
	}
}

static void read_string(struct lua_lexer *lexer) {
	char quote = *lexer->rest.ptr;
	bool is_plain = true;
	size_t end = 1;
	while (end < lexer->rest.len && lexer->rest.ptr[end] != quote) {
		is_plain = is_plain && lexer->rest.ptr[end] != '\\';
		end += lexer->rest.ptr[end] == '\\' ? 2 : 1;
	}
	struct slice whole = take_bytes(lexer, end + 1);
	lexer->kind = is_plain ? LUA_TOKEN_STRING : LUA_TOKEN_OTHER;
	lexer->text = is_plain && whole.len >= 2 ? slice_of(whole.ptr + 1, whole.len - 2) : whole;
}

// As Lua reads numbers: letters, digits, dots, and a sign behind the letter of an exponent.
static void read_number(struct lua_lexer *lexer) {
	bool is_hex = byte_at(lexer, 0) == '0' && (byte_at(lexer, 1) | 0x20) == 'x';
	size_t end = 1;
	for (; is_name(byte_at(lexer, end)) || byte_at(lexer, end) == '.'; end++) {
		bool is_exponent = (byte_at(lexer, end) | 0x20) == (is_hex ? 'p' : 'e');
		char sign = byte_at(lexer, end + 1);
		if (is_exponent && (sign == '+' || sign == '-'))
			end++;
	}
	lexer->kind = LUA_TOKEN_OTHER;
	lexer->text = take_bytes(lexer, end);
}

static void read_name(struct lua_lexer *lexer) {
	size_t end = 1;
	while (is_name(byte_at(lexer, end)))
		end++;
	lexer->kind = LUA_TOKEN_NAME;
	lexer->text = take_bytes(lexer, end);
}

static void read_symbol(struct lua_lexer *lexer) {
	char first = byte_at(lexer, 0);
	bool may_be_two = first == '=' || first == '~' || first == '<' || first == '>';
	lexer->kind = LUA_TOKEN_SYMBOL;
	lexer->text = take_bytes(lexer, may_be_two && byte_at(lexer, 1) == '=' ? 2 : 1);
}

void lua_lexer_next(struct lua_lexer *lexer) {
	skip_blank(lexer);
	lexer->line = lexer->rest_line;
	char first = byte_at(lexer, 0);
	size_t bracket = long_bracket(lexer, 0);
	if (lexer->rest.len == 0) {
		lexer->kind = LUA_TOKEN_END;
		lexer->text = lexer->rest;
	} else if (bracket) {
		lexer->kind = LUA_TOKEN_OTHER;
		lexer->text = take_bytes(lexer, bracket);
	} else if (first == '"' || first == '\'') {
		read_string(lexer);
	} else if (is_digit(first) || (first == '.' && is_digit(byte_at(lexer, 1)))) {
		read_number(lexer);
	} else if (is_name(first)) {
		read_name(lexer);
	} else {
		read_symbol(lexer);
	}
}

void lua_lexer_init(struct lua_lexer *lexer, struct slice text) {
	*lexer = (struct lua_lexer){.rest = text, .rest_line = 1};
	lua_lexer_next(lexer);
}

bool lua_lexer_is_symbol(const struct lua_lexer *lexer, char symbol) {
	return lexer->kind == LUA_TOKEN_SYMBOL && lexer->text.len == 1 && *lexer->text.ptr == symbol;
}

bool lua_lexer_is_word(const struct lua_lexer *lexer, const char *word) {
	return lexer->kind == LUA_TOKEN_NAME && slice_equal(lexer->text, slice_from(word));
}
