// SPDX-License-Identifier: Apache-2.0
#include "gateway/request_routes.h"

#define HOST SLICE("host")
#define ORIGIN SLICE("origin")
#define FETCH_SITE SLICE("sec-fetch-site")

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

// "HOST[:PORT]" without the port.
static struct slice authority_host(struct slice authority) {
	size_t end = authority.len;
	while (end > 0 && authority.ptr[end - 1] >= '0' && authority.ptr[end - 1] <= '9')
		end--;
	return end > 0 && authority.ptr[end - 1] == ':' ? slice_of(authority.ptr, end - 1) : authority;
}

static bool is_listed(struct slice authority, const struct request_hosts *hosts) {
	struct slice host = authority_host(authority);
	for (size_t i = 0; hosts->listed && i < hosts->listed->count; i++)
		if (slice_equal_nocase(host, slice_from(hosts->listed->list[i])))
			return true;
	return false;
}

// Most clients use one of the first two. Names below localhost are loopback without being resolved (RFC 6761, 6.3).
static bool is_known_host(struct slice authority, const struct request_hosts *hosts) {
	const struct slice below = SLICE(".localhost");
	struct slice host = authority_host(authority);
	return slice_equal(host, SLICE("127.0.0.1")) || slice_equal(host, SLICE("localhost")) ||
	       is_local_authority(authority) || is_listed(authority, hosts) ||
	       (host.len > below.len && slice_equal_nocase(slice_from_offset(host, host.len - below.len), below));
}

static bool is_own_origin(struct slice origin, const struct slice *host, const struct request_hosts *hosts) {
	struct slice authority = origin_authority(origin);
	return authority.len > 0 && host && slice_equal_nocase(authority, *host) &&
	       (is_local_authority(authority) || is_listed(authority, hosts));
}

// Another site of the same domain is another site: so is another port of this machine.
static bool is_own_site(struct slice site) {
	return slice_equal(site, SLICE("same-origin")) || slice_equal(site, SLICE("none"));
}

const char *request_routes_foreign(const struct server_request *request, const struct request_hosts *hosts) {
	const struct slice *host = NULL;
	bool has_origin = false;
	bool is_own = true;
	for (size_t i = 0; i < request->headers.count; i++) {
		const struct header *header = &request->headers.list[i];
		size_t len = header->name.len;
		if (len == HOST.len && !host && slice_equal_nocase(header->name, HOST))
			host = &header->value;
		else if (len == ORIGIN.len && slice_equal_nocase(header->name, ORIGIN))
			has_origin = true;
		else if (len == FETCH_SITE.len && slice_equal_nocase(header->name, FETCH_SITE))
			is_own &= is_own_site(header->value);
	}
	for (size_t i = 0; has_origin && i < request->headers.count; i++)
		if (slice_equal_nocase(request->headers.list[i].name, ORIGIN))
			is_own &= is_own_origin(request->headers.list[i].value, host, hosts);
	if (!is_own)
		return "Requests on behalf of another site are refused.";
	if (hosts->are_checked && host && !is_known_host(*host, hosts) && !slice_equal(request->peer, SLICE("unix")))
		return "The host is neither local nor one of the settings' allowed_hosts.";
	return NULL;
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
	    {"proxy-authorization", 19}, {"x-signalbox-hop", 15}, {"x-api-key", 9},
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

void request_routes_read(const struct server_request *request, struct slice instance, const struct request_hosts *hosts,
                         struct buffer *model_id, struct request_route *route) {
	const char *foreign = request_routes_foreign(request, hosts);
	*route = (struct request_route){.operation = OPERATION_UNKNOWN};
	if (foreign)
		refuse_route(route, 403, "AccessDeniedException", foreign);
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
