// SPDX-License-Identifier: Apache-2.0
// Listeners that a service manager opened for the process (systemd's socket activation): LISTEN_PID, LISTEN_FDS and
// LISTEN_FDNAMES, descriptors from 3 on.
#ifndef GATEWAY_SOCKET_ACTIVATION_H
#define GATEWAY_SOCKET_ACTIVATION_H

#include "base/environment.h"
#include "base/error.h"
#include "base/problem.h"
#include "gateway/settings.h"

// Puts their addresses into `settings`: a socket named "admin" becomes the admin listener; the others replace the
// addresses of `listen` in order, and further ones are appended. If the variables are unset or meant for another
// process, nothing changes. 0, or ERROR_INVALID with every problem added: a descriptor is no listener, or the settings
// don't allow it.
int socket_activation_adopt(const struct environment *environment, struct settings *settings,
                            struct problems *problems);

#endif
