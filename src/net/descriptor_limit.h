// SPDX-License-Identifier: Apache-2.0
// How many descriptors the process may open.
#ifndef NET_DESCRIPTOR_LIMIT_H
#define NET_DESCRIPTOR_LIMIT_H

// Raises the soft limit to the hard one: a proxied request may need two descriptors. A failure leaves the limit as it
// is.
void descriptor_limit_raise(void);

#endif
