// SPDX-License-Identifier: Apache-2.0
// Copies the parts of a head into the buffer; no printf, since each response has a head.
#include "http/response_head.h"

static const struct {
	int status;
	const char *text;
} statuses[] = {
    {100, "Continue"},
    {200, "OK"},
    {201, "Created"},
    {202, "Accepted"},
    {204, "No Content"},
    {206, "Partial Content"},
    {301, "Moved Permanently"},
    {302, "Found"},
    {304, "Not Modified"},
    {307, "Temporary Redirect"},
    {400, "Bad Request"},
    {401, "Unauthorized"},
    {403, "Forbidden"},
    {404, "Not Found"},
    {405, "Method Not Allowed"},
    {406, "Not Acceptable"},
    {408, "Request Timeout"},
    {409, "Conflict"},
    {410, "Gone"},
    {411, "Length Required"},
    {413, "Content Too Large"},
    {414, "URI Too Long"},
    {415, "Unsupported Media Type"},
    {417, "Expectation Failed"},
    {422, "Unprocessable Content"},
    {424, "Failed Dependency"},
    {429, "Too Many Requests"},
    {431, "Request Header Fields Too Large"},
    {500, "Internal Server Error"},
    {501, "Not Implemented"},
    {502, "Bad Gateway"},
    {503, "Service Unavailable"},
    {504, "Gateway Timeout"},
    {505, "HTTP Version Not Supported"},
    {508, "Loop Detected"},
    {529, "Overloaded"},
};

// Empty for a status without a name.
static const char *status_text(int status) {
	for (size_t i = 0; i < sizeof statuses / sizeof *statuses; i++)
		if (statuses[i].status == status)
			return statuses[i].text;
	return "";
}

static void append_field(struct buffer *out, struct slice name, struct slice value) {
	buffer_append(out, name);
	buffer_append(out, SLICE(": "));
	buffer_append(out, value);
	buffer_append(out, SLICE("\r\n"));
}

static bool breaks_line(struct slice text) {
	return text.len &&
	       (memchr(text.ptr, '\r', text.len) || memchr(text.ptr, '\n', text.len) || memchr(text.ptr, '\0', text.len));
}

static bool is_own_header(struct slice name) {
	switch (name.len) {
	case 4:
		return slice_equal_nocase(name, SLICE("date"));
	case 10:
		return slice_equal_nocase(name, SLICE("connection")) || slice_equal_nocase(name, SLICE("keep-alive"));
	case 14:
		return slice_equal_nocase(name, SLICE("content-length"));
	case 17:
		return slice_equal_nocase(name, SLICE("transfer-encoding"));
	default:
		return false;
	}
}

bool response_head_passes(const struct header *header) {
	return !is_own_header(header->name) && !breaks_line(header->name) && !breaks_line(header->value);
}

void response_head_format(const struct response_head *head, struct buffer *out) {
	const char *text = status_text(head->status);
	buffer_append(out, SLICE("HTTP/1.1 "));
	buffer_append_number(out, head->status);
	buffer_append_byte(out, ' ');
	buffer_append(out, slice_from(text));
	buffer_append(out, SLICE("\r\n"));
	append_field(out, SLICE("date"), head->date);
	for (size_t i = 0; i < head->headers.count; i++) {
		const struct header *header = &head->headers.list[i];
		if (response_head_passes(header))
			append_field(out, header->name, header->value);
	}
	if (head->content_length >= 0) {
		buffer_append(out, SLICE("content-length: "));
		buffer_append_number(out, head->content_length);
		buffer_append(out, SLICE("\r\n"));
	}
	if (head->chunked)
		append_field(out, SLICE("transfer-encoding"), SLICE("chunked"));
	if (head->connection.len)
		append_field(out, SLICE("connection"), head->connection);
	buffer_append(out, SLICE("\r\n"));
}
