// SPDX-License-Identifier: Apache-2.0
// Trusted certificates. A file is read once per process, for all workers and endpoints: reading a system's store takes
// 20 ms.
#ifndef NET_TRUST_H
#define NET_TRUST_H

struct trust;
struct x509_store_st;

// The store of a file of PEM certificates; NULL is the system's, with the file that SSL_CERT_FILE names. The first call
// for a file reads it, which waits for the disk: make it before a loop needs the store, and hold on to it. Counted:
// release it with trust_release. If the file can't be read, that is logged and the store is empty, so that nothing is
// trusted. From any thread; never NULL.
struct trust *trust_take(const char *ca_file);

// From any thread.
void trust_release(struct trust *trust);

// The OpenSSL store; borrowed.
struct x509_store_st *trust_store(const struct trust *trust);

#endif
