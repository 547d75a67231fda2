// SPDX-License-Identifier: Apache-2.0
// Listeners that whoever started the process has opened for it (systemd's socket activation): LISTEN_PID, LISTEN_FDS
// and LISTEN_FDNAMES, descriptors from 3 on.
#ifndef GATEWAY_SOCKET_ACTIVATION_H
#define GATEWAY_SOCKET_ACTIVATION_H

#include "base/environment.h"
#include "base/error.h"
#include "base/problem.h"
#include "gateway/settings.h"

// Takes them over in `settings`: a socket of the name "admin" is the admin listener; all others, in their order, take
// the places of `listen`, and those beyond come behind. Without variables that are meant for this process nothing
// changes. 0, or ERROR_INVALID with every problem added: what was passed is no listener, or one that the settings don't
// allow.
int socket_activation_adopt(const struct environment *environment, struct settings *settings,
                            struct problems *problems);

#endif
