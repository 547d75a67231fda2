// SPDX-License-Identifier: Apache-2.0
// Internal to the server: a client's connection until its protocol is known.
#ifndef HTTP_PROTOCOL_DETECT_H
#define HTTP_PROTOCOL_DETECT_H

#include "http/server_internal.h"

struct ssl_st;

// Takes ownership of the socket, its client's place, and `ssl`. With `ssl` the TLS handshake comes first; NULL is no
// TLS.
void protocol_detect_start(struct server *server, struct socket *socket, struct client_place *place,
                           struct ssl_st *ssl);

#endif
