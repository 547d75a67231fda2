// SPDX-License-Identifier: Apache-2.0
// Inherited listeners: which one becomes which, what is refused, and that descriptors meant for another process are
// left alone. The spec passes itself real sockets as the descriptors from 3 on.
#include "../check.h"
#include "../variables.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/problem.h"
#include "gateway/socket_activation.h"
#include "net/bind.h"

// Opens a TCP socket as that descriptor, with its address in `text`. With a NULL host it doesn't listen.
static void pass_socket(int descriptor, const char *host, char text[64]) {
	struct sockaddr_in name = {.sin_family = AF_INET};
	socklen_t size = sizeof name;
	int made = socket(AF_INET, SOCK_STREAM, 0);
	inet_pton(AF_INET, host ? host : "127.0.0.1", &name.sin_addr);
	CHECK_INT(bind(made, (const struct sockaddr *)&name, sizeof name), 0);
	if (host)
		CHECK_INT(listen(made, 16), 0);
	getsockname(made, (struct sockaddr *)&name, &size);
	snprintf(text, 64, "%s:%u", host ? host : "127.0.0.1", (unsigned)ntohs(name.sin_port));
	if (made != descriptor) {
		CHECK_INT(dup2(made, descriptor), descriptor);
		close(made);
	}
}

struct adoption {
	struct settings settings;
	struct problems problems;
	int rc;
	char text[2048];
};

static void adopt(struct adoption *adoption, const char *count, const char *names, bool is_for_us, bool allow) {
	static const struct settings_flags none;
	char pid[16];
	const struct variable variables[] = {
	    {"LISTEN_PID", pid}, {"LISTEN_FDS", count}, {"LISTEN_FDNAMES", names}, {NULL, NULL}};
	struct environment nothing = environment_of(NULL), environment = environment_of(variables);
	snprintf(pid, sizeof pid, "%d", (int)getpid() + (is_for_us ? 0 : 1));
	*adoption = (struct adoption){0};
	CHECK_INT(settings_read(NULL, NULL, &none, &nothing, &adoption->problems, &adoption->settings), 0);
	adoption->settings.allow_unauthenticated = allow;
	adoption->rc = socket_activation_adopt(&environment, &adoption->settings, &adoption->problems);
	struct buffer text;
	buffer_init(&text, sizeof adoption->text - 1);
	problems_format(&adoption->problems, &text);
	if (text.len)
		memcpy(adoption->text, text.ptr, text.len);
	buffer_free(&text);
}

static void adoption_free(struct adoption *adoption) {
	problems_free(&adoption->problems);
	settings_free(&adoption->settings);
}

TEST(sockets_replace_the_addresses_of_the_settings) {
	char one[64], two[64], admin[64];
	struct adoption adoption;
	const char *message;
	struct bound_socket bound;
	pass_socket(3, "127.0.0.1", one);
	pass_socket(4, "127.0.0.1", admin);
	pass_socket(5, "127.0.0.1", two);
	adopt(&adoption, "3", "data:admin:signalbox.socket", true, false);
	CHECK_STRING(adoption.text, "");
	CHECK_INT(adoption.settings.listen.count, 2);
	CHECK_STRING(adoption.settings.listen.list[0], one);
	CHECK_STRING(adoption.settings.listen.list[1], two);
	CHECK_STRING(adoption.settings.admin, admin);
	// Every worker gets the same socket, and closing leaves it open.
	for (int i = 0; i < 2; i++) {
		CHECK_INT(bind_probe(one, &message), 0);
		CHECK_INT(bind_listen(one, i == 1, &bound, &message), 0);
		CHECK(bound.descriptor > 5);
		CHECK(bound.is_adopted);
		CHECK_INT(fcntl(bound.descriptor, F_GETFL) & O_NONBLOCK, O_NONBLOCK);
		bind_close(bound, one);
	}
	CHECK_INT(fcntl(3, F_GETFD), FD_CLOEXEC);
	adoption_free(&adoption);
}

TEST(without_names_all_are_data_listeners) {
	char one[64], two[64];
	struct adoption adoption;
	pass_socket(3, "127.0.0.1", one);
	pass_socket(4, "127.0.0.1", two);
	adopt(&adoption, "2", NULL, true, false);
	CHECK_INT(adoption.rc, 0);
	CHECK_INT(adoption.settings.listen.count, 2);
	CHECK_STRING(adoption.settings.listen.list[1], two);
	CHECK_STRING(adoption.settings.admin, "127.0.0.1:9090");
	adoption_free(&adoption);
}

TEST(sockets_for_another_process_are_left_alone) {
	char one[64];
	struct adoption adoption;
	pass_socket(3, "127.0.0.1", one);
	adopt(&adoption, "1", "data", false, false);
	CHECK_INT(adoption.rc, 0);
	CHECK_INT(adoption.settings.listen.count, 1);
	CHECK_STRING(adoption.settings.listen.list[0], "127.0.0.1:8080");
	adoption_free(&adoption);
	adopt(&adoption, NULL, NULL, true, false);
	CHECK_STRING(adoption.settings.listen.list[0], "127.0.0.1:8080");
	adoption_free(&adoption);
}

TEST(unusable_sockets_are_refused) {
	static const struct {
		const char *host, *count, *names;
		bool allow;
		const char *problem; // NULL: none
	} rows[] = {
	    {NULL, "1", "data", false, "LISTEN_FDS[1]: descriptor 3 is no stream socket that listens"},
	    {"127.0.0.1", "65", "data", false, "LISTEN_FDS: expected a number up to 64, found 65"},
	    {"127.0.0.1", "x", "data", false, "LISTEN_FDS: expected a number up to 64, found x"},
	    {"0.0.0.0", "1", "data", false, "listen: expected a loopback address"},
	    {"0.0.0.0", "1", "data", true, NULL},
	    {"0.0.0.0", "1", "admin", true, "admin: expected a loopback address"},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		char one[64];
		struct adoption adoption;
		pass_socket(3, rows[i].host, one);
		adopt(&adoption, rows[i].count, rows[i].names, true, rows[i].allow);
		CHECK_INT(adoption.rc, rows[i].problem ? ERROR_INVALID : 0);
		CHECK(!rows[i].problem || strstr(adoption.text, rows[i].problem));
		if (rows[i].problem && !strstr(adoption.text, rows[i].problem))
			printf("  row %zu: %s", i, adoption.text);
		adoption_free(&adoption);
	}
}

int main(void) {
	RUN(sockets_replace_the_addresses_of_the_settings);
	RUN(without_names_all_are_data_listeners);
	RUN(sockets_for_another_process_are_left_alone);
	RUN(unusable_sockets_are_refused);
	return check_summary();
}
