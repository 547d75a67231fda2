// SPDX-License-Identifier: Apache-2.0
// Formats a request's head by plain copying, since every request passes here.
#include "http/request_head.h"

#include <stdio.h>

enum { LENGTH_LINE_BYTES = 48 }; // "content-length: ", 20 digits, two line ends

size_t request_head_size(const struct exchange_request *request) {
	size_t size = request->method.len + request->target.len + sizeof("  HTTP/1.1\r\n") + LENGTH_LINE_BYTES;
	for (size_t i = 0; i < request->headers.count; i++)
		size += request->headers.list[i].name.len + request->headers.list[i].value.len + 4;
	return size;
}

static char *put_text(char *out, struct slice text) {
	if (text.len)
		memcpy(out, text.ptr, text.len);
	return out + text.len;
}

// Replaces bytes below `least` (but tabs) and DEL, which could change the meaning of the line.
static char *put_safe_text(char *out, struct slice text, unsigned char least, char replacement) {
	for (size_t i = 0; i < text.len; i++) {
		unsigned char byte = (unsigned char)text.ptr[i];
		bool safe = (byte >= least && byte != 0x7f) || (byte == '\t' && least == ' ');
		*out++ = safe ? (char)byte : replacement;
	}
	return out;
}

static bool frames_body(struct slice name) {
	return (name.len == 14 && slice_equal_nocase(name, SLICE("content-length"))) ||
	       (name.len == 17 && slice_equal_nocase(name, SLICE("transfer-encoding")));
}

// An empty body needs no length if the method gives a body no meaning.
static bool wants_length(const struct exchange_request *request) {
	return request->body.len > 0 ||
	       !(slice_equal(request->method, SLICE("GET")) || slice_equal(request->method, SLICE("HEAD")));
}

size_t request_head_format(const struct exchange_request *request, char *out) {
	char *start = out;
	out = put_safe_text(out, request->method, '!', '_');
	*out++ = ' ';
	out = put_safe_text(out, request->target, '!', '_');
	out = put_text(out, SLICE(" HTTP/1.1\r\n"));
	for (size_t i = 0; i < request->headers.count; i++) {
		const struct header *header = &request->headers.list[i];
		if (frames_body(header->name))
			continue;
		out = put_safe_text(out, header->name, '!', '_');
		out = put_text(out, SLICE(": "));
		out = put_safe_text(out, header->value, ' ', ' ');
		out = put_text(out, SLICE("\r\n"));
	}
	if (wants_length(request))
		out += snprintf(out, LENGTH_LINE_BYTES, "content-length: %zu\r\n", request->body.len);
	out = put_text(out, SLICE("\r\n"));
	return (size_t)(out - start);
}
