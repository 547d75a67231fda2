// SPDX-License-Identifier: Apache-2.0
// Connects directly to the address and ignores the proxies of the environment.
#include "http/fetch.h"

#include <stdio.h>
#include <string.h>

#include <curl/curl.h>

enum { URL_BYTES = 1024 };

static size_t fetch_on_body(char *bytes, size_t size, size_t count, void *owner) {
	return buffer_append(owner, slice_of(bytes, size * count)) ? 0 : size * count;
}

static bool fetch_set_address(CURL *easy, const struct fetch_request *request) {
	static const char unix_prefix[] = "unix:";
	char url[URL_BYTES];
	const char *host = request->address;
	if (strncmp(host, unix_prefix, sizeof unix_prefix - 1) == 0) {
		if (curl_easy_setopt(easy, CURLOPT_UNIX_SOCKET_PATH, host + sizeof unix_prefix - 1))
			return false;
		host = "localhost";
	}
	int length = snprintf(url, sizeof url, "http://%s%s", host, request->path);
	return length > 0 && (size_t)length < sizeof url && curl_easy_setopt(easy, CURLOPT_URL, url) == CURLE_OK;
}

static long fetch_perform(CURL *easy, const struct fetch_request *request, struct buffer *body, const char **message) {
	long status = 0;
	if (!fetch_set_address(easy, request)) {
		*message = "the address is too long";
		return 0;
	}
	curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http");
	curl_easy_setopt(easy, CURLOPT_PROXY, "");
	curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, request->timeout_ms);
	curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, request->method);
	if (strcmp(request->method, "GET") != 0) {
		curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->body.len);
		curl_easy_setopt(easy, CURLOPT_POSTFIELDS, request->body.len ? request->body.ptr : "");
	}
	curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, fetch_on_body);
	curl_easy_setopt(easy, CURLOPT_WRITEDATA, body);
	CURLcode code = curl_easy_perform(easy);
	if (code == CURLE_OK)
		curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
	else
		*message = body->failed ? "the answer is too large" : curl_easy_strerror(code);
	return status;
}

int fetch(const struct fetch_request *request, struct buffer *body, const char **message) {
	*message = "libcurl could not be set up";
	if (curl_global_init(CURL_GLOBAL_NOTHING))
		return 0;
	CURL *easy = curl_easy_init();
	long status = easy ? fetch_perform(easy, request, body, message) : 0;
	curl_easy_cleanup(easy);
	curl_global_cleanup();
	return (int)status;
}
