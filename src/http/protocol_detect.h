// SPDX-License-Identifier: Apache-2.0
// Inside of the server only: the first moments of a client's connection, until it is known which protocol it speaks.
#ifndef HTTP_PROTOCOL_DETECT_H
#define HTTP_PROTOCOL_DETECT_H

#include "http/server_internal.h"

struct ssl_st;

// Takes the socket over. With `ssl` (taken over too; NULL: plain) the TLS handshake comes first.
void protocol_detect_start(struct server *server, struct socket *socket, struct ssl_st *ssl);

#endif
