// SPDX-License-Identifier: Apache-2.0
// libcurl's multi handle on the loop, used for connecting only: an easy handle ends when its connection is made, and
// the descriptor is duplicated. curl's callbacks only say what to watch; results are collected after curl has returned,
// so that an owner may start and cancel connections from its callback.
#include "net/connect.h"

#include <curl/curl.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/list.h"
#include "base/memory.h"
#include "net/descriptor_limit.h"
#include "net/lack.h"
#include "net/loop_uv.h"

// A descriptor that curl wants to be watched.
struct curl_watch {
	struct list link; // in its connection's watches
	uv_poll_t poll;
	struct connector *connector;
	curl_socket_t descriptor;
};

struct connector {
	CURLM *multi;
	struct loop *loop;
	struct timer timer;
	struct list unwatched; // connections without a watched descriptor, until connector_resume
	char *proxy;           // may hold a password; NULL for none
	bool proxy_refused;
};

struct connecting {
	struct list link; // in the connector's unwatched
	struct list watches;
	struct connector *connector;
	CURL *easy;
	connect_callback callback;
	void *owner;
	int lack; // errno with which a socket could not be opened or watched; 0: none
	bool has_v4, has_v6;
	char message[CURL_ERROR_SIZE]; // of the failure
};

const char *connect_proxy_problem(const char *proxy) {
	if (proxy && strncasecmp(proxy, "https://", 8) == 0)
		return "the proxy of the environment is an https:// one; only http:// and socks proxies are supported";
	return NULL;
}

static void start_curl(void) {
	if (curl_global_init(CURL_GLOBAL_DEFAULT))
		abort();
}

static void curl_watch_on_closed(uv_handle_t *handle) {
	free(handle->data);
}

static void curl_watch_free(struct curl_watch *watch) {
	list_remove(&watch->link);
	curl_multi_assign(watch->connector->multi, watch->descriptor, NULL);
	uv_close((uv_handle_t *)&watch->poll, curl_watch_on_closed);
}

// Stops watching first: curl closes a socket that isn't connected yet before it reports that, and by then another
// thread may have a descriptor of that number.
static void connecting_free(struct connecting *connecting) {
	while (!list_is_empty(&connecting->watches))
		curl_watch_free(LIST_OWNER(connecting->watches.next, struct curl_watch, link));
	curl_multi_remove_handle(connecting->connector->multi, connecting->easy);
	curl_easy_cleanup(connecting->easy);
	list_remove(&connecting->link);
	free(connecting);
}

// Opens a socket for curl, whose own function would lose errno.
static curl_socket_t connecting_on_open(void *owner, curlsocktype purpose, struct curl_sockaddr *address) {
	struct connecting *connecting = owner;
	(void)purpose;
	connecting->has_v4 |= address->family == AF_INET;
	connecting->has_v6 |= address->family == AF_INET6;
	int descriptor = socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
	if (descriptor >= descriptor_limit_of_upstreams()) {
		close(descriptor);
		descriptor = -1;
		errno = EMFILE;
	}
	if (descriptor < 0 && lack_is(errno))
		connecting->lack = errno;
	return descriptor < 0 ? CURL_SOCKET_BAD : descriptor;
}

// The errno of what this process lacked, or 0 if the failure is the peer's or the network's.
static int connecting_lack(const struct connecting *connecting, CURLcode code) {
	long system_error = 0;
	curl_easy_getinfo(connecting->easy, CURLINFO_OS_ERRNO, &system_error);
	switch (code) {
	case CURLE_OUT_OF_MEMORY:
		return ENOMEM;
	case CURLE_COULDNT_RESOLVE_HOST:
	case CURLE_COULDNT_RESOLVE_PROXY:
		// All that curl says is that it doesn't resolve, but for a thread that doesn't start.
		if (lack_of_descriptors())
			return lack_of_descriptors();
		return strstr(connecting->message, "thread failed to start") ? EAGAIN : 0;
	case CURLE_COULDNT_CONNECT:
		if (lack_is((int)system_error))
			return (int)system_error;
		// No port is left; of IPv6 it may mean that this machine has no such address.
		if (system_error == EADDRNOTAVAIL && connecting->has_v4 && !connecting->has_v6)
			return EADDRNOTAVAIL;
		break;
	default:
		break;
	}
	return connecting->lack;
}

static enum connect_failure connecting_failure(struct connecting *connecting, CURLcode code) {
	long system_error = 0, tunnel_status = 0;
	curl_easy_getinfo(connecting->easy, CURLINFO_OS_ERRNO, &system_error);
	curl_easy_getinfo(connecting->easy, CURLINFO_HTTP_CONNECTCODE, &tunnel_status);
	if (tunnel_status)
		return CONNECT_NO_TUNNEL;
	switch (code) {
	case CURLE_COULDNT_RESOLVE_HOST:
		return CONNECT_NOT_RESOLVED;
	case CURLE_OPERATION_TIMEDOUT:
		return CONNECT_TIMED_OUT;
	case CURLE_COULDNT_CONNECT:
		if (system_error == 0 && connecting->connector->proxy_refused)
			return CONNECT_NO_TUNNEL;
		if (system_error == ECONNREFUSED)
			return CONNECT_REFUSED;
		return system_error == ETIMEDOUT ? CONNECT_TIMED_OUT : CONNECT_FAILED;
	case CURLE_COULDNT_RESOLVE_PROXY:
	case CURLE_PROXY:
	// Without a tunnel no byte is sent or received while connecting.
	case CURLE_SEND_ERROR:
	case CURLE_RECV_ERROR:
	case CURLE_GOT_NOTHING:
	case CURLE_WEIRD_SERVER_REPLY:
		return CONNECT_NO_TUNNEL;
	default:
		return CONNECT_FAILED;
	}
}

static void connecting_report(struct connecting *connecting, CURLcode code) {
	connect_callback callback = connecting->callback;
	void *owner = connecting->owner;
	enum connect_failure failure = CONNECT_FAILED;
	int descriptor = -1;
	curl_socket_t connected = CURL_SOCKET_BAD;
	int lack = code != CURLE_OK ? connecting_lack(connecting, code) : 0;
	if (code != CURLE_OK) {
		failure = connecting_failure(connecting, code);
	} else if (curl_easy_getinfo(connecting->easy, CURLINFO_ACTIVESOCKET, &connected) == CURLE_OK &&
	           connected != CURL_SOCKET_BAD) {
		descriptor = fcntl(connected, F_DUPFD_CLOEXEC, 0);
		lack = descriptor < 0 && lack_is(errno) ? errno : 0;
	}
	if (lack) {
		failure = CONNECT_EXHAUSTED;
		lack_log(LACK_CONNECTING, lack);
	}
	connecting_free(connecting);
	callback(owner, descriptor, failure);
}

static struct connecting *connecting_of(CURL *easy) {
	char *connecting = NULL;
	curl_easy_getinfo(easy, CURLINFO_PRIVATE, &connecting);
	return (struct connecting *)(void *)connecting;
}

static void connector_collect(struct connector *connector) {
	CURLMsg *message;
	int left;
	while ((message = curl_multi_info_read(connector->multi, &left)) != NULL) {
		CURLcode code = message->data.result;
		connecting_report(connecting_of(message->easy_handle), code);
	}
}

// When an address refuses, curl tries the next one, but opens its socket only when one of curl's timers fires, seconds
// later. Pausing does nothing before a transfer, and ending the pause makes curl continue at once.
static void connector_resume(struct connector *connector) {
	while (!list_is_empty(&connector->unwatched)) {
		struct connecting *connecting = LIST_OWNER(connector->unwatched.next, struct connecting, link);
		list_remove(&connecting->link);
		curl_easy_pause(connecting->easy, CURLPAUSE_RECV);
		curl_easy_pause(connecting->easy, CURLPAUSE_CONT);
	}
}

static void connector_act(struct connector *connector, curl_socket_t descriptor, int happened) {
	int running;
	curl_multi_socket_action(connector->multi, descriptor, happened, &running);
	connector_collect(connector);
	connector_resume(connector);
}

static void connector_on_timer(void *owner) {
	connector_act(owner, CURL_SOCKET_TIMEOUT, 0);
}

static void curl_watch_on_poll(uv_poll_t *poll, int status, int happened) {
	struct curl_watch *watch = poll->data;
	int flags = status < 0 ? CURL_CSELECT_ERR : 0;
	if (happened & UV_READABLE)
		flags |= CURL_CSELECT_IN;
	if (happened & UV_WRITABLE)
		flags |= CURL_CSELECT_OUT;
	connector_act(watch->connector, watch->descriptor, flags);
}

// `connecting` is NULL for a handle of curl's own.
static struct curl_watch *curl_watch_new(struct connector *connector, struct connecting *connecting,
                                         curl_socket_t descriptor) {
	struct curl_watch *watch = memory_new(1, sizeof(*watch));
	if (uv_poll_init(loop_uv(connector->loop), &watch->poll, descriptor)) {
		free(watch);
		return NULL;
	}
	watch->poll.data = watch;
	watch->connector = connector;
	watch->descriptor = descriptor;
	list_init(&watch->link);
	if (connecting)
		list_append(&connecting->watches, &watch->link);
	curl_multi_assign(connector->multi, descriptor, watch);
	return watch;
}

// curl's callback: curl wants other events of a descriptor. Returning -1 makes the connections fail.
static int connector_on_want(CURL *easy, curl_socket_t descriptor, int wanted, void *owner, void *assigned) {
	struct connector *connector = owner;
	struct curl_watch *watch = assigned;
	// curl closes some connections with a handle of its own.
	struct connecting *connecting = connecting_of(easy);
	if (connecting)
		list_remove(&connecting->link);
	if (wanted == CURL_POLL_REMOVE) {
		if (connecting)
			list_append(&connector->unwatched, &connecting->link);
		if (watch)
			curl_watch_free(watch);
		return 0;
	}
	if (watch == NULL)
		watch = curl_watch_new(connector, connecting, descriptor);
	if (watch == NULL) {
		if (connecting)
			connecting->lack = ENOMEM;
		return -1;
	}
	int events = (wanted & CURL_POLL_IN ? UV_READABLE : 0) | (wanted & CURL_POLL_OUT ? UV_WRITABLE : 0);
	return uv_poll_start(&watch->poll, events, curl_watch_on_poll) ? -1 : 0;
}

static int connector_on_want_timer(CURLM *multi, long timeout_ms, void *owner) {
	struct connector *connector = owner;
	(void)multi;
	if (timeout_ms < 0)
		timer_stop(&connector->timer);
	else
		timer_start(&connector->timer, (uint64_t)timeout_ms);
	return 0;
}

struct connector *connector_new(struct loop *loop, const char *proxy) {
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	pthread_once(&once, start_curl);
	struct connector *connector = memory_new(1, sizeof(*connector));
	connector->loop = loop;
	timer_init(&connector->timer, loop, connector_on_timer, connector);
	list_init(&connector->unwatched);
	connector->proxy_refused = connect_proxy_problem(proxy) != NULL;
	// curl refuses an unknown scheme, but only for hosts that NO_PROXY doesn't exempt.
	if (connector->proxy_refused)
		proxy = "refused://proxy";
	connector->proxy = proxy ? memory_string(slice_from(proxy)) : NULL;
	connector->multi = curl_multi_init();
	if (connector->multi == NULL)
		abort();
	curl_multi_setopt(connector->multi, CURLMOPT_SOCKETFUNCTION, connector_on_want);
	curl_multi_setopt(connector->multi, CURLMOPT_SOCKETDATA, connector);
	curl_multi_setopt(connector->multi, CURLMOPT_TIMERFUNCTION, connector_on_want_timer);
	curl_multi_setopt(connector->multi, CURLMOPT_TIMERDATA, connector);
	return connector;
}

void connector_free(struct connector *connector) {
	curl_multi_cleanup(connector->multi);
	timer_stop(&connector->timer);
	memory_free_secret(connector->proxy);
	free(connector);
}

static size_t drop_bytes(char *bytes, size_t size, size_t count, void *owner) {
	(void)bytes;
	(void)owner;
	return size * count;
}

static void connecting_configure(struct connecting *connecting, bool secure, const char *host, uint16_t port,
                                 uint64_t timeout_ms) {
	CURL *easy = connecting->easy;
	const char *proxy = secure ? connecting->connector->proxy : NULL;
	bool bare_v6 = strchr(host, ':') && host[0] != '[';
	char url[320];
	// A name that doesn't fit is longer than DNS allows; shortened, it doesn't resolve.
	snprintf(url, sizeof(url), bare_v6 ? "http://[%.255s]:%u/" : "http://%.255s:%u/", host, port);
	curl_easy_setopt(easy, CURLOPT_URL, url);
	curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http");
	curl_easy_setopt(easy, CURLOPT_PRIVATE, connecting);
	curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, connecting->message);
	curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, connecting_on_open);
	curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, connecting);
	curl_easy_setopt(easy, CURLOPT_CONNECT_ONLY, 1L);
	curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, 1L);
	curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L);
	curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, timeout_ms > LONG_MAX ? LONG_MAX : (long)timeout_ms);
	// An empty proxy keeps curl from reading the environment itself.
	curl_easy_setopt(easy, CURLOPT_PROXY, proxy ? proxy : "");
	curl_easy_setopt(easy, CURLOPT_HTTPPROXYTUNNEL, proxy ? 1L : 0L);
	curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, drop_bytes);
	curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, drop_bytes);
}

struct connecting *connector_start(struct connector *connector, bool secure, const char *host, uint16_t port,
                                   uint64_t timeout_ms, connect_callback callback, void *owner,
                                   enum connect_failure *failure) {
	*failure = CONNECT_FAILED;
	// With these bytes the URL would name another host.
	if (strpbrk(host, "/?#@\\"))
		return NULL;
	*failure = CONNECT_EXHAUSTED;
	struct connecting *connecting = memory_new(1, sizeof(*connecting));
	*connecting =
	    (struct connecting){.connector = connector, .easy = curl_easy_init(), .callback = callback, .owner = owner};
	list_init(&connecting->link);
	list_init(&connecting->watches);
	if (connecting->easy == NULL) {
		free(connecting);
		return NULL;
	}
	connecting_configure(connecting, secure, host, port, timeout_ms);
	if (curl_multi_add_handle(connector->multi, connecting->easy)) {
		curl_easy_cleanup(connecting->easy);
		free(connecting);
		return NULL;
	}
	return connecting;
}

void connecting_cancel(struct connecting *connecting) {
	connecting_free(connecting);
}
