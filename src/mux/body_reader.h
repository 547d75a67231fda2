// SPDX-License-Identifier: Apache-2.0
// The functions with which policies read bodies of the service's shapes.
#ifndef MUX_BODY_READER_H
#define MUX_BODY_READER_H

#include "policy/body_reader.h"

// On aws/request_shape.h and aws/response_shape.h; for policy_host.bodies.
extern const struct body_reader mux_body_reader;

#endif
