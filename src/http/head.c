// SPDX-License-Identifier: Apache-2.0
// Gathers lines until the empty one, then parses them once. The grammar is that of RFC 9112 without what a recipient
// "MAY" accept beyond it, so that every accepted head has one reading only.
#include "http/head.h"

#include <stdlib.h>

#include "base/error.h"
#include "base/memory.h"

#define KEPT_FIELDS 32

enum { SEEN_HOST = 1, SEEN_LENGTH = 2, SEEN_CODING = 4, SEEN_CLOSE = 8, SEEN_KEEP_ALIVE = 16 };

enum { NAME_BYTE = 1, TARGET_BYTE = 2, HOST_BYTE = 4 };

// clang-format off
static const unsigned char byte_kinds[256] = {
	['!'] = 7, ['"'] = 2, ['#'] = 1, ['$'] = 7, ['%'] = 7, ['&'] = 7, ['\''] = 7, ['('] = 6, [')'] = 6, ['*'] = 7,
	['+'] = 7, [','] = 6, ['-'] = 7, ['.'] = 7, ['/'] = 2, ['0' ... '9'] = 7, [':'] = 6, [';'] = 6, ['<'] = 2,
	['='] = 6, ['>'] = 2, ['?'] = 2, ['@'] = 2, ['A' ... 'Z'] = 7, ['['] = 6, ['\\'] = 2, [']'] = 6, ['^'] = 3,
	['_'] = 7, ['`'] = 3, ['a' ... 'z'] = 7, ['{'] = 2, ['|'] = 3, ['}'] = 2, ['~'] = 7,
};
// clang-format on

static bool all_bytes_are(struct slice text, unsigned kind) {
	for (size_t i = 0; i < text.len; i++)
		if (!(byte_kinds[(unsigned char)text.ptr[i]] & kind))
			return false;
	return true;
}

bool head_is_target(struct slice text) {
	return text.len > 0 && all_bytes_are(text, TARGET_BYTE);
}

bool head_is_host(struct slice text) {
	return all_bytes_are(text, HOST_BYTE);
}

// No control bytes but tabs: another parser could take them for line ends.
static bool is_text(struct slice text) {
	unsigned bad = 0;
	for (size_t i = 0; i < text.len; i++) {
		unsigned char byte = (unsigned char)text.ptr[i];
		bad |= (unsigned)(byte < 0x20) & (unsigned)(byte != '\t');
		bad |= (unsigned)(byte == 0x7f);
	}
	return !bad;
}

void head_init(struct head *head, enum head_kind kind, size_t limit_bytes) {
	*head = (struct head){.kind = kind};
	buffer_init(&head->raw, limit_bytes);
	// Clients send credentials.
	if (kind == HEAD_REQUEST)
		buffer_keep_secret(&head->raw);
}

void head_free(struct head *head) {
	buffer_free(&head->raw);
	free(head->list);
	head_init(head, head->kind, head->raw.limit_bytes);
}

void head_reset(struct head *head) {
	struct head kept = *head;
	head_init(head, kept.kind, kept.raw.limit_bytes);
	if (kept.raw.capacity <= HEAD_KEPT_BYTES) {
		head->raw = kept.raw;
		if (kept.raw.is_secret && kept.raw.len)
			memory_wipe(kept.raw.ptr, kept.raw.len);
		buffer_clear(&head->raw);
	} else {
		buffer_free(&kept.raw);
	}
	if (kept.capacity <= KEPT_FIELDS) {
		head->list = kept.list;
		head->capacity = kept.capacity;
	} else {
		free(kept.list);
	}
}

static enum head_step head_refuse(struct head *head, int status, const char *reason) {
	head->refusal_status = status;
	head->refusal_reason = reason;
	return HEAD_REFUSED;
}

// The readers of parts of a head below return NULL, or the reason of a 400.

static const char *read_length(struct head *head, struct slice value) {
	if (head->seen & SEEN_LENGTH)
		return "There is more than one content-length.";
	head->seen |= SEEN_LENGTH;
	return slice_parse_u64(value, INT64_MAX, &head->content_length) ? NULL : "The content-length is no number.";
}

static const char *read_coding(struct head *head, struct slice value) {
	if (head->seen & SEEN_CODING)
		return "There is more than one transfer-encoding.";
	head->seen |= SEEN_CODING;
	struct slice element;
	for (bool first = true; slice_next_item(&value, &element); first = false) {
		bool chunked = slice_equal_nocase(element, SLICE("chunked"));
		if (element.len == 0 || (chunked && !first))
			return "The transfer-encoding is malformed.";
		if (!chunked)
			head_refuse(head, 501, "Only the transfer coding 'chunked' is known.");
	}
	return NULL;
}

static const char *read_host(struct head *head, struct slice value) {
	if (head->seen & SEEN_HOST)
		return "There is more than one host.";
	head->seen |= SEEN_HOST;
	return all_bytes_are(value, HOST_BYTE) ? NULL : "The host is malformed.";
}

static const char *read_connection(struct head *head, struct slice value) {
	struct slice element;
	while (slice_next_item(&value, &element)) {
		if (++head->options > HEAD_OPTIONS)
			return "The connection has too many options.";
		if (slice_equal_nocase(element, SLICE("close")))
			head->seen |= SEEN_CLOSE;
		else if (slice_equal_nocase(element, SLICE("keep-alive")))
			head->seen |= SEEN_KEEP_ALIVE;
	}
	return NULL;
}

static const char *read_expectation(struct head *head, struct slice value) {
	if (slice_equal_nocase(value, SLICE("100-continue")))
		head->expects_continue = true;
	else
		head->expects_other = true;
	return NULL;
}

// The headers that concern the connection itself, compared by length first: most names match none.
static const char *read_known(struct head *head, struct slice name, struct slice value) {
	bool request = head->kind == HEAD_REQUEST;
	switch (name.len) {
	case 4:
		return request && slice_equal_nocase(name, SLICE("host")) ? read_host(head, value) : NULL;
	case 6:
		return request && slice_equal_nocase(name, SLICE("expect")) ? read_expectation(head, value) : NULL;
	case 10:
		return slice_equal_nocase(name, SLICE("connection")) ? read_connection(head, value) : NULL;
	case 14:
		return slice_equal_nocase(name, SLICE("content-length")) ? read_length(head, value) : NULL;
	case 17:
		return slice_equal_nocase(name, SLICE("transfer-encoding")) ? read_coding(head, value) : NULL;
	default:
		return NULL;
	}
}

static void head_add_field(struct head *head, struct header field) {
	if (head->headers.count == head->capacity) {
		head->capacity = head->capacity ? head->capacity * 2 : KEPT_FIELDS;
		head->list = memory_resize(head->list, head->capacity, sizeof *head->list);
		head->headers.list = head->list;
	}
	head->list[head->headers.count++] = field;
}

static const char *read_field(struct head *head, struct slice line) {
	size_t colon = slice_find(line, ':');
	struct header field = {.name = slice_of(line.ptr, colon)};
	if (line.ptr[0] == ' ' || line.ptr[0] == '\t')
		return "A header is folded.";
	if (colon == line.len)
		return "A header has no colon.";
	if (colon == 0 || !all_bytes_are(field.name, NAME_BYTE))
		return "A header's name is malformed.";
	field.value = slice_trim(slice_from_offset(line, colon + 1));
	if (!is_text(field.value))
		return "A header's value holds control characters.";
	head_add_field(head, field);
	return read_known(head, field.name, field.value);
}

static bool is_digit(char byte) {
	return byte >= '0' && byte <= '9';
}

// Accepts "HTTP/1.1" and "HTTP/1.0". Another version also returns NULL; it is refused with its own status.
static const char *read_version(struct head *head, struct slice text) {
	if (text.len != 8 || !slice_starts(text, SLICE("HTTP/")) || !is_digit(text.ptr[5]) || text.ptr[6] != '.' ||
	    !is_digit(text.ptr[7]))
		return "The version is malformed.";
	if (text.ptr[5] != '1' || text.ptr[7] > '1')
		head_refuse(head, 505, "Only HTTP/1.1 and HTTP/1.0 are spoken.");
	head->minor_version = (unsigned)(text.ptr[7] - '0');
	return NULL;
}

// Sets *path to what follows scheme and authority in an absolute target. Case does not matter in a scheme (RFC 3986,
// 3.1).
static const char *read_absolute(struct slice target, struct slice *authority, struct slice *path) {
	size_t colon = slice_find(target, ':');
	struct slice scheme = slice_of(target.ptr, colon), rest = slice_from_offset(target, colon);
	if (!(slice_equal_nocase(scheme, SLICE("http")) || slice_equal_nocase(scheme, SLICE("https"))) ||
	    !slice_starts(rest, SLICE("://")))
		return "The target is no path.";
	rest = slice_from_offset(rest, 3);
	size_t end = 0;
	while (end < rest.len && rest.ptr[end] != '/' && rest.ptr[end] != '?')
		end++;
	*authority = slice_of(rest.ptr, end);
	*path = slice_from_offset(rest, end);
	return end && all_bytes_are(*authority, HOST_BYTE) ? NULL : "The target's host is malformed.";
}

static const char *read_target(struct head *head, struct slice *authority) {
	struct slice path = head->target;
	if (path.len == 0 || !all_bytes_are(path, TARGET_BYTE))
		return "The target is malformed.";
	bool asterisk = slice_equal(path, SLICE("*")) && slice_equal(head->method, SLICE("OPTIONS"));
	if (path.ptr[0] != '/' && !asterisk) {
		const char *reason = read_absolute(head->target, authority, &path);
		if (reason)
			return reason;
	}
	size_t question = slice_find(path, '?');
	head->path = question ? slice_of(path.ptr, question) : SLICE("/");
	head->query = slice_from_offset(path, question + 1);
	return NULL;
}

static const char *read_request_line(struct head *head, struct slice line, struct slice *authority) {
	size_t first = slice_find(line, ' ');
	struct slice rest = slice_from_offset(line, first + 1);
	size_t second = slice_find(rest, ' ');
	head->method = slice_of(line.ptr, first);
	head->target = slice_of(rest.ptr, second);
	if (first == 0 || first > HEAD_METHOD_BYTES || second == rest.len || !all_bytes_are(head->method, NAME_BYTE))
		return "The request line is malformed.";
	const char *reason = read_version(head, slice_from_offset(rest, second + 1));
	if (!reason && !head->refusal_status)
		reason = read_target(head, authority);
	if (!reason && head->target.len > HEAD_TARGET_BYTES)
		head_refuse(head, 414, "The target is too long.");
	return reason;
}

static const char *read_status_line(struct head *head, struct slice line) {
	size_t space = slice_find(line, ' ');
	const char *reason = read_version(head, slice_of(line.ptr, space));
	if (reason)
		return reason;
	struct slice rest = slice_from_offset(line, space + 1);
	uint64_t status = 0;
	if (rest.len < 3 || !slice_parse_u64(slice_of(rest.ptr, 3), 999, &status) || status < 100 ||
	    (rest.len > 3 && rest.ptr[3] != ' ') || !is_text(rest))
		return "The status line is malformed.";
	head->status = (int)status;
	return NULL;
}

// In a request with an absolute target, the host header is replaced by the target's host (RFC 9112, 3.2.2).
static void head_set_host(struct head *head, struct slice authority) {
	struct header host = {SLICE("host"), authority};
	for (size_t i = 0; i < head->headers.count; i++) {
		if (slice_equal_nocase(head->list[i].name, host.name)) {
			head->list[i].value = authority;
			return;
		}
	}
	head_add_field(head, host);
}

static const char *frame_request(struct head *head, struct slice authority) {
	if (head->minor_version == 1 && !(head->seen & SEEN_HOST))
		return "The host is missing.";
	if (authority.len)
		head_set_host(head, authority);
	head->expects_continue = head->expects_continue && head->minor_version == 1;
	if (head->seen & SEEN_CODING)
		head->framing = FRAMING_CHUNKED;
	else
		head->framing = head->seen & SEEN_LENGTH ? FRAMING_LENGTH : FRAMING_NONE;
	return NULL;
}

static const char *frame_response(struct head *head) {
	if (head->responds_to_head || head->status < 200 || head->status == 204 || head->status == 304)
		head->framing = FRAMING_NONE;
	else if (head->seen & SEEN_CODING)
		head->framing = FRAMING_CHUNKED;
	else
		head->framing = head->seen & SEEN_LENGTH ? FRAMING_LENGTH : FRAMING_UNTIL_CLOSE;
	return NULL;
}

static const char *read_framing(struct head *head, struct slice authority) {
	if ((head->seen & SEEN_CODING) && (head->seen & SEEN_LENGTH))
		return "There are both transfer-encoding and content-length.";
	if ((head->seen & SEEN_CODING) && head->minor_version == 0)
		return "HTTP/1.0 has no transfer-encoding.";
	const char *reason = head->kind == HEAD_REQUEST ? frame_request(head, authority) : frame_response(head);
	if (head->framing != FRAMING_LENGTH)
		head->content_length = 0;
	head->keep_alive = !(head->seen & SEEN_CLOSE) && head->framing != FRAMING_UNTIL_CLOSE &&
	                   (head->minor_version == 1 || (head->seen & SEEN_KEEP_ALIVE));
	return reason;
}

// Cuts off the line in front of *rest; every line of a gathered head ends in CRLF.
static struct slice cut_line(struct slice *rest) {
	size_t end = slice_find(*rest, '\n');
	struct slice line = slice_of(rest->ptr, end - 1);
	*rest = slice_from_offset(*rest, end + 1);
	return line;
}

// A malformed head is a 400 even if another part of it alone would have another status.
static enum head_step head_parse(struct head *head) {
	struct slice rest = buffer_slice(&head->raw), authority = {0};
	head->headers = (struct headers){head->list, 0};
	struct slice line = cut_line(&rest);
	const char *reason =
	    head->kind == HEAD_REQUEST ? read_request_line(head, line, &authority) : read_status_line(head, line);
	for (line = cut_line(&rest); !reason && line.len > 0; line = cut_line(&rest)) {
		if (head->headers.count == HEAD_FIELDS)
			return head_refuse(head, 431, "There are too many headers.");
		reason = read_field(head, line);
	}
	if (!reason && head->refusal_status != 505)
		reason = read_framing(head, authority);
	if (reason)
		return head_refuse(head, 400, reason);
	return head->refusal_status ? HEAD_REFUSED : HEAD_WHOLE;
}

static enum head_step head_gather(struct head *head, struct slice bytes) {
	size_t room = head->raw.limit_bytes - head->raw.len;
	if (bytes.len > room) {
		if (head->kind == HEAD_REQUEST && head->line_start == 0)
			return head_refuse(head, 414, "The request line is too long.");
		return head_refuse(head, 431, "The head is too large.");
	}
	return buffer_append(&head->raw, bytes) ? head_refuse(head, 431, "There is no memory for the head.") : HEAD_MORE;
}

enum head_step head_read(struct head *head, struct slice *input) {
	while (input->len > 0 && !head->refusal_status) {
		// Another protocol, such as a TLS handshake, shows in its first byte.
		if (head->raw.len == 0 && input->ptr[0] != '\r' && !(byte_kinds[(unsigned char)input->ptr[0]] & NAME_BYTE))
			return head_refuse(head, 400, "This is no HTTP.");
		size_t end = slice_find(*input, '\n');
		struct slice part = slice_of(input->ptr, end < input->len ? end + 1 : end);
		if (head_gather(head, part) == HEAD_REFUSED)
			return HEAD_REFUSED;
		*input = slice_from_offset(*input, part.len);
		if (part.len == end)
			continue;
		size_t line = head->raw.len - head->line_start;
		if (line < 2 || head->raw.ptr[head->raw.len - 2] != '\r')
			return head_refuse(head, 400, "A line ends in a bare line feed.");
		if (line > 2) {
			head->line_start = head->raw.len;
			continue;
		}
		if (head->line_start > 0)
			return head_parse(head);
		// Old clients send an empty line after a body; one is ignored.
		if (head->kind == HEAD_RESPONSE || head->blank_skipped)
			return head_refuse(head, 400, "An empty line stands in place of a head.");
		head->blank_skipped = true;
		buffer_clear(&head->raw);
	}
	return head->refusal_status ? HEAD_REFUSED : HEAD_MORE;
}
