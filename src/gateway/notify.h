// SPDX-License-Identifier: Apache-2.0
// Tells a service manager how the program stands: systemd's sd_notify protocol, a datagram to a Unix socket.
#ifndef GATEWAY_NOTIFY_H
#define GATEWAY_NOTIFY_H

// Sends `state` ("READY=1", "STOPPING=1") to the socket at `path`, as NOTIFY_SOCKET has it: "/path", or "@name" for an
// abstract socket. NULL is nobody. What can't be sent is logged: the service goes on all the same.
void notify_send(const char *path, const char *state);

#endif
