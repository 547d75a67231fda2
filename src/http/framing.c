// SPDX-License-Identifier: Apache-2.0
// The chunked coding is read strictly: the size is plain hexadecimal, each line ends in CRLF, and exactly a CRLF
// follows each chunk. Request smuggling exploits parsers that accept any line end there.
#include "http/framing.h"

// Extensions and trailers of one body together. They are rare in practice; more than this is abuse.
#define EXTRA_LIMIT_BYTES 8192
// 15 digits stay below 2^60.
#define DIGITS_LIMIT 15

enum {
	SIZE,
	EXTENSION,
	SIZE_LF,
	DATA,
	DATA_CR,
	DATA_LF,
	TRAILER_START,
	TRAILER_NAME,
	TRAILER_VALUE,
	TRAILER_LF,
	LAST_LF,
	ENDED,
	BROKEN,
};

void framing_init(struct framing *framing, enum framing_kind kind, uint64_t length) {
	*framing = (struct framing){.kind = kind, .remaining_bytes = kind == FRAMING_LENGTH ? length : 0};
	if (kind == FRAMING_CHUNKED)
		framing->state = SIZE;
	else if (kind == FRAMING_NONE || (kind == FRAMING_LENGTH && length == 0))
		framing->state = ENDED;
	else
		framing->state = DATA;
}

static int hex_value(unsigned char byte) {
	if (byte >= '0' && byte <= '9')
		return byte - '0';
	byte |= 0x20;
	return byte >= 'a' && byte <= 'f' ? byte - 'a' + 10 : -1;
}

static bool is_text(unsigned char byte) {
	return byte == '\t' || (byte >= 0x20 && byte != 0x7f);
}

static bool is_name(unsigned char byte) {
	return byte > 0x20 && byte < 0x7f && byte != ':' && byte != '"' && byte != '(' && byte != ')' && byte != ',' &&
	       byte != '/' && !(byte >= ';' && byte <= '@') && !(byte >= '[' && byte <= ']') && byte != '{' && byte != '}';
}

static int framing_size_state(struct framing *framing, unsigned char byte) {
	int value = hex_value(byte);
	if (value >= 0) {
		framing->remaining_bytes = framing->remaining_bytes * 16 + (unsigned)value;
		return ++framing->digits > DIGITS_LIMIT ? BROKEN : SIZE;
	}
	if (framing->digits == 0)
		return BROKEN;
	return byte == '\r' ? SIZE_LF : byte == ';' ? EXTENSION : BROKEN;
}

static int framing_after_size(struct framing *framing) {
	framing->digits = 0;
	return framing->remaining_bytes ? DATA : TRAILER_START;
}

// The state after one byte of chunked coding outside the data.
static int framing_next_state(struct framing *framing, unsigned char byte) {
	if (framing->state >= TRAILER_START || framing->state == EXTENSION)
		if (++framing->extra_bytes > EXTRA_LIMIT_BYTES)
			return BROKEN;
	switch (framing->state) {
	case SIZE:
		return framing_size_state(framing, byte);
	case EXTENSION:
		return byte == '\r' ? SIZE_LF : is_text(byte) ? EXTENSION : BROKEN;
	case SIZE_LF:
		return byte == '\n' ? framing_after_size(framing) : BROKEN;
	case DATA_CR:
		return byte == '\r' ? DATA_LF : BROKEN;
	case DATA_LF:
		return byte == '\n' ? SIZE : BROKEN;
	case TRAILER_START:
		return byte == '\r' ? LAST_LF : is_name(byte) ? TRAILER_NAME : BROKEN;
	case TRAILER_NAME:
		return byte == ':' ? TRAILER_VALUE : is_name(byte) ? TRAILER_NAME : BROKEN;
	case TRAILER_VALUE:
		return byte == '\r' ? TRAILER_LF : is_text(byte) ? TRAILER_VALUE : BROKEN;
	case TRAILER_LF:
		return byte == '\n' ? TRAILER_START : BROKEN;
	case LAST_LF:
		return byte == '\n' ? ENDED : BROKEN;
	default:
		return BROKEN;
	}
}

static enum framing_step framing_take_data(struct framing *framing, struct slice *input, struct slice *piece) {
	*piece = *input;
	if (framing->kind != FRAMING_UNTIL_CLOSE) {
		if (piece->len >= framing->remaining_bytes) {
			piece->len = (size_t)framing->remaining_bytes;
			framing->state = framing->kind == FRAMING_CHUNKED ? DATA_CR : ENDED;
		}
		framing->remaining_bytes -= piece->len;
	}
	*input = slice_from_offset(*input, piece->len);
	return FRAMING_PIECE;
}

enum framing_step framing_read(struct framing *framing, struct slice *input, struct slice *piece) {
	*piece = (struct slice){0};
	while (framing->state != ENDED && framing->state != BROKEN) {
		if (input->len == 0)
			return FRAMING_MORE;
		if (framing->state == DATA)
			return framing_take_data(framing, input, piece);
		framing->state = framing_next_state(framing, (unsigned char)input->ptr[0]);
		*input = slice_from_offset(*input, 1);
	}
	return framing->state == ENDED ? FRAMING_END : FRAMING_MALFORMED;
}
