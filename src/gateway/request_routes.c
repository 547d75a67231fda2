// SPDX-License-Identifier: Apache-2.0
#include "gateway/request_routes.h"

#include "config/address.h"

static void refuse_route(struct request_route *route, int status, const char *exception, const char *message) {
	route->kind = REQUEST_ROUTE_REFUSED;
	route->status = status;
	route->exception = exception;
	route->message = message;
}

// "http://HOST[:PORT]" -> "HOST[:PORT]"; empty for "null" and other schemes.
static struct slice origin_authority(struct slice origin) {
	if (slice_starts(origin, SLICE("http://")))
		return slice_from_offset(origin, 7);
	if (slice_starts(origin, SLICE("https://")))
		return slice_from_offset(origin, 8);
	return (struct slice){"", 0};
}

// Whether the host of "HOST[:PORT]" is loopback. Names are not resolved: an attacker's DNS could point one here.
static bool is_local_authority(struct slice authority) {
	struct address address;
	char text[300];
	if (authority.len + 3 > sizeof text)
		return false;
	memcpy(text, authority.ptr, authority.len);
	memcpy(text + authority.len, ":0", 2);
	struct slice with_port = slice_of(text, authority.len + 2);
	if (slice_starts(authority, SLICE("unix:")))
		return false;
	return (address_parse(authority, &address) || address_parse(with_port, &address)) && address_is_local(&address);
}

bool request_routes_is_foreign(struct headers headers) {
	const struct slice *host = headers_find(headers, SLICE("host"));
	for (size_t i = 0; i < headers.count; i++) {
		if (!slice_equal_nocase(headers.list[i].name, SLICE("origin")))
			continue;
		struct slice authority = origin_authority(headers.list[i].value);
		if (authority.len == 0 || !host || !slice_equal_nocase(authority, *host) || !is_local_authority(authority))
			return true;
	}
	return false;
}

// Whether the comma-separated list names this instance.
static bool names_instance(struct slice list, struct slice instance) {
	struct slice item;
	while (slice_next_item(&list, &item))
		if (slice_equal(item, instance))
			return true;
	return false;
}

static bool has_passed_here(struct headers headers, struct slice instance) {
	for (size_t i = 0; i < headers.count; i++)
		if (slice_equal_nocase(headers.list[i].name, HOP_HEADER) && names_instance(headers.list[i].value, instance))
			return true;
	return false;
}

bool request_routes_withholds(struct slice name) {
	static const struct slice withheld[] = {
	    {"authorization", 13},       {"cookie", 6},           {"x-amz-security-token", 20},
	    {"proxy-authorization", 19}, {"x-signalbox-hop", 15},
	};
	for (size_t i = 0; i < sizeof withheld / sizeof *withheld; i++)
		if (slice_equal_nocase(name, withheld[i]))
			return true;
	return false;
}

bool request_routes_is_reading(struct slice method) {
	return slice_equal(method, SLICE("GET")) || slice_equal(method, SLICE("HEAD"));
}

static void read_operation(const struct server_request *request, struct buffer *model_id, struct request_route *route) {
	switch (operation_parse(request->method, request->path, &route->operation, model_id)) {
	case OPERATION_MATCHED:
		route->kind = REQUEST_ROUTE_CALL;
		if (route->operation == OPERATION_INVOKE_MODEL_BIDIRECTIONAL)
			refuse_route(route, 404, "UnknownOperationException",
			             "InvokeModelWithBidirectionalStream is not served by this gateway.");
		break;
	case OPERATION_NO_SUCH_PATH:
		refuse_route(route, 404, "UnknownOperationException", "The path is none of Bedrock Runtime's operations.");
		break;
	case OPERATION_WRONG_METHOD:
		refuse_route(route, 404, "UnknownOperationException", "The operation of this path takes another method.");
		break;
	case OPERATION_BAD_MODEL_ID:
		refuse_route(route, 400, "ValidationException", "The provided model identifier is invalid.");
		break;
	case OPERATION_BAD_PATH:
		refuse_route(route, 400, "ValidationException",
		             "The path has an empty segment or one of dots, which services read differently.");
		break;
	}
}

void request_routes_read(const struct server_request *request, struct slice instance, struct buffer *model_id,
                         struct request_route *route) {
	*route = (struct request_route){.operation = OPERATION_UNKNOWN};
	if (request_routes_is_foreign(request->headers))
		refuse_route(route, 403, "AccessDeniedException", "Requests on behalf of another site are refused.");
	else if (has_passed_here(request->headers, instance))
		refuse_route(route, 508, "LoopDetectedException", "The request has passed through this gateway before.");
	else if (slice_equal(request->path, SLICE("/health")) && request_routes_is_reading(request->method))
		route->kind = REQUEST_ROUTE_HEALTH;
	else
		read_operation(request, model_id, route);
}

const char *request_routes_refusal_name(int status) {
	switch (status) {
	case 408:
		return "RequestTimeoutException";
	case 413:
		return "RequestEntityTooLargeException";
	case 414:
	case 431:
		return "RequestHeaderTooLargeException";
	case 429:
		return "ThrottlingException";
	case 503:
		return "ServiceUnavailableException";
	default:
		return status >= 500 && status != 501 && status != 505 ? "InternalServerException" : "ValidationException";
	}
}
