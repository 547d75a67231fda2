// SPDX-License-Identifier: Apache-2.0
// Notifies a service manager of the program's state: systemd's sd_notify protocol, a datagram to a Unix socket.
#ifndef GATEWAY_NOTIFY_H
#define GATEWAY_NOTIFY_H

// Sends `state` ("READY=1", "STOPPING=1") to the socket at `path`, as NOTIFY_SOCKET has it: "/path", or "@name" for an
// abstract socket. NULL: sends nothing. A failure is logged and has no other effect.
void notify_send(const char *path, const char *state);

#endif
