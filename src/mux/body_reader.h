// SPDX-License-Identifier: Apache-2.0
// What policies are lent to look into the service's bodies.
#ifndef MUX_BODY_READER_H
#define MUX_BODY_READER_H

#include "policy/body_reader.h"

extern const struct body_reader mux_body_reader;

#endif
