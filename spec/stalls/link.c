// SPDX-License-Identifier: Apache-2.0
#include "link.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

uint64_t link_now_ns(void) {
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static SSL_CTX *shared_tls(void) {
	static SSL_CTX *tls;
	if (!tls)
		tls = SSL_CTX_new(TLS_client_method());
	return tls;
}

static int start_tls(struct link *link, const char *alpn) {
	unsigned char list[16];
	size_t length = strlen(alpn);
	list[0] = (unsigned char)length;
	memcpy(list + 1, alpn, length);
	link->ssl = SSL_new(shared_tls());
	if (!link->ssl || SSL_set_fd(link->ssl, link->fd) != 1)
		return -1;
	SSL_set_mode(link->ssl, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	SSL_set_alpn_protos(link->ssl, list, (unsigned)length + 1);
	return SSL_connect(link->ssl) == 1 ? 0 : -1;
}

int link_open(struct link *link, const char *address, uint16_t port, const char *alpn) {
	struct sockaddr_in from = {.sin_family = AF_INET, .sin_addr.s_addr = inet_addr(address ? address : "127.0.0.1")};
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	struct timeval limit = {.tv_sec = LINK_TIMEOUT_MS / 1000};
	int on = 1;
	*link = (struct link){.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
	if (link->fd < 0)
		return -1;
	setsockopt(link->fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
	setsockopt(link->fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
	// Many connections may leave from one address.
	setsockopt(link->fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
	setsockopt(link->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	if (bind(link->fd, (struct sockaddr *)&from, sizeof from) != 0 ||
	    connect(link->fd, (struct sockaddr *)&to, sizeof to) != 0 || (alpn && start_tls(link, alpn) != 0)) {
		link_close(link);
		return -1;
	}
	return 0;
}

void link_close(struct link *link) {
	SSL_free(link->ssl);
	if (link->fd >= 0)
		close(link->fd);
	*link = (struct link){.fd = -1};
}

// What SSL_read and SSL_write return, as read(2) and write(2) would.
static ssize_t plain_result(struct link *link, int result) {
	if (result > 0)
		return result;
	int error = SSL_get_error(link->ssl, result);
	errno = error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE ? EAGAIN : ECONNRESET;
	return error == SSL_ERROR_ZERO_RETURN ? 0 : -1;
}

ssize_t link_read(struct link *link, void *bytes, size_t size) {
	if (!link->ssl)
		return recv(link->fd, bytes, size, 0);
	return plain_result(link, SSL_read(link->ssl, bytes, (int)size));
}

ssize_t link_write(struct link *link, const void *bytes, size_t size) {
	if (!link->ssl)
		return send(link->fd, bytes, size, MSG_NOSIGNAL);
	return plain_result(link, SSL_write(link->ssl, bytes, size > 65536 ? 65536 : (int)size));
}

void link_stop_waiting(struct link *link) {
	fcntl(link->fd, F_SETFL, fcntl(link->fd, F_GETFL) | O_NONBLOCK);
}

int link_open_schedule(const char *process) {
	char path[64];
	snprintf(path, sizeof path, "/proc/%s/schedstat", process);
	return open(path, O_RDONLY | O_CLOEXEC);
}

uint64_t link_queued_ns(int schedule) {
	char text[128] = "";
	unsigned long long ran = 0, queued = 0;
	if (pread(schedule, text, sizeof text - 1, 0) <= 0 || sscanf(text, "%llu %llu", &ran, &queued) != 2)
		return 0;
	return queued;
}
