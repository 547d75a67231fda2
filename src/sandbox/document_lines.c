// SPDX-License-Identifier: Apache-2.0
// Walks the constructor and the tree together. Where they may differ (a computed key, an item that may be several
// values, an earlier `return`), the values concerned get no line.
#include "sandbox/document_lines.h"

#include "sandbox/lua_lexer.h"

enum {
	BLOCKS_MAX = 256,
	ENTRIES_MAX = 1024, // of a table; the look-ups take time in the square of their number
};

static bool opens_block(const struct lua_lexer *lexer) {
	return lua_lexer_is_word(lexer, "function") || lua_lexer_is_word(lexer, "if") || lua_lexer_is_word(lexer, "do") ||
	       lua_lexer_is_word(lexer, "repeat");
}

static bool closes_block(const struct lua_lexer *lexer) {
	return lua_lexer_is_word(lexer, "end") || lua_lexer_is_word(lexer, "until");
}

// Goes to the expression that the chunk returns at its end. False when the chunk may return earlier.
static bool find_return(struct lua_lexer *lexer) {
	bool is_function[BLOCKS_MAX];
	size_t blocks = 0, functions = 0;
	for (; lexer->kind != LUA_TOKEN_END; lua_lexer_next(lexer)) {
		if (opens_block(lexer)) {
			if (blocks == BLOCKS_MAX)
				return false;
			is_function[blocks] = lua_lexer_is_word(lexer, "function");
			functions += is_function[blocks++];
		} else if (closes_block(lexer) && blocks) {
			functions -= is_function[--blocks];
		} else if (lua_lexer_is_word(lexer, "return") && functions == 0) {
			lua_lexer_next(lexer);
			return blocks == 0;
		}
	}
	return false;
}

static bool ends_value(const struct lua_lexer *lexer) {
	return lua_lexer_is_symbol(lexer, ',') || lua_lexer_is_symbol(lexer, ';') || lua_lexer_is_symbol(lexer, '}');
}

static bool opens_group(const struct lua_lexer *lexer) {
	return opens_block(lexer) || lua_lexer_is_symbol(lexer, '(') || lua_lexer_is_symbol(lexer, '{') ||
	       lua_lexer_is_symbol(lexer, '[');
}

static bool closes_group(const struct lua_lexer *lexer) {
	return closes_block(lexer) || lua_lexer_is_symbol(lexer, ')') || lua_lexer_is_symbol(lexer, '}') ||
	       lua_lexer_is_symbol(lexer, ']');
}

// Goes to the end of a constructor's field.
static void skip_value(struct lua_lexer *lexer) {
	for (size_t depth = 0; lexer->kind != LUA_TOKEN_END; lua_lexer_next(lexer)) {
		if (depth == 0 && ends_value(lexer))
			return;
		if (opens_group(lexer))
			depth++;
		else if (closes_group(lexer) && depth)
			depth--;
	}
}

// Reads `name =` or `["name"] =`; false, and nothing read, when there is neither.
static bool take_key(struct lua_lexer *lexer, struct slice *key) {
	struct lua_lexer ahead = *lexer;
	bool is_bracketed = lua_lexer_is_symbol(&ahead, '[');
	if (is_bracketed)
		lua_lexer_next(&ahead);
	if (ahead.kind != (is_bracketed ? LUA_TOKEN_STRING : LUA_TOKEN_NAME))
		return false;
	*key = ahead.text;
	lua_lexer_next(&ahead);
	if (is_bracketed && lua_lexer_is_symbol(&ahead, ']'))
		lua_lexer_next(&ahead);
	else if (is_bracketed)
		return false;
	if (!lua_lexer_is_symbol(&ahead, '='))
		return false;
	lua_lexer_next(&ahead);
	*lexer = ahead;
	return true;
}

static void forget_lines(struct document *table);

static void forget_line(struct document *value) {
	value->line = 0;
	forget_lines(value);
}

static void forget_items(struct document *table) {
	for (size_t i = 0; i < table->item_count; i++)
		forget_line(&table->items[i]);
}

static void forget_lines(struct document *table) {
	forget_items(table);
	for (size_t i = 0; i < table->entry_count; i++)
		forget_line(&table->entries[i].value);
}

static struct document *find_entry(struct document *table, struct slice key) {
	for (size_t i = 0; i < table->entry_count; i++)
		if (slice_equal(table->entries[i].key, key))
			return &table->entries[i].value;
	return NULL;
}

static void place_table(struct lua_lexer *lexer, struct document *table);

// Reads a field's value, which begins at `line`; `value` is the same in the tree, or NULL.
static void place_value(struct lua_lexer *lexer, struct document *value, int line) {
	if (value) {
		forget_line(value);
		value->line = line;
	}
	if (value && value->kind == DOCUMENT_TABLE && lua_lexer_is_symbol(lexer, '{')) {
		place_table(lexer, value);
		if (ends_value(lexer))
			return;
		forget_lines(value); // the constructor is only a part of an expression
	}
	skip_value(lexer);
}

// Reads a constructor, from its opening brace to behind its closing one.
static void place_table(struct lua_lexer *lexer, struct document *table) {
	size_t items = 0;
	bool is_certain = table->entry_count <= ENTRIES_MAX;
	lua_lexer_next(lexer);
	while (lexer->kind != LUA_TOKEN_END && !lua_lexer_is_symbol(lexer, '}')) {
		struct document *value = NULL;
		struct slice key;
		int line = lexer->line;
		if (take_key(lexer, &key))
			value = is_certain ? find_entry(table, key) : NULL;
		else if (lua_lexer_is_symbol(lexer, '['))
			is_certain = false;
		else if (items++ < table->item_count)
			value = &table->items[items - 1];
		place_value(lexer, value, line);
		if (!lua_lexer_is_symbol(lexer, '}'))
			lua_lexer_next(lexer);
	}
	lua_lexer_next(lexer);
	if (!is_certain)
		forget_lines(table);
	else if (items != table->item_count)
		forget_items(table);
}

void document_place_lines(struct slice text, struct document *document) {
	struct lua_lexer lexer;
	lua_lexer_init(&lexer, text);
	if (document->kind != DOCUMENT_TABLE || !find_return(&lexer) || !lua_lexer_is_symbol(&lexer, '{'))
		return;
	place_table(&lexer, document);
	if (lexer.kind != LUA_TOKEN_END && !lua_lexer_is_symbol(&lexer, ';'))
		forget_lines(document);
}
